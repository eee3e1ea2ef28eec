"""Copies: sentences that a split repeats, that are labelled in two ways, or that two splits share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations

from bilstm_crf.corpus.checks.findings import Findings, Place, excerpt, place_of
from bilstm_crf.corpus.filters import comparable_text, is_visible
from bilstm_crf.sentence import Sentence

MIN_NEAR_TOKENS = 4  # of a sentence that counts as copied but for case and digits: `Side 3` is none
DIGITS = re.compile(r"\d")
Splits = Mapping[str, Sequence[Sentence]]


def check_copies(splits: Splits, findings: Findings) -> None:
    """Find copies within splits and between them.

    Texts are compared as `filters` does; near copies also without case, and with each digit as 0. The
    longest copies come first: a short line such as `Foto :` may rightly occur often.
    """
    texts = {name: _first_by(comparable_text, sentences) for name, sentences in splits.items()}
    for sentences in splits.values():
        _check_repeated(sentences, findings)
    _check_conflicts([each for sentences in splits.values() for each in sentences], findings)
    for one, other in combinations(sorted(splits, key=_rank), 2):
        _check_leaks(splits[other], texts[one], "leak", findings)
    if "train" in splits:
        near = _first_by(_near_text, splits["train"])
        for name in splits:
            if name != "train":
                unlike = [each for each in splits[name] if comparable_text(each) not in texts["train"]]
                unlike = [each for each in unlike if len(each) >= MIN_NEAR_TOKENS]
                _check_leaks(unlike, near, "near-leak", findings)


def _rank(split: str) -> int:
    return ["train", "dev", "test"].index(split) if split in ("train", "dev", "test") else 3


def _near_text(sentence: Sentence) -> str:
    return DIGITS.sub("0", comparable_text(sentence).casefold())


def _first_by(key: Callable[[Sentence], str], sentences: Iterable[Sentence]) -> dict[str, Sentence]:
    found: dict[str, Sentence] = {}
    for sentence in sentences:
        found.setdefault(key(sentence), sentence)
    return found


def _check_repeated(sentences: Sequence[Sentence], findings: Findings) -> None:
    first: dict[str, Sentence] = {}
    copies = []
    for sentence in sentences:
        text = comparable_text(sentence)
        if text in first and is_visible(text):
            copies.append((sentence, first[text]))
        else:
            first[text] = sentence
    findings.add("repeated", _places(copies))


def _check_leaks(
    evaluated: Iterable[Sentence], known: Mapping[str, Sentence], kind: str, findings: Findings
) -> None:
    key = comparable_text if kind == "leak" else _near_text
    pairs = [(each, known[text]) for each in evaluated if is_visible(text := key(each)) and text in known]
    findings.add(kind, _places(pairs))


def _places(pairs: Iterable[tuple[Sentence, Sentence]]) -> list[Place]:
    """Return the places of copies with those of their originals, the longest first."""
    ordered = sorted(pairs, key=lambda pair: -len(pair[0]))
    return [
        place_of(copy, f"{excerpt(copy)}, also in {_where(original, copy)}") for copy, original in ordered
    ]


def _where(original: Sentence, copy: Sentence, position: int | None = None) -> str:
    """Return the place of an original, as short as it can be beside that of its copy."""
    place = place_of(original, "", position)
    return f"line {place.shown_line}" if original.path == copy.path else place.shown


def _check_conflicts(sentences: Iterable[Sentence], findings: Findings) -> None:
    """Find sentences of the same tokens, in any splits, with other entities than the first of them."""
    first: dict[tuple[str, ...], Sentence] = {}
    places = []
    for sentence in sentences:
        if sentence.token_spans is None:
            continue
        original = first.setdefault(tuple(sentence.tokens), sentence)
        if original.token_spans != sentence.token_spans:
            one, other = (set(each.token_spans or ()) for each in (sentence, original))
            span = min(one ^ other)
            name = excerpt(sentence, span.start, span.end)
            here, there = (
                next((each.type for each in spans if each[:2] == span[:2]), "no entity")
                for spans in (one, other)
            )
            text = f"{name} is {here} here, {there} in {_where(original, sentence, span.start)}"
            places.append(place_of(sentence, text, span.start))
    findings.add("conflict", places)
