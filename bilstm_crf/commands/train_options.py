"""From the options of `bilstm-crf train` and the file of `--config` to the configuration of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bilstm_crf.commands.options import CORES
from bilstm_crf.config import RunConfig
from bilstm_crf.corpus.norne import find_or_fetch
from bilstm_crf.errors import UsageError
from bilstm_crf.training.records import read_description
from bilstm_crf.training.unused import unused_settings, without_unused
from bilstm_crf.util import fields
from bilstm_crf.util.files import read_toml

# Beside the folder one is in, else beside the package: a checkout holds it.
SAMPLE_FOLDERS = [Path("data/sample"), Path(__file__).resolve().parents[2] / "data" / "sample"]
# Some 280 sentences give the paper's recipe too few steps to learn from: smaller batches, a higher rate.
SAMPLE_SETTINGS = {"epochs": 40, "batch_size": 4, "optimizer.learning_rate": 0.03}
SETTINGS = fields.settings_of(RunConfig)


@dataclass(frozen=True)
class Given:
    """What a user gave: settings by path, from a file, with --set, and with options of their own."""

    in_file: Mapping[str, Any] = field(default_factory=dict)
    by_set: Mapping[str, Any] = field(default_factory=dict)
    by_option: Mapping[str, Any] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, Any]:
        """All of them; what is typed goes before the file."""
        return {**self.in_file, **self.by_set, **self.by_option}

    def shown(self, path: str) -> str:
        """Return a setting as it was given."""
        value = fields.as_text(self.values[path])
        if path not in self.by_option:
            return (
                f"--set {fields.short_name(RunConfig, path)}={value}"
                if path in self.by_set
                else f"{path}={value}"
            )
        option = SETTINGS[path].option
        return option if self.values[path] is True else f"{option} {value}"


def given_by(file: str | None, assignments: Sequence[str], typed: Mapping[str, Any]) -> Given:
    """Return what a user gave. Raises UsageError for what is no setting, or two values for one setting."""
    content = {} if file is None else read_config_file(Path(file))
    by_set: dict[str, Any] = {}
    for each in assignments:
        name, equals, value = each.partition("=")
        if not equals:
            raise UsageError(f"--set {each}: expected NAME=VALUE, as in --set epochs=20")
        by_set |= fields.read(RunConfig, {name: value.strip()}, text=True)
    options = {name.replace("__", "."): value for name, value in typed.items()}
    by_option = fields.read(RunConfig, options, text=True)
    given = Given(fields.read(RunConfig, content), by_set, by_option)
    for path in by_option:
        if path in by_set and by_set[path] != by_option[path]:
            name = fields.short_name(RunConfig, path)
            raise UsageError(
                f"{given.shown(path)} and --set {name}={fields.as_text(by_set[path])}: expected one of them"
            )
    return given


def read_config_file(path: Path) -> dict[str, Any]:
    """Return the settings of a TOML file, or of a run's config.json. Raises UsageError or InputError."""
    if path.suffix != ".json":
        return read_toml(path)
    return read_description(path).config.to_json()


def configure(given: Given, *, sample: Path | None = None) -> tuple[RunConfig, Path]:
    """Return the configuration of a new run and the folder it goes to.

    Raises UsageError for what cannot be, and for what was given and has no effect.
    """
    values = given.values
    base = RunConfig.of_preset(values.get("preset", "paper")).replace(run__threads=min(2, CORES))
    if values.get("network.init_from"):
        from bilstm_crf.model.model_folder import settings_of_model  # brings torch along

        sizes = settings_of_model(values["network.init_from"])
        if values.get("encoder.curriculum"):  # which says itself what context there is
            sizes.pop("encoder.context", None)
        base = base.replace(sizes)
    if sample is not None:
        static = not values.get("network.init_from") and "static" in values.get("network.features", "static")
        vectors = {"words.embeddings": str(sample / "vectors.bin")} if static else {}
        base = base.replace({**SAMPLE_SETTINGS, **vectors, "data": str(sample), "data.language": "both"})
    if "data.train" in values and "data.labels" not in values:
        base = base.replace({"data.labels": "file"})
    config = base.replace(values)
    name = "-".join([_corpus_name(config), *_source_names(config)])
    config = with_files(config)
    refuse_unused(config, base, given)
    folder = Path(config.run.output or f"runs/{name}")
    return without_unused(config).replace(run__output=None), folder


def _corpus_name(config: RunConfig) -> str:
    if config.data.train:
        return Path(config.data.train[0]).name.split(".")[0]
    return config.data.language or "nob"


def _source_names(config: RunConfig) -> list[str]:
    """Return the names of the model, vectors and encoder that a run starts from, for its folder."""
    sources = (config.network.init_from, config.words.embeddings, config.encoder_name)
    names = [Path(each).name.split(".")[0] for each in sources if each]
    return [each for each in names if each != "none"] or ["none"]


def with_files(config: RunConfig) -> RunConfig:
    """Return the configuration with NorNE's files where it names none; they are downloaded if need be."""
    data = config.data
    if data.train:
        return config
    found = find_or_fetch(data.folder, data.language or "nob")
    files = {f"data.{split}": [str(path) for path in paths] for split, paths in found.items()}
    return config.replace({"data.folder": None, "data.language": None, **files})


def refuse_unused(config: RunConfig, base: RunConfig, given: Given) -> None:
    """Raise UsageError for settings that were given and have no effect in this run.

    A value that the setting has anyway, or by default, passes, since a configuration written out whole has
    many of these; that of an option of its own does not.
    """
    if config.data.label_column == "append":
        raise UsageError("--label-column append is for tag: this command writes no labels")
    values = given.values
    for unused in unused_settings(config):
        found = [
            given.shown(path)
            for path in unused.paths
            if path in values
            and (
                path in given.by_option
                or values[path] not in (SETTINGS[path].default, fields.get(base, path))
            )
        ]
        if found:
            raise UsageError(f"{', '.join(found)}, but {unused.reason}", hint=unused.hint)


def names_no_corpus(given: Given) -> bool:
    """Return whether neither a corpus nor vectors were named: then the sample shows that everything works."""
    naming = ("data.folder", "data.language", "data.train", "data.dev", "data.test", "words.embeddings")
    return not any(path in given.values for path in naming)


def sample_folder() -> Path:
    """Return the folder of the sample. Raises UsageError where it is not at hand."""
    folder = next((each for each in SAMPLE_FOLDERS if each.is_dir()), None)
    if folder is None:
        raise UsageError(
            "no corpus was named, and the sample (data/sample in the project's repository) is not here",
            hint="name a corpus: --data DIR, or --train FILE --dev FILE",
        )
    return folder
