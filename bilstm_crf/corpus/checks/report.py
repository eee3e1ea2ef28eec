"""A check's result: a table of the files, and the findings; as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypedDict

from bilstm_crf.corpus.checks.files import CheckedFile
from bilstm_crf.corpus.checks.findings import Finding
from bilstm_crf.corpus.overview import shown_type
from bilstm_crf.corpus.statistics import Counts, types_in
from bilstm_crf.render.table import Cell, Table, columns
from bilstm_crf.render.text import to_text

MAX_TYPES = 12  # rows of the table
MAX_TOLD = 3  # places of a finding in a report for reading


class PlaceRecord(TypedDict):
    file: str
    line: int | None
    text: str
    score: float | None
    id: str | None


class FindingRecord(TypedDict):
    kind: str
    severity: str
    count: int
    what: str
    advice: str
    places: list[PlaceRecord]


@dataclass(frozen=True)
class Report:
    """The checked files, and the findings in them."""

    files: Sequence[CheckedFile]
    findings: Sequence[Finding]

    def count(self, severity: str) -> int:
        """Return the number of kinds of findings of a severity."""
        return sum(each.severity == severity for each in self.findings)

    def json(self) -> dict[str, object]:
        """Return the report for a program, with every place."""
        return {
            "files": [
                {
                    "file": each.path,
                    "split": each.split,
                    "labels": each.encoding or None,
                    "documents": each.documents,
                    **Counts.of(each.sentences).json(),
                }
                for each in self.files
            ],
            "errors": self.count("error"),
            "warnings": self.count("warning"),
            "findings": [_record(each) for each in self.findings],
        }

    def text(self, places: int = MAX_TOLD) -> str:
        """Return the report for a person; each finding with its first places."""
        blocks = [to_text(self.table())]
        blocks += ["\n".join(_lines(each, places)) for each in self.findings]
        return "\n\n".join([*blocks, self.summary()]) + "\n"

    def table(self) -> Table:
        """Return the counts of each split, in a table."""
        splits = {
            each.split: [file for file in self.files if file.split == each.split] for each in self.files
        }
        counts = [sum((Counts.of(file.sentences) for file in files), Counts()) for files in splits.values()]
        encodings = [_joined(file.encoding or "none" for file in files) for files in splits.values()]
        documents = [sum(file.documents for file in files) for files in splits.values()]
        rows: list[list[Cell]] = [
            ["files", *map(len, splits.values())],
            ["sentences", *(each.sentences for each in counts)],
            ["tokens", *(each.tokens for each in counts)],
            ["labels", *encodings],
        ]
        if any(documents):
            rows.insert(1, ["documents", *documents])
        types = types_in(counts)
        rows += [
            [shown_type(type_), *(each.entities[type_] for each in counts)] for type_ in types[:MAX_TYPES]
        ]
        notes = [f"and {len(types) - MAX_TYPES} more types"] if len(types) > MAX_TYPES else []
        return Table("", columns("", *splits), rows, notes)

    def summary(self) -> str:
        """Return the last line: whether one can train with these files."""
        errors, warnings = self.count("error"), self.count("warning")
        if not errors and not warnings:
            return "Nothing found: ready for training."
        found = f"Kinds of errors: {errors}, of warnings: {warnings}."
        return f"{found} Training would {'refuse' if errors else 'accept'} the files."


def _joined(names: Iterator[str]) -> str:
    return " ".join(dict.fromkeys(names))


def _record(finding: Finding) -> FindingRecord:
    return {
        "kind": finding.kind,
        "severity": finding.severity,
        "count": finding.count,
        "what": finding.what,
        "advice": finding.to_do,
        "places": [
            {
                "file": each.file,
                "line": each.line,
                "text": each.text,
                "score": each.score,
                "id": each.id,
            }
            for each in finding.places
        ],
    }


def _lines(finding: Finding, places: int) -> Iterator[str]:
    """Yield the lines of one finding."""
    yield f"{finding.severity}[{finding.kind}]: {finding.what} ({finding.count:,})"
    told = finding.places[:places]
    width = max((len(each.shown) for each in told), default=0)
    for each in told:
        yield f"  {each.shown.ljust(width)}  {each.text}".rstrip()
    if len(finding.places) > len(told):
        yield f"  … and {len(finding.places) - len(told):,} more"
    if finding.to_do:
        yield f"  → {finding.to_do}"
