"""What a run replaced and what a person should look at, as lines for the terminal and as a report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bilstm_crf.render.document import Document, Listing, Paragraph, Section
from bilstm_crf.render.table import Table, columns
from bilstm_crf.util.files import suffix_of, write_whole

if TYPE_CHECKING:
    from bilstm_crf.pseudonyms.corpus import Outcome, Request

LIMITS = "No tool finds every name: read the outputs before you share them, and never share the mapping."
MAX_LINES = 5  # of unsure names on the terminal


def summary(outcome: Outcome, files: int, mapping: str) -> Iterator[str]:
    """Yield the lines for the terminal: counts, what is unsure, what a person has to do. No names."""
    many = f"{files:,} file{'s' * (files != 1)}, {outcome.tokens:,} tokens"
    yield f"{many}: {outcome.found.total():,} names and identifiers replaced; the mapping is {mapping}"
    for kind, count in sorted(outcome.found.items()):
        elsewhere = outcome.elsewhere[kind]
        missed = f", {elsewhere:,} of them missed by the tagger and found by their words" if elsewhere else ""
        yield f"  {kind:<12} {count:>7,}  ({len(outcome.identities[kind]):,} different{missed})"
    if outcome.unsure:
        places = "place is" if len(outcome.unsure) == 1 else "places are"
        yield f"{len(outcome.unsure):,} {places} unsure; --report FILE lists them"
        for each in outcome.unsure[:MAX_LINES]:
            yield f"  {each.path}, line {each.line}: {each.what}"
        if len(outcome.unsure) > MAX_LINES:
            yield f"  … and {len(outcome.unsure) - MAX_LINES:,} more"
    yield from (f"warning: {note}" for note in notes(outcome))
    yield LIMITS


def notes(outcome: Outcome) -> Iterator[str]:
    """Yield what else may give somebody away."""
    if outcome.named_files:
        some = ", ".join(outcome.named_files[:3])
        yield f"names in the file names of outputs: {some}; --number-files gives them numbers"
    if outcome.met_before:
        some = ", ".join(outcome.met_before[:3])
        yield f"pseudonyms of earlier runs that these files have as real names: {some}"
    if outcome.reused:
        some = ", ".join(outcome.reused[:3])
        yield f"invented given names that also occur in the corpus, like all others: {some}"
    if outcome.test_ids:
        yield f"synthetic national ids, made for tests: {outcome.test_ids}"


def write_report(outcome: Outcome, request: Request, path: str, *, names: bool) -> None:
    """Write the report as HTML, Markdown or text, by its suffix; with `names`, only its owner can read it."""
    document = _document(outcome, request, names=names)
    suffix = suffix_of(path)
    if suffix in (".html", ".htm"):
        from bilstm_crf.render.page import to_html

        text = to_html(document)
    elif suffix == ".md":
        from bilstm_crf.render.markdown import to_markdown

        text = to_markdown(document)
    else:
        from bilstm_crf.render.text import document_to_text

        text = document_to_text(document)
    with write_whole(path, mode=0o600 if names else None) as stream:
        stream.write(text.encode("utf-8", "backslashreplace"))


def _document(outcome: Outcome, request: Request, *, names: bool) -> Document:
    counts = Table(
        "",
        columns("kind", "replaced", "different", "missed by the tagger", left=["kind"]),
        [
            (kind, count, len(outcome.identities[kind]), outcome.elsewhere[kind])
            for kind, count in sorted(outcome.found.items())
        ],
    )
    heads = ["file", "line", "why", *["name"] * names]
    unsure = Table(
        "",
        columns(*heads, left=["file", "why", "name"]),
        [(each.path, each.line, each.what, *[each.text] * names) for each in outcome.unsure],
    )
    recall = (
        "only spans of the best path"
        if request.recall is None
        else f"spans of probability {request.recall:g} up"
    )
    types = ", ".join(sorted(request.types))
    how = f"Entity types: {types} ({recall}). Identifiers: {', '.join(request.identifiers) or 'none'}."
    return Document(
        "Pseudonymisation",
        [Paragraph(LIMITS), Paragraph(how, is_note=True)],
        [
            Section("Replaced", [counts]),
            Section("Unsure", [unsure] if outcome.unsure else [Paragraph("Nothing.")]),
            Section("Look at", [Listing(list(notes(outcome)) or ["Nothing else."])]),
        ],
    )
