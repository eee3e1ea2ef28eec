"""The card of a trained model: its data, recipe, dev scores and limits, from its own records.

As README.md of a repository it begins with the metadata that the hub reads: YAML between two lines `---`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from bilstm_crf.corpus.norne import PUBLISHED
from bilstm_crf.encoder.loading import is_local
from bilstm_crf.errors import InputError, UsageError
from bilstm_crf.hub.files import CARD
from bilstm_crf.hub.info import ModelInfo
from bilstm_crf.hub.redact import without_folder
from bilstm_crf.render.document import Block, CodeBlock, Document, Listing, Paragraph, Section
from bilstm_crf.render.markdown import to_markdown
from bilstm_crf.render.table import Code, Percent, Table, columns

LIMITS = (
    "It finds the entity types listed above, in text like its training data; other text gets worse labels.",
    "Names that neither the training data nor the word vectors hold are found less often.",
    "Dev chose the model, so its dev scores are optimistic.",
)
MARK = "---"  # the line before and after the metadata
NORNE = "NbAiLab/norne"  # the corpus by its name on the hub
# Parts of file names of treebanks, and their language by ISO 639-1; `no` stands for both
LANGUAGES = {"bokmaal": "nb", "nynorsk": "nn"}

EXPECTED = {
    "language": "texts such as 'nb'",
    "datasets": "names such as 'NbAiLab/norne'",
    "license": "a text such as 'cc-by-4.0'",
}


class CardOptions(TypedDict, total=False):
    """Metadata that a model does not know, as keywords of `Tagger.save_pretrained` and `push_to_hub`."""

    license: str | None  # an identifier of the hub, such as cc-by-4.0
    language: str | Sequence[str] | None  # ISO 639; by default what the names of the training files say
    datasets: str | Sequence[str] | None  # names on the hub; by default NorNE if dev is its dev file


def card_of(info: ModelInfo, name: str, repository: str | None = None) -> Document:
    """Return the card of a model; parts that its folder does not record are left out.

    `repository` is its name on the hub, if it is there.
    """
    record = info.provenance
    sections: list[tuple[str, list[Block]]] = [
        ("Use", list(_use(repository))),
        ("Model", [_parts(info)]),
        ("Data", list(_data(info))),
        ("Dev scores", list(_scores(info))),
        ("Recipe", list(_recipe(record))),
        ("Limits", [Listing(LIMITS)]),
    ]
    return Document(
        name, [Paragraph(_summary(info))], [Section(title, parts) for title, parts in sections if parts]
    )


def _summary(info: ModelInfo) -> str:
    types = ", ".join(info.entity_types)
    return f"Named entities by a character CNN, a BiLSTM and a CRF. Entity types: {types}."


def _use(repository: str | None) -> Iterator[Block]:
    if repository is not None:
        yield CodeBlock(
            [f"bilstm-crf model fetch {repository}", f"bilstm-crf tag --model {repository} article.txt"]
        )
        yield Paragraph(Code(f"Tagger.from_pretrained({repository!r}).tag(text)"))


def _parts(info: ModelInfo) -> Table:
    described, sizes = info.description, info.description.architecture
    rows: list[tuple[str, str]] = [
        ("words", f"{described.words:,}, {described.dim} dimensions"),
        ("n-grams for other words", f"{info.ngrams:,}" if info.ngrams else "none"),
        ("BiLSTM", f"{sizes.layers} × {sizes.hidden} dimensions, both directions"),
        ("document memory", f"{sizes.document_memory} dimensions" if sizes.document_memory else "none"),
        ("label set, encoding", f"{described.label_set.name}, {described.encoding}"),
    ]
    if described.encoder is not None:
        rows.append(("encoder", without_folder(described.encoder.name)))
    return Table("", columns("part", "size", left=("size",)), rows)


def _data(info: ModelInfo) -> Iterator[Block]:
    files = [(each.split, each.name, str(each.sentences), Code(each.sha256[:12])) for each in info.data]
    if files:
        yield Table("", columns("split", "file", "sentences", "SHA-256", left=("file", "SHA-256")), files)
    vectors = info.provenance.get("vectors")
    if isinstance(vectors, dict):
        yield Paragraph(
            f"Word vectors: {vectors.get('file')}, {vectors.get('words')} words, "
            f"{vectors.get('dim')} dimensions, SHA-256 {str(vectors.get('sha256'))[:12]}."
        )


def _scores(info: ModelInfo) -> Iterator[Block]:
    scores = info.dev_scores
    if scores:
        yield Table("", columns(*scores), [tuple(map(Percent, scores.values()))])
        if info.dev_note:
            yield Paragraph(info.dev_note)


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


# ---------------------------------------------------------------- with metadata, for the hub


def write_card(info: ModelInfo, name: str, repository: str | None, options: CardOptions) -> str:
    """Return the README.md of a repository.

    Text that a person wrote is kept: a README.md in the model's folder takes the place of the generated card,
    and if it has metadata already, it is used as it stands. Raises UsageError for options that would then do
    nothing; InputError for a file that is not UTF-8.
    """
    path = info.folder / CARD
    text = _read(path)
    if text is None:
        return front_matter(metadata(info, name, options)) + to_markdown(card_of(info, name, repository))
    if text.split("\n", 1)[0].rstrip() != MARK:
        return front_matter(metadata(info, name, options)) + text
    given = [key for key, value in options.items() if value is not None]
    if given:
        raise UsageError(
            f"{given[0]} was given, but {path} has metadata of its own",
            hint="change it there, or remove the file",
        )
    return text


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise InputError("is not UTF-8", path=path) from error


def metadata(info: ModelInfo, name: str, options: CardOptions) -> dict[str, Any]:
    """Return what the hub reads; what is not known is left out. Raises UsageError for bad options.

    Source: https://github.com/huggingface/hub-docs/blob/main/modelcard.md
    """
    datasets = _names("datasets", options.get("datasets")) or _datasets(info)
    license_ = options.get("license")
    encoder = info.description.encoder
    found: dict[str, Any] = {
        "language": _names("language", options.get("language")) or _languages(info),
        "license": None if license_ is None else _names("license", [license_])[0],
        "library_name": "bilstm_crf",
        "pipeline_tag": "token-classification",
        "tags": ["bilstm_crf", "named-entity-recognition", "token-classification"],
        "datasets": datasets,
        "base_model": None if encoder is None or is_local(encoder.name) else encoder.name,
        "model-index": _model_index(info, name, datasets),
    }
    return {key: value for key, value in found.items() if value}


def _names(option: str, given: str | Sequence[str] | None) -> list[str]:
    names = [given] if isinstance(given, str) else list(given or ())
    for each in names:
        if not isinstance(each, str) or not each or not each.isprintable():
            raise UsageError(f"{option} has {each!r}, expected {EXPECTED[option]}")
    return names


def _languages(info: ModelInfo) -> list[str]:
    """Return the languages of the training files, as far as their names tell; `no` as well for both."""
    names = [each.name for each in info.data if each.split == "train"]
    found = [code for part, code in LANGUAGES.items() if any(part in name for name in names)]
    return [*found, "no"] if len(found) > 1 else found


def _datasets(info: ModelInfo) -> list[str]:
    known = {each.sha256 for each in PUBLISHED if each.sha256 is not None}
    return [NORNE] if any(each.sha256 in known for each in info.data) else []


def _model_index(info: ModelInfo, name: str, datasets: Sequence[str]) -> list[dict[str, Any]]:
    """Return the dev scores as the hub shows them."""
    dev = [each.name for each in info.data if each.split == "dev"]
    metrics = [
        {"type": kind, "value": round(value, 4), "name": f"strict {kind}"}
        for kind, value in info.dev_scores.items()
    ]
    if not metrics:
        return []
    dataset = {"name": ", ".join(dev) or "dev", "type": (*datasets, "custom")[0], "split": "validation"}
    task = {"type": "token-classification", "name": "Named Entity Recognition"}
    return [{"name": name, "results": [{"task": task, "dataset": dataset, "metrics": metrics}]}]


def front_matter(content: Mapping[str, Any]) -> str:
    """Return metadata as YAML between its marks.

    Texts are in quotes, since `no`, the language, would be read as false.

    >>> print(front_matter({"language": ["nb", "no"], "license": "mit"}), end="")
    ---
    language:
      - "nb"
      - "no"
    license: "mit"
    ---
    """
    return "\n".join([MARK, *_yaml(content, 0), MARK, ""])


def _yaml(value: Any, depth: int) -> Iterator[str]:
    """Yield the lines of a mapping or a list in YAML's block style."""
    indent = "  " * depth
    for key in value:
        item, start = (value[key], f"{key}:") if isinstance(value, Mapping) else (key, "-")
        if isinstance(item, Mapping | list) and item:
            lines = list(_yaml(item, depth + 1))
            if start == "-":  # the first line of the item stands beside the dash
                yield f"{indent}- {lines.pop(0).lstrip()}"
            else:
                yield f"{indent}{start}"
            yield from lines
        else:
            yield f"{indent}{start} {_scalar(item)}"


def _scalar(value: Any) -> str:
    """Return a number, or a text in quotes, with escapes that are JSON's and YAML's."""
    if not isinstance(value, str):
        return json.dumps(value)
    text = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)
