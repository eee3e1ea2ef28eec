"""Edits: what replaces what on a page. Names with their identities come in, edits of the text go out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from bilstm_crf.pseudonyms.forms import with_genitive
from bilstm_crf.pseudonyms.found_names import Words
from bilstm_crf.pseudonyms.invention import other_name, pseudonym_words, replaced_word
from bilstm_crf.pseudonyms.mapping import Identity, Style
from bilstm_crf.pseudonyms.pages import Page, Place


class Edit(NamedTuple):
    """A piece of text and what replaces it."""

    start: int
    end: int
    new: str
    id: str  # of the identity


class Found(NamedTuple):
    """A name on a page."""

    start: int  # tokens of the page
    end: int
    identity: Identity
    words: Words


def edits_of_name(page: Page, found: Found, style: Style) -> Iterator[Edit]:
    """Yield the edits of a name: of each place where its words stand."""
    tokens = list(_new_tokens(found, style))
    if page.is_running and not (style == "name" and found.identity.kind == "PER"):
        yield from _whole(page, found, style)
        return
    for token, new, stem in tokens:
        at = found.start + token
        for place in (page.places[at], *page.copies.get(at, ())):
            yield Edit(place[0], place[1], new, found.identity.id)
        for place in page.related.get(at, ()):
            yield Edit(*place, stem, found.identity.id)


def _new_tokens(found: Found, style: Style) -> Iterator[tuple[int, str, str]]:
    """Yield each token to replace, counted in the name: its number, pseudonym, and that without ending."""
    names, positions = found.words.forms, found.words.positions
    words = pseudonym_words(found.identity)
    parts = pseudonym_of(found.identity, found.words, style).split(" ")
    for at, (position, form) in enumerate(zip(positions, names, strict=True)):
        if style == "name" and found.identity.kind == "PER":
            new = replaced_word(form, words)
        elif len(parts) == len(positions):
            new = parts[at]
        else:  # the tokens of the file stay as many as they are
            new = f"[{found.identity.id}]" if style == "name" else parts[0]
        if new is not None:
            yield position, with_genitive(new, form.ending), new


def _whole(page: Page, found: Found, style: Style) -> Iterator[Edit]:
    """Yield one edit of the whole name, or one for each line that it stands in."""
    if not found.words.positions:
        return
    new = pseudonym_of(found.identity, found.words, style)
    first, last = found.words.positions[0], found.words.positions[-1]
    start, end = page.places[found.start + first][0], page.places[found.start + last][1]
    ending = found.words.forms[-1].ending
    if not re.search(r"[\r\n]", page.text[start:end]):
        yield Edit(start, end, with_genitive(new, ending), found.identity.id)
        return
    for at in range(first, last + 1):
        place = page.places[found.start + at]
        yield Edit(*place, with_genitive(new, ending if at == last else ""), found.identity.id)


def pseudonym_of(identity: Identity, words: Words, style: Style) -> str:
    """Return the pseudonym of a whole name, in the case of the original, without ending."""
    if style != "name":
        return identity.in_brackets(style)
    new = identity.names.get(words.text) or other_name(identity, words.text)
    letters = [character for character in words.text if character.isalpha()]
    shouts = len(letters) > 5 and all(map(str.isupper, letters))
    return new.upper() if shouts and not new.startswith("[") else new


def edits_of_identifier(
    page: Page, place: Place, tokens: Sequence[int], new: str, id_: str
) -> Iterator[Edit]:
    """Yield the edits of an identifier: its place in running text, else all of its tokens."""
    if page.is_running:
        yield Edit(*place, new, id_)
        return
    for token in tokens:
        for each in page.places_of(token):
            yield Edit(*each, new, id_)


def without_overlap(edits: Iterable[Edit]) -> list[Edit]:
    """Return the edits in their order; of two that overlap, the earlier given one stays."""
    kept: list[Edit] = []
    taken: dict[int, None] = {}
    for edit in edits:
        span = range(edit.start, edit.end)
        if not any(position in taken for position in span):
            kept.append(edit)
            taken.update(dict.fromkeys(span))
    return sorted(kept)


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Return the text after the edits, which are in order and do not overlap."""
    pieces = []
    reached = 0
    for edit in edits:
        pieces += [text[reached : edit.start], edit.new]
        reached = edit.end
    return "".join([*pieces, text[reached:]])
