"""A tagger that finds the names it is told, so that a test says what is found; and one run over texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any

from bilstm_crf.formats import FORMATS, FormatOptions
from bilstm_crf.pseudonyms.corpus import Edited, Pseudonymiser, Request
from bilstm_crf.pseudonyms.identifiers import DEFAULT_KINDS
from bilstm_crf.pseudonyms.mapping import Mapping, Style
from bilstm_crf.pseudonyms.source import Source
from bilstm_crf.sentence import Sentence, TokenSpan

TYPES = frozenset(["PER", "ORG", "GPE_LOC"])


class LexiconTagger:
    """Finds `names` (words separated by blanks, to type, or to type and probability)."""

    entity_types = TYPES
    reads_neighbours = False

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = {tuple(name.split(" ")): found for name, found in names.items()}

    def tag_stream(self, sentences: Iterable[Sentence], **_: object) -> Iterator[Sentence]:
        for sentence in sentences:
            sentence.token_spans, sentence.scores = [], []
            at = 0
            while at < len(sentence.tokens):
                rest = min(5, len(sentence.tokens) - at)
                found_here = (
                    n for n in range(rest, 0, -1) if tuple(sentence.tokens[at : at + n]) in self.names
                )
                longest = next(found_here, 0)
                if longest:
                    found = self.names[tuple(sentence.tokens[at : at + longest])]
                    type_, score = found if isinstance(found, tuple) else (found, 0.99)
                    sentence.token_spans.append(TokenSpan(at, at + longest, type_))
                    sentence.scores.append(score)
                at += longest or 1
            yield sentence


class Result:
    """The new texts of one run, and what it knows."""

    def __init__(self, run: Pseudonymiser, edited: list[Edited]) -> None:
        self.run, self.edited = run, edited
        self.texts = [each.text for each in edited]
        self.mapping, self.outcome = run.mapping, run.outcome

    @property
    def text(self) -> str:
        return self.texts[0]

    def pseudonym(self, name: str) -> str:
        """The pseudonym of a name as the mapping has it."""
        return next(each.names[name] for each in self.mapping.identities.values() if name in each.names)


def run(
    texts: str | list[str],
    names: dict[str, Any],
    *,
    style: Style = "name",
    mapping: Mapping | None = None,
    format_name: str = "text",
    types: Iterable[str] = TYPES,
    same_names: bool = True,
) -> Result:
    """Pseudonymise texts with a tagger that finds `names`."""
    sources = [
        Source(f"{at}.txt", f"{at}.txt", FORMATS[format_name], content=text.encode())
        for at, text in enumerate([texts] if isinstance(texts, str) else texts)
    ]
    request = Request(frozenset(types), DEFAULT_KINDS, None, same_names, unsure_below=0.5)
    options = FormatOptions(misc_key="none", sentences="detect", known_types=TYPES)
    pseudonymiser = Pseudonymiser(
        LexiconTagger(names),  # type: ignore[arg-type]
        mapping or Mapping.new(style),
        request,
        options,
        None,
    )
    for source in sources:
        pseudonymiser.survey(source)
    pseudonymiser.decide()
    edited = [pseudonymiser.edit(source) for source in sources]
    for one, source in zip(edited, sources, strict=True):
        pseudonymiser.note(one, source)
    return Result(pseudonymiser, edited)


def reread(text: str, format_name: str) -> list[Sentence]:
    """The sentences of a text in a format."""
    return list(FORMATS[format_name].read(BytesIO(text.encode()), "new", FormatOptions()))
