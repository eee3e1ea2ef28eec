"""The tables of `bilstm-crf model list` and `info`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bilstm_crf.hub.fetch import list_fetched
from bilstm_crf.hub.info import ModelInfo, read_info
from bilstm_crf.inference import box
from bilstm_crf.render.table import Percent, Table, columns
from bilstm_crf.util.progress import human


@dataclass(frozen=True)
class Row:
    """A model in a list."""

    name: str  # as --model takes it; `box` for the one in the box
    info: ModelInfo

    @classmethod
    def of(cls, name: str, folder: Path) -> Row:
        """Return the row of a folder. Raises as `read_info`."""
        return cls(name, read_info(folder))


def known_models() -> list[Row]:
    """Return the model in the box, if there is one, and those that were fetched from the hub."""
    rows = [Row.of("box", box.FOLDER)] if (box.FOLDER / "model.json").is_file() else []
    return rows + [Row.of(each.name, each.folder) for each in list_fetched()]


def model_table(rows: Sequence[Row]) -> Table:
    """Return a line for each model."""
    cells = [
        (
            row.name,
            human(row.info.bytes),
            str(len(row.info.entity_types)),
            Percent(row.info.dev_scores.get("f1")),
            str(row.info.folder),
        )
        for row in rows
    ]
    notes = (
        ["dev F1: scored in training, before a model was packed"]
        if any(row.info.dev_note for row in rows)
        else []
    )
    return Table("", columns("model", "size", "types", "dev F1", "folder", left=("folder",)), cells, notes)


def info_tables(info: ModelInfo) -> list[Table]:
    """Return what is known of a model."""
    tables = [
        Table("Model", columns("", "value", left=("value",)), list(_facts(info))),
        Table(
            "Dev scores",
            columns(*info.dev_scores),
            [tuple(map(Percent, info.dev_scores.values()))],
            [info.dev_note] if info.dev_note else [],
        ),
        Table(
            "Data",
            columns("split", "file", "sentences", "SHA-256", left=("file", "SHA-256")),
            [(each.split, each.name, str(each.sentences), each.sha256) for each in info.data],
        ),
    ]
    return [table for table in tables if table.columns and table.rows]


def _facts(info: ModelInfo) -> Iterator[tuple[str, str]]:
    described, sizes = info.description, info.description.architecture
    yield "folder", str(info.folder)
    yield "size on disk", human(info.bytes) + (", packed" if described.packed else "")
    yield "entity types", ", ".join(info.entity_types)
    yield "label set, encoding", f"{described.label_set.name}, {described.encoding}"
    yield "words", f"{described.words:,}, {described.dim} dimensions"
    yield "n-grams", f"{info.ngrams:,}"
    yield "BiLSTM", f"{sizes.layers} × {sizes.hidden} dimensions"
    yield "document memory", f"{sizes.document_memory} dimensions"
    if described.encoder is not None:
        inside = "in the folder" if described.encoder.folder else "not in the folder"
        yield "encoder", f"{described.encoder.name} ({inside})"
    yield "weights", f"{info.parameters:,} numbers, SHA-256 {described.sha256}"
    yield "needs", "; ".join(info.needs) or "no extra"
