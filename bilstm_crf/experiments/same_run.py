"""Whether the run in a folder is the one that is wanted: its config.json beside settings, seed and files.

Names of folders can be changed, files as well: what decides a result is compared, files by their SHA-256.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bilstm_crf.config import RunConfig
from bilstm_crf.corpus.documents import tables_of
from bilstm_crf.corpus.norne import SPLITS
from bilstm_crf.embeddings import names
from bilstm_crf.encoder.loading import files_of, find_folder, is_local, sha256_of_files
from bilstm_crf.errors import BilstmCrfError, InputError, UsageError
from bilstm_crf.experiments.check import check, read_json
from bilstm_crf.experiments.corpora import Corpus, OwnCorpus
from bilstm_crf.experiments.settings import Run
from bilstm_crf.experiments.shapes import CONFIG
from bilstm_crf.util import fields
from bilstm_crf.util.files import sha256_of


def other_settings(run: Run, folder: Path) -> str | None:
    """What tells the run in the folder from this one, by its config.json alone; None: nothing, or no run."""
    try:
        found = _read(folder)
    except BilstmCrfError as error:
        return str(error)
    return None if found is None else _other_settings(run, *found)


def difference(
    run: Run, folder: Path, corpus: Corpus, embeddings_dir: str | None, own: OwnCorpus | None = None
) -> str | None:
    """The same, with the files that decide the result as they are now.

    `own`: its corpus, resolved, where that is not NorNE.
    """
    try:
        found = _read(folder)
    except BilstmCrfError as error:
        return str(error)
    if found is None:
        return None
    config, described = found
    reading = (own or OwnCorpus("")).reading
    return (
        _other_settings(run, config, described)
        or _other_values(config, reading)
        or _other_data(config, described, corpus[run.settings.language])
        or _other_vectors(run, config, described, embeddings_dir)
        or _other_encoder(run, config, described)
    )


def _read(folder: Path) -> tuple[RunConfig, dict[str, Any]] | None:
    """The configuration, and all that config.json says. Raises InputError or UsageError for a damaged one."""
    path = folder / "config.json"
    if not path.exists():
        return None
    described: dict[str, Any] = read_json(path)
    check(described, CONFIG, path)
    return RunConfig().replace(described["config"]), described


def _other_settings(run: Run, config: RunConfig, described: Mapping[str, Any]) -> str | None:
    settings = run.settings
    wanted: dict[str, Any] = {
        "run.seed": run.seed,
        "data.encoding": settings.encoding,
        "run.retrain_on_dev": settings.final,
        "data.keep_misc": False,  # no row can have these
        "network.init_from": None,
        "data.documents": None,
    }
    labels = _stem(config.data.labels), _stem(settings.labels)
    if labels[0] != labels[1]:
        return f"it was begun with the labels {labels[0]}, now they are {labels[1]}"
    for what, there, now in (
        ("vectors", described["vectors"] is not None, settings.embeddings != names.NONE),
        ("an encoder", config.encoder is not None, settings.bert != names.NONE),
    ):
        if there != now:
            ways = {True: "with", False: "without"}
            return f"it was begun {ways[there]} {what}, now it is {ways[now]}"
    if {config.words.embeddings, settings.embeddings} <= {*names.KNOWN}:  # a path may name the same file
        wanted["words.embeddings"] = settings.embeddings
    parts = ("characters", "lstm", "network", "document_memory", "optimizer", "schedule", "encoder")
    recipe = {
        p: fields.get(settings.config, p) for p in fields.settings_of(RunConfig) if p.split(".")[0] in parts
    }
    names_of = ("words.dim", "words.word_dropout", "words.subwords", "words.subword_dropout")
    recipe |= {path: fields.get(settings.config, path) for path in names_of}
    del recipe["encoder.name"], recipe["encoder.trust_remote_code"]
    return _other_values(config, wanted) or _other_values(config, recipe)


def _stem(labels: str) -> str:
    """Of a label set's file the name: it may lie elsewhere now, and what it says is in the run's name."""
    return Path(labels).stem if labels.endswith(".toml") else labels


def _other_values(found: RunConfig, wanted: Mapping[str, Any]) -> str | None:
    for name, value in wanted.items():
        there = fields.get(found, name)
        if there != value:
            return f"it was begun with {name} = {there}, now it is {value}"
    return None


def _other_data(config: RunConfig, described: Mapping[str, Any], files: Mapping[str, Any]) -> str | None:
    data = described["data"]
    for split in SPLITS if config.drops_by_test else ("train", "dev"):
        if [file["sha256"] for file in data.get(split, [])] != [_sha256(file) for file in files[split]]:
            return f"it was begun with other {split} data"
    read = [file for split in ("train", "dev") for file in files[split]]
    tables = tables_of(config.data.documents, read) if config.reads_neighbours else []
    if [table["sha256"] for table in data.get("documents", [])] != [_sha256(table) for table in tables]:
        return "it was begun with other tables of documents"
    return None


def _other_vectors(
    run: Run, config: RunConfig, described: Mapping[str, Any], embeddings_dir: str | None
) -> str | None:
    """By their SHA-256, by name where they are not here."""
    name = run.settings.embeddings
    if name == names.NONE:
        return None
    try:
        path = names.find(name, embeddings_dir)
    except UsageError:
        path = None
    if path is None:
        return _other_values(config, {"words.embeddings": name})
    if _sha256(str(path)) != described["vectors"]["sha256"]:
        return f"it was begun with other vectors than {path}"
    return None


def _other_encoder(run: Run, config: RunConfig, described: Mapping[str, Any]) -> str | None:
    """By its files' SHA-256, by name where they are not here: the network is not asked."""
    name = run.settings.bert
    if name == names.NONE:
        return None
    there, now = (described.get("encoder") or {}).get("sha256"), _sha256_of_encoder(name)
    there_name = fields.get(config, "encoder.name")
    if there == now if there and now else there_name == name:
        return None
    return f"it was begun with the encoder {there_name}, which is not {name} as it is now"


@cache
def _sha256(file: str) -> str:
    """Read once: files of gigabytes, and dozens of runs."""
    return sha256_of(file)


@cache
def _sha256_of_encoder(name: str) -> str | None:
    """None: it is neither a folder here nor whole in the hub's cache."""
    folder = find_folder(name) if is_local(name) else _in_cache(name)
    try:
        return None if folder is None else sha256_of_files(files_of(folder))
    except InputError:
        return None


def _in_cache(name: str) -> Path | None:
    """Where the Hugging Face hub's cache has a name of it."""
    try:
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(name, "config.json")
    except (ImportError, ValueError):  # without the extra bert; what is no name of the hub
        return None
    return Path(found).parent if isinstance(found, str) else None
