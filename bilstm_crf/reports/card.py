"""The card of a trained model: its data, recipe, dev scores and limits, from its own records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bilstm_crf.model.model_folder import Model
from bilstm_crf.render.document import Block, Document, Listing, Paragraph, Section
from bilstm_crf.render.table import Code, Percent, Table, columns

LIMITS = (
    "It finds the entity types listed above, in text like its training data; other text gets worse labels.",
    "Names that neither the training data nor the word vectors hold are found less often.",
    "Dev chose the model, so its dev scores are optimistic.",
)


def card_of(model: Model, name: str) -> Document:
    """Return the card of a model; parts that its folder does not record are left out."""
    record = model.provenance
    sections: list[tuple[str, list[Block]]] = [
        ("Model", [_parts(model)]),
        ("Data", list(_data(record))),
        ("Dev scores", list(_scores(record))),
        ("Recipe", list(_recipe(record))),
        ("Limits", [Listing(LIMITS)]),
    ]
    return Document(
        name, [Paragraph(_summary(model))], [Section(title, parts) for title, parts in sections if parts]
    )


def _summary(model: Model) -> str:
    types = ", ".join(dict.fromkeys(label[2:] for label in model.vocabulary.labels[1:]))
    return f"Named entities by a character CNN, a BiLSTM and a CRF. Entity types: {types}."


def _parts(model: Model) -> Table:
    sizes = model.architecture
    words, dim = len(model.vocabulary.words), model.word_table.shape[1]
    rows: list[tuple[str, str]] = [
        ("words", f"{words:,}, {dim} dimensions"),
        ("n-grams for other words", "none" if model.subwords is None else f"{len(model.subwords.ngrams):,}"),
        ("BiLSTM", f"{sizes.layers} × {sizes.hidden} dimensions, both directions"),
        ("document memory", f"{sizes.document_memory} dimensions" if sizes.document_memory else "none"),
        ("label set, encoding", f"{model.label_set.name}, {model.encoding}"),
    ]
    if model.contextual is not None:
        rows.append(("encoder", model.contextual.encoder.name))
    return Table("", columns("part", "size", left=("size",)), rows)


def _data(record: Mapping[str, Any]) -> Iterator[Block]:
    data = record.get("data")
    files = [
        (split, _file_name(each), str(each.get("sentences")), Code(each["sha256"][:12]))
        for split in ("train", "dev", "test")
        for each in (data.get(split) or () if isinstance(data, dict) else ())
        if isinstance(each, dict) and isinstance(each.get("sha256"), str)
    ]
    if files:
        yield Table("", columns("split", "file", "sentences", "SHA-256", left=("file", "SHA-256")), files)
    vectors = record.get("vectors")
    if isinstance(vectors, dict):
        yield Paragraph(
            f"Word vectors: {vectors.get('file')}, {vectors.get('words')} words, "
            f"{vectors.get('dim')} dimensions, SHA-256 {str(vectors.get('sha256'))[:12]}."
        )


def _file_name(file: Mapping[str, Any]) -> str:
    return str(file.get("path")).rpartition("/")[2]


def _scores(record: Mapping[str, Any]) -> Iterator[Block]:
    dev = record.get("dev")
    if isinstance(dev, dict):
        names = [name for name in ("precision", "recall", "f1") if isinstance(dev.get(name), float)]
        yield Table("", columns(*names), [tuple(Percent(dev[name]) for name in names)])


def _recipe(record: Mapping[str, Any]) -> Iterator[Block]:
    config, environment = record.get("config"), record.get("environment")
    facts = [f"{name} {record[name]}" for name in ("epoch", "commit") if record.get(name) is not None]
    if isinstance(config, dict):
        seed = config.get("run", {}).get("seed") if isinstance(config.get("run"), dict) else None
        settings = (("preset", config.get("preset")), ("seed", seed))
        facts = [*(f"{name} {value}" for name, value in settings if value is not None), *facts]
    if isinstance(environment, dict):
        facts.append(f"{environment.get('platform')}, Python {environment.get('python')}")
    if facts:
        yield Listing([f"bilstm_crf {record.get('bilstm_crf', '')}".strip(), *facts])
