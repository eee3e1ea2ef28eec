"""From the options of `bilstm-crf train` and the file of `--config` to the configuration of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bilstm_crf.config import RunConfig
from bilstm_crf.corpus.norne import find_or_fetch
from bilstm_crf.embeddings.names import NONE, find
from bilstm_crf.errors import UsageError
from bilstm_crf.training.processes import as_started
from bilstm_crf.training.records import read_description
from bilstm_crf.training.unused import unused_settings, without_unused
from bilstm_crf.util import fields
from bilstm_crf.util.files import read_toml
from bilstm_crf.util.system import cores

# Beside the folder one is in, else beside the package: a checkout holds it.
SAMPLE_FOLDERS = [Path("data/sample"), Path(__file__).resolve().parents[2] / "data" / "sample"]
# Some 280 sentences give the paper's recipe too few steps to learn from: smaller batches, a higher rate.
SAMPLE_SETTINGS = {"epochs": 40, "batch_size": 4, "learning_rate": 0.03, "language": "both"}
SETTINGS = fields.settings_of(RunConfig)


@dataclass(frozen=True)
class Given:
    """The settings that a user gave, by path: in a file, with --set, and with options of their own."""

    in_file: Mapping[str, Any]
    by_set: Mapping[str, Any]
    by_option: Mapping[str, Any]

    @property
    def values(self) -> dict[str, Any]:
        """All of them; what is typed goes before the file."""
        return fields.merge(self.in_file, self.by_set, self.by_option)

    def shown(self, path: str) -> str:
        """Return a setting as it was given."""
        name, value = fields.short_name(RunConfig, path), fields.as_text(self.values[path])
        if path not in self.by_option:
            return f"{'--set ' * (path in self.by_set)}{name}={value}"
        return SETTINGS[path].option + f" {value}" * (self.values[path] is not True)

    @property
    def names_no_corpus(self) -> bool:
        """Whether neither a corpus nor vectors are named, so that the sample is used."""
        splits = ("folder", "language", "train", "dev", "test")
        return not {*self.values} & {"words.embeddings", *(f"data.{each}" for each in splits)}


def given_by(file: str | None, assignments: Iterable[str], typed: Mapping[str, Any]) -> Given:
    """Return what a user gave. Raises UsageError for what is no setting, or two values for one setting."""
    by_set: dict[str, Any] = {}
    for each in assignments:
        name, equals, value = each.partition("=")
        if not equals:
            raise UsageError(f"--set {each}: expected NAME=VALUE, as in --set epochs=20")
        by_set |= fields.read(RunConfig, {name: value.strip()}, text=True)
    in_file = {} if file is None else _read_file(Path(file))
    by_option = fields.read(RunConfig, typed, text=True)
    for path, value in by_set.items():
        if value != by_option.get(path, value):
            shown = [given.shown(path) for given in (Given({}, by_set, {}), Given({}, {}, by_option))]
            raise UsageError(f"{' and '.join(shown)}: expected one of them")
    return Given(in_file, by_set, by_option)


def _read_file(path: Path) -> dict[str, Any]:
    """Return the settings of a TOML file, or of a run's config.json, by path."""
    content = read_description(path).config.to_json() if path.suffix == ".json" else read_toml(path)
    try:
        return fields.read(RunConfig, content)
    except UsageError as error:
        raise UsageError(f"{path}: {error}", hint=error.hint) from None


def configure(given: Given, *, sample: Path | None = None) -> tuple[RunConfig, Path]:
    """Return the configuration of a new run and the folder it goes to.

    Raises UsageError for what cannot be, and for what was given and has no effect.
    """
    values = given.values
    threads = max(1, min(2, cores() // as_started().on_machine))
    base = RunConfig.of_preset(values.get("preset", "paper")).replace(threads=threads)
    if values.get("network.init_from"):
        from bilstm_crf.model.model_folder import settings_of_model  # brings torch along

        sizes = settings_of_model(values["network.init_from"])
        if values.get("encoder.curriculum"):  # which says itself what context there is
            sizes.pop("encoder.context", None)
        base = base.replace(sizes)
    if sample is not None:
        static = not values.get("network.init_from") and "static" in values.get("network.features", "static")
        vectors = {"words.embeddings": str(sample / "vectors.bin")} if static else {}
        base = base.replace({**SAMPLE_SETTINGS, **vectors, "data": str(sample)})
    if "data.train" in values and "data.labels" not in values:
        base = base.replace(labels="file")
    named = base.replace(values)
    name = named.words.embeddings
    if name != NONE and not {"/", "."} & {*name}:  # refuse an unknown name before a corpus is read
        find(name, named.words.embeddings_dir)
    config = with_files(named)
    refuse_unused(config, base, given)
    name = "sample" if sample is not None else _run_name(named)
    folder = Path(config.run.output or f"runs/{name}")
    return without_unused(config).replace(run__output=None), folder


def _run_name(config: RunConfig) -> str:
    """Return the name of a run's folder: the corpus, and what it starts from."""
    corpus = Path(config.data.train[0]).name.split(".")[0] if config.data.train else config.data.language
    sources = [config.network.init_from, config.words.embeddings, config.encoder_name]
    names = [Path(each).name.split(".")[0] for each in sources if each not in (None, "none")]
    return "-".join([corpus or "nob", *(names or ["none"])])


def with_files(config: RunConfig) -> RunConfig:
    """Return the configuration with NorNE's files where it names none; they are downloaded if need be."""
    if config.data.train:
        return config
    found = find_or_fetch(config.data.folder, config.data.language or "nob")
    files = {f"data.{split}": [str(path) for path in paths] for split, paths in found.items()}
    return config.replace(files, data__folder=None, data__language=None)


def refuse_unused(config: RunConfig, base: RunConfig, given: Given) -> None:
    """Raise UsageError for settings that were given and have no effect in this run.

    A value that the setting has anyway, or by default, passes, since a configuration written out whole has
    many of these; that of an option of its own does not.
    """
    if config.data.label_column == "append":
        raise UsageError("--label-column append is for tag: this command writes no labels")
    for path, why in unused_settings(config).items():
        harmless = (SETTINGS[path].default, fields.get(base, path))
        if path in given.by_option or given.values.get(path, harmless[0]) not in harmless:
            raise UsageError(f"{given.shown(path)}, but {why}")


def sample_folder() -> Path:
    """Return the folder of the sample. Raises UsageError if it does not exist."""
    folder = next((each for each in SAMPLE_FOLDERS if each.is_dir()), None)
    if folder is None:
        raise UsageError(
            "no corpus was named, and the sample (data/sample in the project's repository) is not here",
            hint="name a corpus: --data DIR, or --train FILE --dev FILE",
        )
    return folder
