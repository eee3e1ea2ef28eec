"""From the options of `bilstm-crf train` to the configuration of a run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from bilstm_crf.config import Recipe, RunConfig
from bilstm_crf.corpus.norne import find_or_fetch
from bilstm_crf.errors import UsageError

# Beside the folder one is in, else beside the package: a checkout holds it.
SAMPLE_FOLDERS = [Path("data/sample"), Path(__file__).resolve().parents[2] / "data" / "sample"]
# Some 280 sentences give the paper's recipe too few steps to learn from: smaller batches, a higher rate.
SAMPLE_SETTINGS = ("epochs=40", "batch_size=4", "learning_rate=0.03")


def names(options: set[str]) -> str:
    """The options as they are typed: --set, --train."""
    typed = {"settings": "set", "bert_context": "context", "format_name": "format"}
    return ", ".join(
        sorted("--" + typed.get(name, name.removesuffix("_files")).replace("_", "-") for name in options)
    )


def configure(options: dict[str, Any]) -> tuple[RunConfig, Path]:
    """The configuration of a new run and the folder it goes to. Raises UsageError for what cannot be."""
    if options["config"]:
        from bilstm_crf import run_folder  # brings torch along

        described = run_folder.read_config(Path(options["config"]))
        config = RunConfig.from_json(described["config"])
        return config, Path(options["output"] or "runs/repeated")
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
        from bilstm_crf.model_folder import recipe_of  # brings torch along

        sizes, encoder = recipe_of(options["init_from"])
        if options["curriculum"]:  # which says itself what context there is
            sizes = {name: value for name, value in sizes.items() if not name.startswith("bert_context")}
        recipe, bert = recipe.replace(sizes), bert or encoder
    recipe = recipe.replace(settings(options))
    if recipe.curriculum and options["epochs"] is not None:
        raise UsageError(
            f"--epochs {options['epochs']}, but the curriculum {recipe.curriculum} says how long, in batches",
            hint="shorten its stages, or leave one of the two out",
        )
    of_encoder = {
        "bert_finetune",
        "bert_layers",
        "bert_pooling",
        "bert_context",
        "curriculum",
        "embed_encoder",
    }
    if bert is None and (given := {name for name in of_encoder if options[name]}):
        raise UsageError(
            f"{names(given)}: for an encoder, but none is named", hint="name one: --bert NAME|PATH"
        )
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
    return config, Path(options["output"] or f"runs/{name}-{vectors_name}")


def settings(options: dict[str, Any]) -> dict[str, str]:
    """The recipe's values that --set and the options that are short for it change."""
    changed = {}
    for each in options["settings"]:
        name, equals, value = each.partition("=")
        if not equals:
            raise UsageError(f"--set {each}: expected NAME=VALUE, as in --set epochs=20")
        changed[name.strip()] = value.strip()
    short = ("epochs", "patience", "features", "head", "bert_layers", "bert_pooling", "curriculum")
    changed.update({name: options[name] for name in short if options[name] is not None})
    if options["bert_finetune"]:
        changed["bert_weights"] = "tuned"
    if options["bert_context"] is not None:
        if not re.fullmatch("[0-9]+w?", options["bert_context"]):
            raise UsageError(
                f"--context {options['bert_context']}: expected a number of sentences, or of words as in 64w"
            )
        words = options["bert_context"].endswith("w")
        changed["bert_context"] = options["bert_context"].removesuffix("w")
        changed["bert_context_unit"] = "words" if words else "sentences"
    return changed


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
    options["settings"] = [*SAMPLE_SETTINGS, *options["settings"]]
    options["output"] = options["output"] or "runs/sample"
