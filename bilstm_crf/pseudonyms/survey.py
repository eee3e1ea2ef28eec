"""The first look at a file: tag it, and note the names of each of its documents."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from bilstm_crf.pseudonyms.forms import fold, split_genitive
from bilstm_crf.pseudonyms.found_names import FoundName, kind_of
from bilstm_crf.pseudonyms.pages import Page

MIN_EVIDENCE = 0.5  # probability of a name that is looked for elsewhere


@dataclass
class DocumentNames:
    """What was found in one document of a file."""

    found_names: list[FoundName] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)  # of each found name, once they are resolved
    people: dict[str, set[str]] = field(default_factory=dict)  # who has a name that is looked for


@dataclass
class FileNames:
    """What was found in a file. A file of text is one document."""

    documents: dict[str | None, DocumentNames] = field(default_factory=dict)
    # Names of types that stay, which no name of one word is looked for in
    others: list[tuple[int, int]] = field(default_factory=list)
    tokens: int = 0


def survey(
    pages: Iterable[Page], types: Collection[str], wanted: Collection[str], seen: set[str]
) -> FileNames:
    """Return the names of these entity types in a file; add to `seen` its folded words that are `wanted`."""
    names = FileNames()
    for page in pages:
        document = names.documents.setdefault(page.document, DocumentNames())
        for span, score in zip(page.spans, page.scores, strict=True):
            start, end = names.tokens + span.start, names.tokens + span.end
            if span.type in types:
                if score < MIN_EVIDENCE and page.is_lower(span.start, span.end):
                    continue
                tokens = tuple(page.tokens[span.start : span.end])
                line, following = page.line_of(span.start), page.following(span.end)
                document.found_names.append(
                    FoundName(start, end, kind_of(span.type), score, line, tokens, following)
                )
            elif score >= MIN_EVIDENCE:
                names.others.append((start, end))
        if wanted:
            seen.update(word for word in _words(page) if word in wanted)
        names.tokens += len(page.tokens)
    return names


def _words(page: Page) -> Iterator[str]:
    """Yield the folded words of a page that could be a name, also those of compounds and genitives."""
    for token in set(page.tokens):
        if not token.islower():
            folded = fold(token)
            yield folded
            yield folded.removesuffix("s")
            if "-" in folded:
                yield from folded.split("-")


def last_words(files: Iterable[FileNames]) -> set[str]:
    """Return the folded last words of all found names: evidence of which names exist without a final s."""
    return {
        fold(found_name.tokens[-1])
        for file in files
        for document in file.documents.values()
        for found_name in document.found_names
        if not split_genitive(found_name.tokens[-1], found_name.following).ending
    }
