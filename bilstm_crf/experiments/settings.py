"""What decides a run's result, and the name that follows from it.

Settings that are equal have the same name, in whatever file they stand: they are one run.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bilstm_crf.config import MAX_SEED, PRESETS, RunConfig
from bilstm_crf.corpus.norne import SPLITS
from bilstm_crf.embeddings import names
from bilstm_crf.errors import UsageError, did_you_mean
from bilstm_crf.evaluation.report import require_scorable
from bilstm_crf.labels import ENCODINGS, LABEL_SETS, LabelSet
from bilstm_crf.training.unused import without_unused
from bilstm_crf.util import fields

MAX_NAME = 120  # characters of a part of a name; more of them become a hash, since file systems have limits
LANGUAGES = ("nob", "nno", "both")


@dataclass(frozen=True)
class Settings:
    """One configuration of `bilstm-crf train` but for the seed; a field is the option of its name."""

    language: str = "nob"  # or the name of a corpus of one's own
    labels: str = "full"
    encoding: str = "iob"
    embeddings: str = names.NONE
    bert: str = names.NONE
    preset: str = "paper"
    final: bool = False  # whether a second phase trains on train and dev, for test
    changes: tuple[tuple[str, Any], ...] = ()  # of the preset's recipe (--set), where they do change it

    @classmethod
    def of(cls, given: Mapping[str, Any], corpora: Collection[str] = ()) -> Settings:
        """The settings that a table of a file gives, its `set` being the recipe's changes.

        `corpora` are names that `language` may have beside NorNE's; their label set is `file` by default.
        Raises UsageError for a value that the option would not take, InputError for a bad label set's file.
        """
        kinds = {
            "set": (dict, "a table of settings, as in { epochs = 20 }"),
            "final": (bool, "true or false"),
        }
        for name, value in given.items():
            kind, expected = kinds.get(name, (str, "a text"))
            if not isinstance(value, kind):
                raise UsageError(f"{name} is {value!r}, expected {expected}")
        choices = {"language": (*LANGUAGES, *corpora), "encoding": ENCODINGS, "preset": PRESETS}
        for name, known in choices.items():
            if name in given:
                check_known(name, given[name], known)
        check_labels(given.get("labels", cls.labels))
        check_embeddings(given.get("embeddings", cls.embeddings))
        values = {name: value for name, value in given.items() if name != "set"}
        if given.get("language") in corpora:
            values.setdefault("labels", "file")
        return cls(**values).change(given.get("set", {}))

    def change(self, given: Mapping[str, Any]) -> Settings:
        """Return the same with other values. Raises UsageError for what is no setting's value."""
        known, preset = fields.settings_of(RunConfig), RunConfig.of_preset(self.preset)
        read = {path: known[path].read(value) for path, value in fields.flatten(RunConfig, given).items()}
        values = {**dict(self.changes), **read}
        changes = ((path, values[path]) for path in known if path in values)
        return dataclasses.replace(
            self, changes=tuple((p, v) for p, v in changes if v != fields.get(preset, p, known[p].default))
        )

    def effective(self) -> Settings:
        """Return the same without changes that have no effect, such as a base's `epochs` beside a curriculum.

        Raises UsageError for settings that cannot be together.
        """
        config = without_unused(self.config)
        kept = ((path, value) for path, value in self.changes if fields.get(config, path) == value)
        return dataclasses.replace(self, changes=tuple(kept))

    @property
    def config(self) -> RunConfig:
        """The configuration, without files and seed; an encoder's settings go where there is none.

        Raises UsageError for settings that cannot be together.
        """
        own = {
            "words.embeddings": self.embeddings,
            "encoder": self.bert,
            "data.labels": self.labels,
            "data.encoding": self.encoding,
            "run.retrain_on_dev": self.final,
        }
        has_encoder = self.bert != names.NONE
        changes = {p: v for p, v in self.changes if has_encoder or not p.startswith("encoder.")}
        return RunConfig.of_preset(self.preset).replace(own | changes)

    @property
    def name(self) -> str:
        """Language, vectors, label set, encoding, the encoder, and what is not the preset `paper`.

        >>> Settings.of({"embeddings": "sg600", "set": {"epochs": 1, "layers": 1}}).name
        'nob-sg600-full-iob-epochs=1'
        """
        parts = [self.language, Path(self.embeddings).name.split(".")[0], short(self.labels), self.encoding]
        parts += [Path(self.bert).name] * (self.bert != names.NONE)
        parts += [self.preset] * (self.preset != "paper")
        parts += ["final"] * self.final
        changes = "-".join(f"{fields.short_name(RunConfig, path)}={value}" for path, value in self.changes)
        return "-".join([*parts, *[shortened(changes)] * bool(changes)])

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds them: the fields of a file's table."""
        return {**{k: v for k, v in vars(self).items() if k != "changes"}, "set": dict(self.changes)}


@dataclass(frozen=True)
class Run:
    """One training: settings and a seed."""

    settings: Settings
    seed: int

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"{self.settings.name}-seed{self.seed}"


@dataclass(frozen=True)
class Evaluation:
    """What a trained model is scored on, and in which label set."""

    language: str
    split: str  # dev or test
    labels: str

    def __post_init__(self) -> None:
        check_known("split", self.split, [split for split in SPLITS if split != "train"])
        check_labels(self.labels)

    @property
    def name(self) -> str:
        """The name of its file of scores: nno-dev-7."""
        return f"{self.language}-{self.split}-{short(self.labels)}"


def check_can_score(model: str, evaluation: str) -> None:
    """Raises UsageError where a model of one label set cannot be scored in another.

    As `require_scorable`; and where the types of one of the two are unknown before its files are read.
    """
    if model == evaluation:
        return
    own, other = LabelSet.named(model), LabelSet.named(evaluation)
    if own.types is None or other.types is None:
        raise UsageError(f"a model with the labels {model} cannot be scored in the label set {evaluation}")
    require_scorable(own, other)


def short(labels: str) -> str:
    """The name of a label set; of a file's, with a hash of what it says, since a file can change."""
    if not labels.endswith(".toml"):
        return labels
    types = json.dumps(LabelSet.named(labels).types, sort_keys=True)
    return f"{Path(labels).stem}-{hashlib.sha256(types.encode('utf-8')).hexdigest()[:6]}"


def shortened(part: str) -> str:
    """A part of a name as it is, or a hash of it where it is too long for the name of a file."""
    return part if len(part) <= MAX_NAME else hashlib.sha256(part.encode("utf-8")).hexdigest()[:12]


def check_known(name: str, value: str, known: Any, what: str = "unknown") -> None:
    """Raises UsageError for what is not one of `known`, with the near miss."""
    if value not in known:
        raise UsageError(
            f'{name} = "{value}" is {what}.{did_you_mean(str(value), known)}',
            hint=f"known: {' '.join(known)}",
        )


def check_embeddings(name: str) -> None:
    """Raises UsageError for what can be no vectors. A file that is not here can: then a row is not run."""
    if name in names.NAMES:
        return
    path = Path(name).expanduser()
    if path.is_dir():
        raise UsageError(
            f'embeddings = "{name}" is a folder, expected a file of vectors or a known name',
            hint=f"known: {' '.join(names.NAMES)}",
        )
    if not path.exists() and "/" not in name and not name.endswith(names.SUFFIXES):
        check_known("embeddings", name, names.NAMES, "neither a file nor a known name")


def is_seed(value: Any) -> bool:
    """A whole number that any reader of JSON can hold."""
    return type(value) is int and 0 <= value <= MAX_SEED


def check_labels(name: str) -> None:
    """Raises UsageError for an unknown label set, InputError for a bad file of one."""
    if not name.endswith(".toml"):
        check_known("labels", name, [*LABEL_SETS, "file"], "no known label set")
    LabelSet.named(name)
