"""One run of an experiment: its configuration, its name, and whether the run in a folder is the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bilstm_crf.config import DataConfig, RunConfig
from bilstm_crf.corpus.documents import tables_of
from bilstm_crf.corpus.norne import SPLITS
from bilstm_crf.embeddings import names
from bilstm_crf.encoder.loading import files_of, find_folder, is_local, sha256_of_files
from bilstm_crf.errors import InputError, UsageError
from bilstm_crf.experiments.records import name_of_labels
from bilstm_crf.training.records import RunDescription
from bilstm_crf.training.unused import without_unused
from bilstm_crf.util import fields
from bilstm_crf.util.files import sha256_of

MAX_NAME = 150  # characters of the settings in a name; more become a hash, since file systems have limits
# Settings that decide nothing, with their defaults
UNDECIDING: dict[str, Any] = {
    "words.embeddings_dir": None,
    "encoder.trust_remote_code": False,
    "run.threads": 1,
    "run.device": "cpu",
    "run.output": None,
}
IN_WORDS = (
    "words.embeddings",
    "data.labels",
    "data.encoding",
    "encoder.name",
    "run.retrain_on_dev",
    "preset",
)
UNNAMED = (*UNDECIDING, *IN_WORDS, "run.seed")  # of a run's name


@dataclass(frozen=True)
class Run:
    """One training: a corpus, a configuration without files, and a seed."""

    corpus: str
    config: RunConfig
    seed: int

    @property
    def name(self) -> str:
        """The name of its folder: corpus, vectors, labels, encoding, encoder, changes of the preset, seed.

        >>> Run("nob", RunConfig().replace({"embeddings": "sg600", "schedule.epochs": 1}), 42).name
        'nob-sg600-full-iob-epochs=1-seed42'
        """
        config = self.config
        vectors = Path(config.words.embeddings).name.split(".")[0]
        parts = [self.corpus, vectors, name_of_labels(config.data.labels), config.data.encoding]
        parts += [Path(config.encoder.name).name] if config.encoder else []
        parts += [config.preset] * (config.preset != "paper")
        parts += ["retrain"] * config.run.retrain_on_dev
        settings = "-".join(
            f"{fields.short_name(RunConfig, path)}={value}"
            for path, value in sorted(changes(config).items())
            if path not in UNNAMED
        )
        return "-".join([*parts, *[shortened(settings)] * bool(settings), f"seed{self.seed}"])


def changes(config: RunConfig) -> dict[str, Any]:
    """Return the settings, by path, that a configuration has otherwise than its preset."""
    return fields.changes(config, RunConfig.of_preset(config.preset))


def shortened(part: str) -> str:
    """Return a part of a name, or a hash of it where it is too long for the name of a file."""
    return part if len(part) <= MAX_NAME else hashlib.sha256(part.encode("utf-8")).hexdigest()[:12]


# ---------------------------------------------------------------- the same run


def difference(wanted: RunConfig, found: RunDescription) -> str:
    """Return what the configuration of a folder's run has otherwise than the wanted one; empty: nothing.

    Files do not count here: they may have been moved, and `input_difference` compares their content.
    """
    there, now = _without_files(found.config, wanted), _without_files(wanted, found.config)
    if there == now:
        return ""
    for path in fields.settings_of(RunConfig):
        found_value, value = (fields.get(each, path) for each in (there, now))
        if found_value != value and path != "preset":
            break
    return f"its folder holds a run with {path} = {found_value}, not {value}"


def _without_files(config: RunConfig, other: RunConfig) -> RunConfig:
    """Return the configuration without the names of files, and without settings that decide nothing."""
    values: dict[str, Any] = {path: v for path, v in UNDECIDING.items() if not path.startswith("encoder.")}
    values |= dict.fromkeys((f"data.{split}" for split in SPLITS), ())
    values |= dict.fromkeys(("data.documents", "data.folder", "data.language"))
    vectors = {config.words.embeddings, other.words.embeddings}
    if names.NONE not in vectors and not vectors <= set(names.KNOWN):  # a path may be a known name's file
        values["words.embeddings"] = names.NONE
    if config.data.labels.endswith(".toml"):
        values["data.labels"] = Path(config.data.labels).stem
    if config.encoder and other.encoder:
        values |= {"encoder.name": "its files are compared", "encoder.trust_remote_code": False}
    return without_unused(config.replace(values))


def input_difference(wanted: RunConfig, data: DataConfig, found: RunDescription) -> str:
    """Return which inputs of a folder's run have another content now; empty: none.

    `data` names the files of the corpus. Vectors and encoders that are not here are compared by name; the
    network is not asked.
    """
    splits = SPLITS if data.test and "leaked" in data.filter else ("train", "dev")
    files = [file for split in splits for file in getattr(data, split)]
    files += tables_of(None, [*data.train, *data.dev]) if wanted.reads_neighbours else []
    name, encoder = wanted.words.embeddings, wanted.encoder
    same_vectors = found.config.words.embeddings == name
    same_encoder = bool(encoder and found.config.encoder and found.config.encoder.name == encoder.name)
    inputs = {
        "data": (list(map(_sha256, files)), False),
        "word vectors": (_sha256_of_vectors(name, wanted.words.embeddings_dir), same_vectors),
        "encoder": (_sha256_of_encoder(encoder.name) if encoder else [], same_encoder),
    }
    for what, (now, same_name) in inputs.items():
        there = found.inputs[what]
        is_known = now is not None and (there or not now)
        if not (sorted(now or ()) == sorted(there) if is_known else same_name):
            return f"the {what} changed since the run in its folder started (SHA-256 differs)"
    return ""


@cache
def _sha256(file: str) -> str:
    """Return `sha256_of` a file, read once: it can have gigabytes, and an experiment dozens of runs."""
    return sha256_of(file)


def _sha256_of_vectors(name: str, folder: str | None) -> list[str] | None:
    """Return the checksum of vectors; None where they are not here."""
    if name == names.NONE:
        return []
    try:
        path = names.find(name, folder)
    except UsageError:
        path = None
    return None if path is None else [_sha256(str(path))]


@cache
def _sha256_of_encoder(name: str) -> list[str] | None:
    """Return the checksum of an encoder; None where it is neither a folder nor complete in the cache."""
    try:
        from huggingface_hub import try_to_load_from_cache

        cached = None if is_local(name) else try_to_load_from_cache(name, "config.json")
    except (ImportError, ValueError):  # without the extra; a name that the hub cannot have
        cached = None
    try:
        if is_local(name) or isinstance(cached, str):
            folder = Path(cached).parent if isinstance(cached, str) else find_folder(name)
            return [sha256_of_files(files_of(folder))]
    except InputError:
        pass
    return None
