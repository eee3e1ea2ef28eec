"""From the options of `bilstm-crf train` to the configuration of a run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any

from bilstm_crf.commands.options import refuse_append
from bilstm_crf.config import Recipe, RunConfig
from bilstm_crf.corpus.norne import find_or_fetch
from bilstm_crf.embeddings.names import KNOWN
from bilstm_crf.errors import UsageError
from bilstm_crf.formats import format_of
from bilstm_crf.training.unused import unused_settings

# Beside the folder one is in, else beside the package: a checkout holds it.
SAMPLE_FOLDERS = [Path("data/sample"), Path(__file__).resolve().parents[2] / "data" / "sample"]
# Some 280 sentences give the paper's recipe too few steps to learn from: smaller batches, a higher rate.
SAMPLE_SETTINGS = {"epochs": 40, "batch_size": 4, "learning_rate": 0.03}
MAPS_MISC = ("full", "7", "6")  # label sets in which NorNE's MISC becomes O
# Settings of the recipe that have options of their own; `--bert-finetune` and `--context` set others
SHORT = ("epochs", "patience", "features", "head", "bert_layers", "bert_pooling", "curriculum")


NOTHING: frozenset[str] = frozenset()


def names(options: Set[str]) -> str:
    """The options as they are typed: --set, --train."""
    typed = {"settings": "set", "bert_context": "context", "format_name": "format", "weights": "weight"}
    return ", ".join(
        sorted("--" + typed.get(name, name.removesuffix("_files")).replace("_", "-") for name in options)
    )


def configure(
    options: Mapping[str, Any], given: Set[str] = NOTHING, typed: Set[str] = NOTHING
) -> tuple[RunConfig, Path]:
    """Return the configuration of a new run and the folder it goes to.

    `given` are the options that a user gave, `typed` those of them that are not from a `--config` file.
    Raises UsageError for what cannot be, and for what was given and has no effect.
    """
    if options["config"]:
        from bilstm_crf.training.records import read_description  # imports torch

        config = read_description(Path(options["config"])).config
        return config, Path(options["output"] or "runs/repeated")
    refuse_append(options)
    own_files = options["train_files"]
    if not own_files and (options["dev_files"] or options["test_files"]):
        raise UsageError("--dev and --test are for files of your own: expected --train FILE with them")
    if own_files and not options["dev_files"]:
        raise UsageError("--train was given without --dev", hint="dev chooses the best epoch: --dev FILE")
    if own_files and options["data"]:
        raise UsageError("--data and --train were both given; expected one of them")
    if own_files:
        splits = {split: list(options[f"{split}_files"]) for split in ("train", "dev", "test")}
    else:
        found = find_or_fetch(options["data"], options["language"])
        splits = {split: [str(path) for path in paths] for split, paths in found.items()}
    embeddings = options["embeddings"] or "none"
    name = Path(own_files[0]).name.split(".")[0] if own_files else options["language"]
    used = [
        Path(each).name.split(".")[0] for each in (options["init_from"], embeddings, options["bert"]) if each
    ]
    vectors_name = "-".join(each for each in used if each != "none" or len(used) == 1)
    recipe, bert = Recipe.preset(options["preset"]), options["bert"]
    if options["init_from"]:
        from bilstm_crf.model.model_folder import recipe_of  # brings torch along

        sizes, encoder = recipe_of(options["init_from"])
        if options["curriculum"]:  # which says itself what context there is
            sizes = {name: value for name, value in sizes.items() if not name.startswith("bert_context")}
        recipe, bert = recipe.replace(sizes), bert or encoder
    before = recipe.replace(options.get("sample_settings", {}))
    changed = settings(options, typed)
    recipe = before.replace(changed)
    config = RunConfig(
        train=splits["train"],
        dev=splits["dev"],
        test=splits.get("test", []),
        weights=list(options["weights"]),
        train_labels=list(options["train_labels"]),
        drop=list(options["drop"]),
        format=options["format_name"],
        key=options["misc_key"],
        token_column=options["token_column"],
        label_column=options["label_column"],
        input_encoding=options["input_encoding"],
        repair=options["repair"],
        documents=options["documents"],
        label_set=options["labels"] or ("file" if own_files else "full"),
        keep_misc=options["keep_misc"],
        encoding=options["encoding"],
        embeddings=embeddings,
        embeddings_dir=options["embeddings_dir"],
        init_from=options["init_from"],
        bert=bert,
        trust_remote_code=options["trust_remote_code"],
        embed_encoder=options["embed_encoder"],
        final=options["final"],
        preset=options["preset"],
        recipe=recipe,
        seed=options["seed"],
        threads=options["threads"],
        device=options["device"],
    )
    refuse_unused_settings(config, before, options, changed)
    refuse_unused_options(config, options, given)
    return config, Path(options["output"] or f"runs/{name}-{vectors_name}")


def settings(options: Mapping[str, Any], typed: Set[str]) -> dict[str, Any]:
    """Return the recipe's values that `--set`, its short forms and a file's [set] change.

    What is typed goes before a file. Raises UsageError where `--set` and a short form give one setting two
    values in the same place.
    """
    in_file: dict[str, Any] = dict(options.get("file_settings", {}))
    by_set: dict[str, Any] = {}
    for each in options["settings"]:
        name, equals, value = each.partition("=")
        if not equals:
            raise UsageError(f"--set {each}: expected NAME=VALUE, as in --set epochs=20")
        by_set[name.strip()] = value.strip()
    changed = {**in_file, **by_set}
    for option, name, value in _short_forms(options):
        same_place = by_set if option in typed else in_file
        if name in same_place and str(same_place[name]) != str(value):
            raise UsageError(
                f"{_typed(options, option)} and --set {name}={same_place[name]}: expected one of them"
            )
        if option in typed or name not in by_set:
            changed[name] = value
    return changed


def _short_forms(options: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Each option that was given and is short for `--set`: its name, and the setting with its value."""
    for name in SHORT:
        if options[name] is not None:
            yield name, name, options[name]
    if options["bert_finetune"]:
        yield "bert_finetune", "bert_weights", "tuned"
    context = options["bert_context"]
    if context is not None:
        if not re.fullmatch("[0-9]+w?", context):
            raise UsageError(f"--context {context}: expected a number of sentences, or of words as in 64w")
        yield "bert_context", "bert_context", context.removesuffix("w")
        yield "bert_context", "bert_context_unit", "words" if context.endswith("w") else "sentences"


def _typed(options: Mapping[str, Any], option: str) -> str:
    """An option with its value as it is typed: --epochs 3."""
    return names({option}) if options[option] is True else f"{names({option})} {options[option]}"


def refuse_unused_settings(
    config: RunConfig, before: Recipe, options: Mapping[str, Any], changed: Mapping[str, Any]
) -> None:
    """Raise UsageError for settings that were given and have no effect in this run.

    A `--set` with the value that the recipe has anyway is let pass: a recipe written out whole has many. A
    short form is not.
    """
    given = {
        name: f"--set {name}={value}"
        for name, value in changed.items()
        if getattr(config.recipe, name) != getattr(before, name)
    }
    for option, name, _ in _short_forms(options):
        if name != "bert_context_unit":  # it stands in the context's own text
            given[name] = _typed(options, option)
        else:
            given.pop(name, None)
    for unused in unused_settings(config):
        found = [given[name] for name in unused.settings if name in given]
        if found:
            raise UsageError(f"{', '.join(found)}, but {unused.reason}", hint=unused.hint)


def refuse_unused_options(config: RunConfig, options: Mapping[str, Any], given: Set[str]) -> None:
    """Raise UsageError for other options that were given and have no effect in this run."""
    of_format = ("misc_key", "token_column", "label_column")
    formats = _formats(config) if given & set(of_format) else set()  # which opens every file
    no_columns = "no file has columns"
    label_sets = {config.label_set, *config.train_labels}
    unused = {
        "language": (bool(options["train_files"]), "--train names the files", "it chooses NorNE's files"),
        "embed_encoder": (config.bert is None, "no encoder is named", "name one: --bert NAME|PATH"),
        "trust_remote_code": (config.bert is None, "no encoder is named", "name one: --bert NAME|PATH"),
        "embeddings_dir": (
            config.embeddings not in KNOWN,
            "no vectors are looked for by name",
            f"names are: {' '.join(KNOWN)}",
        ),
        "keep_misc": (
            label_sets.isdisjoint(MAPS_MISC),
            f"the labels {', '.join(sorted(label_sets))} do not drop it",
            f"it is for --labels {', '.join(MAPS_MISC)}",
        ),
        "misc_key": ("conllu" not in formats, "no file is CoNLL-U", "it is a key of CoNLL-U's MISC"),
        "token_column": ("conll2003" not in formats, no_columns, "--format conll2003 reads columns"),
        "label_column": ("conll2003" not in formats, no_columns, "--format conll2003 reads columns"),
    }
    for option, (is_unused, reason, hint) in unused.items():
        if is_unused and option in given and options[option]:
            raise UsageError(f"{_typed(options, option)}, but {reason}", hint=hint)


def _formats(config: RunConfig) -> set[str]:
    """The names of the formats that the files may have; a text file may turn out to hold columns."""
    found = set()
    for path in (*config.train, *config.dev, *config.test):
        try:
            found.add(format_of(path, config.format).name)
        except UsageError:  # reading it says so
            return {"conllu", "conll2003"}
    return found | ({"conll2003"} if "text" in found and config.format is None else set())


def use_sample(options: dict[str, Any]) -> None:
    """Fills in what trains on the sample; what was given stays. Raises UsageError where it is not at hand."""
    folder = next((f for f in SAMPLE_FOLDERS if f.is_dir()), None)
    if folder is None:
        raise UsageError(
            "no corpus was named, and the sample (data/sample in the project's repository) is not here",
            hint="name a corpus: --data DIR, or --train FILE --dev FILE",
        )
    static = options["init_from"] is None and "static" in (options["features"] or "static")
    vectors = str(folder / "vectors.bin") if static else None
    options.update(data=str(folder), language="both", embeddings=vectors)
    options["sample_settings"] = SAMPLE_SETTINGS
    options["output"] = options["output"] or "runs/sample"
