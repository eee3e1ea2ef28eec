"""Options of `train` that were given and have no effect are refused; what has one is not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bilstm_crf.commands.options import FILE_SETTINGS, given_of
from bilstm_crf.commands.train import command
from bilstm_crf.commands.train_options import configure
from bilstm_crf.config import Recipe, RunConfig
from bilstm_crf.errors import UsageError
from bilstm_crf.training.unused import OF_ENCODER, unused_settings
from done import Done
from runs import DEV, SAMPLE, TRAIN, history, small_config, start, weights_hash

Cli = Callable[..., Done]
FILES = ["--train", TRAIN, "--dev", DEV]
BERT = ["--encoder", "owner/name"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BILSTM_CRF_DATA", raising=False)


def configured(*arguments: str) -> RunConfig:
    """The configuration of the run that `bilstm-crf train` with these options would begin."""
    context = command.make_context("train", list(arguments))
    options = {**context.params, "file_settings": context.meta.get(FILE_SETTINGS, {})}
    return configure(options, given_of(context), given_of(context, in_file=False))[0]


UNUSED = {
    "an encoder's setting without one": (["--set=encoder.layers=mix"], "--set encoder__layers=mix, but no encoder"),
    "an encoder's rate without one": (["--set=encoder.learning_rate=1"], "bert_learning_rate=1, but no encoder"),
    "two of them": (["--encoder-layers", "mix", "--context", "2"], "--encoder-layers mix, --context 2, but"),
    "its option with the default value": (["--encoder-layers", "last4"], "--encoder-layers last4, but no encoder"),
    "a rate of a frozen encoder": ([*BERT, "--set=encoder.learning_rate=1"], "not trained"),
    "a unit without a context": ([*BERT, "--set=bert_context_unit=words"], "each sentence alone"),
    "epochs and a curriculum": ([*BERT, "--curriculum", "0:2", "--epochs", "3"], "--epochs 3, but the c"),
    "the same by --set": ([*BERT, "--set=curriculum=0:2", "--set=epochs=3"], "--set epochs=3, but the c"),
    "restarts of no cosine": (["--set", "restarts=3"], "restarts=3"),
    "decay of a linear schedule": (["--set=schedule=linear", "--set=learning_rate_decay=1"], "decay=1"),
    "momentum of Adam": (["--set", "optimiser=adam", "--set", "momentum=0.9"], "momentum=0.9"),
    "dimensions beside vectors": (["--embeddings", "sg50", "--set", "words.dim=7"], "words.dim=7"),
    "n-grams without vectors": (["--set", "subwords=9"], "subwords=9, but no vectors"),
    "words' rate without words": (["--features", "char", "--set", "word_rate=2"], "word_rate=2"),
    "filters without characters": (["--features", "static", "--set", "character_filters=9"], "filters=9"),
    "a BiLSTM's size without one": (["--head", "crf", "--set", "hidden=10"], "hidden=10, but the head crf"),
    "memory_free_loss_weight without a memory": (["--set", "memory_free_loss_weight=0.5"], "memory_free_loss_weight=0.5"),
    "a copy of no encoder": (["--embed-encoder"], "--embed-encoder, but no encoder"),
    "code of no encoder": (["--trust-remote-code"], "--trust-remote-code, but no encoder"),
    "a language of own files": (["--language", "nno"], "--language nno, but --train"),
    "a folder of no vectors": (["--embeddings-dir", "x"], "--embeddings-dir x, but no vectors"),
    "a folder for a path": (["--embeddings", "./v.bin", "--embeddings-dir", "x"], "--embeddings-dir x"),
    "MISC that no set drops": (["--labels", "file", "--keep-misc"], "--keep-misc, but the labels file"),
    "a column of CoNLL-U": (["--token-column", "2"], "--token-column 2, but no file has columns"),
    "a label's column of CoNLL-U": (["--label-column", "3"], "--label-column 3, but no file has columns"),
    "a key of columns": (["--format", "conll2003", "--misc-key", "ner"], "--misc-key ner, but no file is"),
    "two values for one setting": (["--epochs", "3", "--set", "epochs=4"], "expected one of them"),
    "tuned and frozen": ([*BERT, "--encoder-finetune", "--set", "bert_weights=frozen"], "expected one of them"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNUSED)
def test_what_was_given_and_has_no_effect_is_refused(case: str, cli: Cli) -> None:
    arguments, message = UNUSED[case]
    done = cli("train", *FILES, *arguments, "--output", "run")
    assert (done.status, done.out) == (2, b"")
    assert message in done.err
    assert not Path("run").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        [f"--set={name}={value}" for name, value in vars(Recipe()).items()],  # a recipe written out whole
        ["--preset", "best", *(f"--set={n}={v}" for n, v in vars(Recipe.preset("best")).items())],
        ["--preset", "best", "--set", "schedule=cosine", "--set", "restarts=2"],
        [*BERT, "--encoder-layers", "mix", "--context", "0", "--embed-encoder", "--trust-remote-code"],
        [*BERT, "--encoder-finetune", "--embed-encoder", "--set", "bert_learning_rate=1e-5"],
        [*BERT, "--curriculum", "0:2,64w:2", "--patience", "2"],
        ["--embeddings", "sg600", "--embeddings-dir", "x", "--set", "subwords=9", "--set", "composed=0.1"],
        ["--labels", "6", "--keep-misc", "--misc-key", "ner"],
        ["--format", "conll2003", "--token-column", "2", "--label-column", "3"],
        ["--weight", "1"],
        ["--set", "hidden=10", "--set", "hidden=20"],  # the last one counts, as usual
    ],
)  # fmt: skip
def test_what_has_an_effect_or_is_so_anyway_is_taken(arguments: list[str]) -> None:
    configured(*FILES, *arguments)


def test_of_norne_a_language_and_weights_are_taken() -> None:
    norne = ["--data", str(SAMPLE), "--language", "both", "--weight", "0.5", "--weight", "1"]
    assert configured(*norne).weights == [0.5, 1.0]


def test_a_file_and_the_command_line_are_merged_setting_by_setting() -> None:
    Path("run.toml").write_text("epochs = 7\nhead = 'crf'\n[set]\nmomentum = 0.5\nl2 = 0.1\n", "utf-8")
    recipe = configured(*FILES, "--config", "run.toml", "--set", "l2=0.2", "--set", "epochs=3").recipe
    assert (recipe.epochs, recipe.head, recipe.momentum, recipe.l2) == (3, "crf", 0.5, 0.2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[set]\nbert_layers = 'mix'\n", "bert_layers=mix, but no encoder"),
        ("epochs = 7\n[set]\nepochs = 3\n", "expected one of them"),
        ("keep-misc = true\nlabels = 'file'\n", "--keep-misc"),
    ],
)
def test_so_is_what_a_file_gives(content: str, message: str) -> None:
    Path("run.toml").write_text(content, "utf-8")
    with pytest.raises(UsageError, match=message):
        configured(*FILES, "--config", "run.toml")


def test_the_sample_has_settings_of_its_own_which_nobody_gave(cli: Cli) -> None:
    """Its epochs beside a curriculum: the error is that of the encoder, which is not here."""
    done = cli("train", "--encoder", "./nowhere", "--curriculum", "0:2", "--output", "run")
    assert done.status == 2
    assert "nowhere: no such folder" in done.err


# ---------------------------------------------------------------- the oracle


OTHER: dict[str, Any] = {
    "encoder.layers": "mix", "encoder.pooling": "mean", "bert_context_unit": "words", "encoder.finetune": True,
    "encoder.precision": "bfloat16", "bert_checkpointing": "on", "encoder.context": 2, "encoder.learning_rate": 1.0,
    "encoder.weight_decay": 0.5, "restarts": 3, "learning_rate_decay": 0.5, "momentum": 0.5, "words.dim": 7,
    "embedding_lr_scale": 0.5, "subwords": 50, "subword_dropout": 0.5, "character_dim": 7, "character_filters": 7,
    "character_width": 5, "hidden": 6, "layers": 2, "recurrent_dropout": 0.5, "memory_free_loss_weight": 0.5,
    "epochs": 9,
}  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "adam", "schedule": "linear", "features": "char", "head": "crf"},
        {"features": "static", "head": "linear"},
        {"embeddings": str(SAMPLE / "vectors.bin"), "schedule": "cosine"},
    ],
)
def test_an_unused_setting_changes_no_weight(changes: dict[str, Any], tmp_path: Path) -> None:
    """All of them at once: so none that has an effect is among them."""
    config = small_config(tmp_path, epochs=1, **changes)
    unused = {name for each in unused_settings(config) for name in each.settings}
    assert unused.issuperset(OF_ENCODER)
    changed = config.replace({name: OTHER[name] for name in unused})
    start(config, tmp_path / "one")
    start(dataclasses.replace(config, recipe=changed), tmp_path / "two")
    assert weights_hash(tmp_path / "one") == weights_hash(tmp_path / "two")
    assert history(tmp_path / "one") == history(tmp_path / "two")


@pytest.mark.parametrize("command", ["train", "evaluate", "errors", "data stats"])
def test_labels_are_appended_by_tag_alone(command: str, cli: Callable[..., Done], tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    path.write_text("Kari B-PER\n\n", "utf-8")
    files = {"train": ["--train", path, "--dev", path], "data stats": [path]}
    arguments = files.get(command, ["--gold", path, "--predicted", path])
    done = cli(*command.split(), *arguments, "--label-column", "append")
    assert (done.status, "append" in done.err) == (2, True)
