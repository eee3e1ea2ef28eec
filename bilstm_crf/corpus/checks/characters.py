"""Characters that hide in tokens: invisible ones, look-alikes of other scripts, traces of wrong decoding."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator

from bilstm_crf.corpus.checks.findings import Findings, Place, place_of
from bilstm_crf.sentence import Sentence

SOFT_HYPHEN, REPLACEMENT = "\u00ad", "\ufffd"
JOINERS = {"\u200c", "\u200d"}  # belong to words of Persian, Hindi and others, and to emoji
# Scripts with letters that look like Latin ones
LOOK_ALIKE_SCRIPTS = {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC"}
MIN_MIXED = 3  # letters of a part in which scripts are mixed: μm and Δx are right
# The byte of each character that one from 0x80 on becomes in Latin-1 or cp1252
BYTES = {
    bytes([byte]).decode(encoding): byte
    for encoding in ("latin-1", "cp1252")
    for byte in range(0x80, 0x100)
    if encoding == "latin-1" or byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)  # which cp1252 lacks
}
_CONTINUING = "[" + re.escape("".join(each for each, byte in BYTES.items() if byte < 0xC0)) + "]"
UTF8 = re.compile(f"[\xc2-\xdf]{_CONTINUING}|[\xe0-\xef]{_CONTINUING}{{2}}")  # read as one of those
LETTERS = re.compile(r"[^\W\d_]+")


def check_characters(sentences: Iterable[Sentence], findings: Findings) -> None:
    """Find tokens with odd characters; each distinct token is looked at once."""
    kinds: dict[str, dict[str, str]] = {}  # by distinct token, then kind: the description
    places: dict[str, list[Place]] = defaultdict(list)
    decomposed: list[Place] = []
    composed = False
    for sentence in sentences:
        if all(map(_is_plain, sentence.tokens)):
            continue
        for position, token in enumerate(sentence.tokens):
            if _is_plain(token):
                continue
            if token not in kinds:
                kinds[token] = dict(odd_characters(token))
            for kind, text in kinds[token].items():
                if kind == "normalisation":
                    decomposed.append(place_of(sentence, text, position))
                else:
                    places[kind].append(place_of(sentence, text, position))
            composed = composed or not unicodedata.is_normalized("NFD", token)
    for kind, found in places.items():
        findings.add(kind, found)
    if decomposed:
        mixed = "the files mix NFC and NFD, so one word has two forms: convert them to NFC"
        findings.add("normalisation", decomposed, advice=mixed if composed else "")


def _is_plain(token: str) -> bool:
    return token.isascii() and token.isprintable() and " " not in token


def odd_characters(token: str) -> Iterator[tuple[str, str]]:
    r"""Yield each kind of oddity in a token, with a description of it.

    >>> [kind for kind, _ in odd_characters("f\u00adÃ¸r")], list(odd_characters("Kаri"))
    (['mojibake', 'soft-hyphen'], [('look-alike', "'Kаri' with U+0430 CYRILLIC SMALL LETTER A")])
    >>> list(odd_characters("Åse")), list(odd_characters("β-blokker")), list(odd_characters("Ωmega"))[0][0]
    ([], [], 'look-alike')
    """
    if any(map(str.isspace, token)):
        yield "blank", ascii(token) if not token.isprintable() else repr(token)
    if (repaired := _decoded_again(token)) is not None:
        yield "mojibake", f"{token!r}, once {repaired!r}"
    if REPLACEMENT in token:
        yield "replacement", repr(token)
    found = {character: unicodedata.category(character) for character in token}
    if SOFT_HYPHEN in found:
        yield "soft-hyphen", ascii(token)
    control = [each for each, category in found.items() if category in ("Cc", "Co", "Cn", "Cs")]
    if control and not (repaired and all(each in BYTES for each in control)):  # told as mojibake
        yield "control", f"{token!a}: {_named(control[0])}"
    hidden = {each for each, category in found.items() if category == "Cf"} - {SOFT_HYPHEN}
    if hidden and not (hidden <= JOINERS and _joins(found)):
        yield "invisible", f"{token!a}: {_named(min(hidden))}"
    if (letter := _look_alike(token)) is not None:
        yield "look-alike", f"{token!r} with {_named(letter)}"
    if not unicodedata.is_normalized("NFC", token):
        yield "normalisation", ascii(token)


def _joins(categories: dict[str, str]) -> bool:
    """Return whether a token has characters between which a joiner can stand."""
    return any(
        category == "So" or (category == "Lo" and ord(character) > 0x590)
        for character, category in categories.items()
    )


def _named(character: str) -> str:
    name = unicodedata.name(character, "")
    return f"U+{ord(character):04X}{' ' * bool(name)}{name}"


def _decoded_again(token: str) -> str | None:
    """Return what a token was before UTF-8 was read as cp1252 or Latin-1; None if it was not."""

    def again(run: re.Match[str]) -> str:
        try:
            text = bytes(BYTES[character] for character in run[0]).decode("utf-8")
        except UnicodeDecodeError:
            return run[0]
        return text if all(map(_is_western, text)) else run[0]

    repaired = UTF8.sub(again, token)
    return None if repaired == token else repaired


def _is_western(character: str) -> bool:
    """Return whether it is a character that mojibake comes from: `É…` is an É and an ellipsis, no Ʌ."""
    return "\u00a0" <= character <= "\u017f" or "\u2010" <= character <= "\u2044" or character == "€"


def _look_alike(token: str) -> str | None:
    """Return the first letter of another script in a word that has Latin letters as well."""
    for part in LETTERS.findall(token):
        if len(part) < MIN_MIXED or part.isascii():
            continue
        scripts = {letter: unicodedata.name(letter, "").partition(" ")[0] for letter in part}
        if "LATIN" in scripts.values():
            for letter, script in scripts.items():
                if script in LOOK_ALIKE_SCRIPTS:
                    return letter
    return None
