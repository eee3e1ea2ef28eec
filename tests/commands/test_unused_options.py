"""Options of `train` that were given and have no effect are refused; what has one is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bilstm_crf.commands.train import command, typed_settings
from bilstm_crf.commands.train_options import configure, given_by
from bilstm_crf.config import RunConfig
from bilstm_crf.errors import UsageError
from bilstm_crf.training.unused import unused_settings, without_unused
from bilstm_crf.util import fields
from done import Done
from runs import DEV, SAMPLE, TRAIN, history, set_options, small_config, start, weights_hash

Cli = Callable[..., Done]
FILES = ["--train", TRAIN, "--dev", DEV]
ENCODER = ["--encoder", "owner/name"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BILSTM_CRF_DATA", raising=False)


def configured(*arguments: str) -> RunConfig:
    """The configuration of the run that `bilstm-crf train` with these options would begin."""
    context = command.make_context("train", list(arguments))
    file, assignments = context.params["config"], context.params["assignments"]
    return configure(given_by(file, assignments, typed_settings(context)))[0]


def written_out(config: RunConfig) -> list[str]:
    """Every setting of a preset with --set."""
    paths = [path for path in fields.settings_of(RunConfig) if not path.startswith(("data.", "encoder."))]
    left_out = ("preset", "run.output", "words.embeddings", "network.features")
    return set_options({path: fields.get(config, path) for path in paths if path not in left_out})


UNUSED = {
    "an encoder's setting without one": (["--set=encoder.layers=mix"], "mix, but there is no encoder"),
    "an encoder's rate without one": (["--set=encoder.learning_rate=1"], "rate=1.0, but there is no"),
    "two of them": (["--encoder-layers", "mix", "--context", "2"], "there is no encoder"),
    "its option with the default value": (["--encoder-layers", "last4"], "there is no encoder"),
    "a rate of a frozen encoder": ([*ENCODER, "--set=encoder.learning_rate=1"], "not trained"),
    "epochs and a curriculum": ([*ENCODER, "--curriculum", "0:2", "--epochs", "3"], "--epochs 3, but the c"),
    "the same by --set": ([*ENCODER, "--set=curriculum=0:2", "--set=epochs=3"], "--set epochs=3, but the c"),
    "restarts of no cosine": (["--set", "restarts=3"], "restarts=3"),
    "decay of a linear schedule": (["--set=schedule=linear", "--set=learning_rate_decay=1"], "decay=1"),
    "momentum of Adam": (["--set", "optimizer=adam", "--set", "momentum=0.9"], "momentum=0.9"),
    "dimensions beside vectors": (["--embeddings", "sg50", "--set", "words.dim=7"], "words.dim=7"),
    "n-grams without vectors": (["--set", "subwords=9"], "subwords=9, but no vectors"),
    "words' rate without words": (["--features", "char", "--set", "embedding_lr_scale=2"], "lr_scale=2"),
    "filters without characters": (["--features", "static", "--set", "filters=9"], "filters=9"),
    "a BiLSTM's size without one": (["--head", "crf", "--set", "hidden=10"], "hidden=10, but the head crf"),
    "a share without a memory": (["--set", "memory_free_loss_weight=0.5"], "memory_free_loss_weight=0.5"),
    "a copy of no encoder": (["--embed-encoder"], "there is no encoder"),
    "code of no encoder": (["--trust-remote-code"], "there is no encoder"),
    "a language of own files": (["--language", "nno"], "--language"),
    "weights of other files": (["--weight", "1", "--weight", "2"], "2 weights for 1 training files"),
    "a folder of no vectors": (["--embeddings-dir", "x"], "--embeddings-dir x, but no vectors"),
    "a folder for a path": (["--embeddings", "./v.bin", "--embeddings-dir", "x"], "--embeddings-dir x"),
    "MISC that no set drops": (["--labels", "file", "--keep-misc"], "--keep-misc, but the labels file"),
    "a column of CoNLL-U": (["--token-column", "2"], "--token-column 2, but no file has columns"),
    "a label's column of CoNLL-U": (["--label-column", "3"], "--label-column 3, but no file has columns"),
    "a key of columns": (["--format", "conll2003", "--misc-key", "ner"], "--misc-key ner, but no file is"),
    "two values for one setting": (["--epochs", "3", "--set", "epochs=4"], "expected one of them"),
    "tuned and frozen": ([*ENCODER, "--encoder-finetune", "--set", "encoder.finetune=no"], "one of them"),
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
        written_out(RunConfig()),
        ["--preset", "best", *written_out(RunConfig.of_preset("best"))],
        ["--preset", "best", "--set", "schedule=cosine", "--set", "restarts=2"],
        [*ENCODER, "--encoder-layers", "mix", "--context", "0", "--embed-encoder", "--trust-remote-code"],
        [*ENCODER, "--encoder-finetune", "--embed-encoder", "--set", "encoder.learning_rate=1e-5"],
        [*ENCODER, "--curriculum", "0:2,64w:2", "--patience", "2"],
        ["--embeddings", "sg600", "--embeddings-dir", "x", "--set=subwords=9", "--set=subword_dropout=0.1"],
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
    assert configured(*norne).data.weights == (0.5, 1.0)


def test_a_file_and_the_command_line_are_merged_setting_by_setting() -> None:
    Path("run.toml").write_text("epochs = 7\nhead = 'crf'\n[optimizer]\nmomentum = 0.5\nweight_decay = 0.1\n")
    config = configured(*FILES, "--config", "run.toml", "--set", "weight_decay=0.2", "--set", "epochs=3")
    assert (config.schedule.epochs, config.network.head) == (3, "crf")
    assert (config.optimizer.momentum, config.optimizer.weight_decay) == (0.5, 0.2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[encoder]\nlayers = 'mix'\n", "layers=mix, but there is no encoder"),
        ("restarts = 3\n", "restarts=3, but only schedule=cosine"),
        ("keep-misc = true\nlabels = 'file'\n", "keep_misc=true"),
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
    "schedule.restarts": 3, "schedule.learning_rate_decay": 0.5, "optimizer.momentum": 0.5, "words.dim": 7,
    "words.subwords": 50, "words.subword_dropout": 0.5,
    "optimizer.embedding_lr_scale": 0.5, "words.embeddings_dir": "x", "characters.dim": 7,
    "characters.filters": 7, "characters.width": 5, "lstm.hidden": 6, "lstm.layers": 2,
    "lstm.recurrent_dropout": 0.5, "document_memory.memory_free_loss_weight": 0.5,
    "data.token_column": "2", "data.label_column": "3", "data.keep_misc": True,
}  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "adam", "schedule": "linear", "features": "char", "head": "crf"},
        {"features": "static", "head": "linear", "labels": "file"},
        {"embeddings": str(SAMPLE / "vectors.bin"), "schedule": "cosine"},
    ],
)
def test_an_unused_setting_changes_no_weight(changes: dict[str, Any], tmp_path: Path) -> None:
    """All of them at once: so none that has an effect is among them."""
    config = small_config(tmp_path, epochs=1, **changes)
    unused = unused_settings(config)
    changed = config.replace({path: OTHER[path] for path in unused})
    assert changed != config
    assert without_unused(changed) == without_unused(config)
    start(config, tmp_path / "one")
    start(changed, tmp_path / "two")
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
