"""The command line with an encoder: what was asked for is run, and what cannot be is said in a line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bilstm_crf import Tagger
from contextual_runs import tiny_config, untrained, write_corpus
from runs import TINY

Cli = Callable[..., Any]
# Of TINY, what has an effect with any features and any head
SETTINGS = {name: value for name, value in TINY.items() if name not in ("words.dim", "hidden")}
QUICK = ["--epochs", "2", "--set=optimizer=adam", *(f"--set={n}={value}" for n, value in SETTINGS.items())]
ALL = [
    "--head", "crf", "--features", "char,encoder", "--context", "16w", "--encoder-layers", "mix",
    "--set=encoder.pooling=mean", "--encoder-finetune", "--embed-encoder", "--trust-remote-code",
    "--set=encoder.learning_rate=1e-3", "--set=schedule=cosine", "--set=restarts=2",
    "--set=warmup_fraction=0.1", "--set=encoder.precision=bfloat16",
]  # fmt: skip


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of its own to run in, with a corpus, and the features' cache in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BILSTM_CRF_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("BILSTM_CRF_DATA", raising=False)
    monkeypatch.setenv("BILSTM_CRF_NORNE", "http://127.0.0.1:9/nothing")
    write_corpus(tmp_path / "a.conllu")


@pytest.fixture
def train(cli: Cli, written: Callable[..., Path]) -> Cli:
    """`bilstm-crf train` on the corpus, with an encoder in the folder `tiny`."""
    shutil.copytree(written("unigram"), "tiny")
    return lambda *arguments: cli("train", "--train", "a.conllu", "--dev", "a.conllu", *arguments, *QUICK)


def config() -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(Path("run/config.json").read_text("utf-8"))["config"]
    return whole


# ---------------------------------------------------------------- what can be


def test_every_option_reaches_the_run_and_the_model(train: Cli, cli: Cli) -> None:
    done = train("--encoder", "tiny", *ALL, "--output", "run")
    assert done.status == 0
    assert "encoder  tiny: 3 layers, 32 dimensions" in done.err
    encoder = {
        "name": "tiny", "embed": True, "trust_remote_code": True, "context": "16w", "curriculum": "",
        "layers": "mix", "pooling": "mean", "finetune": True, "learning_rate": 1e-3, "weight_decay": 0.01,
        "precision": "bfloat16", "frozen_layers": 0,
    }  # fmt: skip
    assert config()["encoder"] == encoder
    assert (config()["network"]["head"], config()["network"]["features"]) == ("crf", "char,encoder")
    schedule = {"shape": "cosine", "restarts": 2, "warmup_fraction": 0.1}
    assert schedule.items() <= config()["schedule"].items()
    described = json.loads(Path("run/model.json").read_text("utf-8"))["encoder"]
    assert described["settings"] == {
        "pooling": "mean",
        "layers": "mix",
        "context": 16,
        "context_unit": "words",
        "precision": "bfloat16",
    }
    assert described["tuned"]
    shutil.rmtree("tiny")
    assert cli("tag", "--model", "run", "a.conllu").status == 0
    assert cli("evaluate", "--model", "run", "a.conllu").status == 0
    assert cli("report", "run").status == 0
    assert "unigram" not in done.err


def test_an_encoder_alone_is_added_to_words_and_characters(train: Cli) -> None:
    assert train("--encoder", "./tiny", "--context", "2", "--output", "run").status == 0
    described = json.loads(Path("run/model.json").read_text("utf-8"))
    assert described["dim"] > 0
    assert described["architecture"]["characters"]
    assert described["architecture"]["contextual_dim"] == 32
    assert described["encoder"]["settings"]["context"] == 2
    assert described["encoder"]["settings"]["context_unit"] == "sentences"


def test_config_json_repeats_a_run_and_a_toml_file_holds_the_options(train: Cli, cli: Cli) -> None:
    assert train("--encoder", "tiny", *ALL, "--output", "run").status == 0
    assert cli("train", "--config", "run/config.json", "--output", "again").status == 0
    Path("run.toml").write_text(
        'head = "crf"\nfeatures = "char,encoder"\nrestarts = 2\nwarmup_fraction = 0.1\nschedule = "cosine"\n'
        + "optimizer.method = 'adam'\n" + "".join(f"{name} = {value}\n" for name, value in SETTINGS.items())
        + '[encoder]\nname = "tiny"\ncontext = "16w"\nlayers = "mix"\npooling = "mean"\nfinetune = true\n'
        "embed = true\ntrust-remote-code = true\nlearning_rate = 1e-3\nprecision = 'bfloat16'\n"
    )  # fmt: skip
    files = ("--train", "a.conllu", "--dev", "a.conllu")
    assert cli("train", *files, "--config", "run.toml", "--epochs", 2, "--output", "toml").status == 0
    names = [sorted(path.name for path in Path(each).iterdir()) for each in ("run", "again", "toml")]
    assert names[0] == names[1] == names[2], "the names of weights and encoder hold their hashes"


def test_going_on_with_a_model_goes_on_with_its_encoder(train: Cli) -> None:
    assert train("--encoder", "tiny", *ALL, "--output", "run").status == 0
    before = Tagger.load("run").model
    still = ("--set=learning_rate=0", "--output", "further")
    shutil.rmtree("tiny")
    assert train("--init-from", "run", *still).status == 0
    after = Tagger.load("further").model
    assert before.contextual is not None
    assert after.contextual is not None
    assert after.contextual.settings == before.contextual.settings
    assert after.contextual.encoder.sha256 == before.contextual.encoder.sha256


def test_a_document_as_context_is_kept_and_serves_a_frozen_encoder_alone(train: Cli, cli: Cli) -> None:
    assert train("--encoder", "tiny", "--context", "document", "--output", "run").status == 0
    described = json.loads(Path("run/model.json").read_text("utf-8"))["encoder"]["settings"]
    assert (described["context"], described["context_unit"]) == (1, "document")
    assert cli("tag", "--model", "run", "a.conllu").status == 0
    refused = train("--init-from", "run", "--encoder-finetune", "--output", "further")
    assert (refused.status, Path("further").exists()) == (2, False)
    assert "--context 2" in refused.err
    assert train("--init-from", "run", "--output", "further").status == 0
    further = json.loads(Path("further/config.json").read_text("utf-8"))["config"]
    assert further["encoder"]["context"] == "document"


def test_the_help_says_all_of_it(cli: Cli) -> None:
    done = cli("train", "--help")
    for option in ("--encoder", *(each for each in ALL if each.startswith("--") and "=" not in each)):
        assert option.encode() in done.out
    for command in ("tag", "evaluate", "errors"):
        shown = cli(command, "--help").out
        assert b"--encoder" in shown
        assert b"--trust-remote-code" in shown


# ---------------------------------------------------------------- what cannot be


WRONG: dict[str, tuple[list[str], str]] = {
    "a layer too many": (["--encoder", "tiny", "--encoder-layers", "4"], "3 layers"),
    "features without an encoder": (["--features", "char,encoder"], "--encoder NAME|PATH"),
    "an encoder that no feature is": (
        ["--encoder", "tiny", "--features", "static"],
        "features=static",
    ),
    "vectors that no feature is": (
        ["--encoder", "tiny", "--features", "encoder", "--embeddings", "v.bin"],
        "v.bin",
    ),
    "unknown feature": (["--encoder", "tiny", "--features", "encoder,words"], "features is 'encoder,words'"),
    "unknown head": (["--encoder", "tiny", "--head", "lstm"], "network.head is 'lstm'"),
    "unknown layers": (["--encoder", "tiny", "--encoder-layers", "first"], "encoder.layers is 'first'"),
    "context no number": (
        ["--encoder", "tiny", "--context", "some"],
        "encoder.context is 'some', expected a number of sentences",
    ),
    "context in other units": (
        ["--encoder", "tiny", "--context", "3s"],
        "encoder.context is '3s', expected a number of sentences, or of words",
    ),
    "context below none": (
        ["--encoder", "tiny", "--context", "-1"],
        "encoder.context is '-1', expected a number of sentences",
    ),
    "no such folder": (["--encoder", "./nowhere"], "nowhere: no such folder"),
    "a file": (["--encoder", "a.conllu"], "a.conllu: is a file, expected the folder of an encoder"),
    "the corpus' folder": (["--encoder", "."], "it has no config.json"),
    "warm-up for ever": (["--encoder", "tiny", "--set=warmup_fraction=1"], "warmup_fraction is '1'"),
    "learning without an encoder": (["--encoder-finetune"], "--encoder"),
    "a copy of no encoder": (["--embed-encoder"], "--encoder"),
    "layers of no encoder": (["--encoder-layers", "mix"], "--encoder"),
    "pooling of no encoder": (["--set=encoder.pooling=mean"], "--encoder"),
    "context without an encoder": (["--context", "2"], "--encoder"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_cannot_be_is_said_before_anything_is_written(wrong: str, train: Cli) -> None:
    arguments, message = WRONG[wrong]
    done = train(*arguments, "--output", "run")
    assert (done.status, done.out) == (2, b"")
    assert message in done.err
    assert "Traceback" not in done.err
    assert not Path("run").exists()
    assert not Path("cache").exists()


def test_an_encoder_alone_on_the_sample_needs_no_vectors(train: Cli, cli: Cli) -> None:
    """The sample brings vectors, which nobody named."""
    done = cli(
        "train",
        "--encoder",
        "tiny",
        "--features",
        "encoder",
        "--head",
        "linear",
        "--epochs",
        1,
        "--output",
        "run",
    )
    assert done.status == 0, done.err


def test_what_a_resumed_run_knows_is_named_as_it_is_typed(cli: Cli) -> None:
    done = cli("train", "--resume", "run", "--context", "2", "--encoder-layers", "mix")
    assert done.status == 2
    assert "--encoder-layers mix, --context 2" in done.err


@pytest.mark.parametrize("command", ["train", "tag"])
def test_without_the_extra_the_message_says_what_to_install(
    command: str, written: Callable[..., Path], tmp_path: Path
) -> None:
    encoder = written("wordpiece")
    if command == "train":
        arguments = [
            "train",
            "--train",
            "a.conllu",
            "--dev",
            "a.conllu",
            "--encoder",
            str(encoder),
            "--output",
            "run",
        ]
    else:
        from bilstm_crf.model.model_folder import save_model

        save_model(untrained(tiny_config(tmp_path, encoder)), tmp_path / "model", None)
        arguments = ["tag", "--model", "model", "a.conllu", "-o", "out.conllu"]
    program = (
        "import sys\nsys.modules['transformers'] = None\n"
        f"from bilstm_crf.commands.main import run\nsys.exit(run({arguments!r}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "bilstm_crf[encoder]" in done.stderr
    assert "Traceback" not in done.stderr
    assert not Path("run").exists()
    assert not Path("out.conllu").exists()


def test_a_curriculum_says_how_long_and_what_context(train: Cli, cli: Cli) -> None:
    """Whatever the context was of the model that is gone on with."""
    assert train("--encoder", "tiny", "--context", 1, "--output", "first").status == 0
    again = ["--train", "a.conllu", "--dev", "a.conllu", "--init-from", "first", "--curriculum", "0:2,2:2"]
    both = cli("train", *again, "--epochs", 3, "--output", "run")
    assert (both.status, both.out) == (2, b"")
    assert "--epochs 3, but the curriculum 0:2,2:2 says how long" in both.err
    assert cli("train", *again, "--output", "run").status == 0
    assert (config()["encoder"]["context"], config()["encoder"]["curriculum"]) == ("0", "0:2,2:2")


def test_a_tuned_encoder_in_the_runs_own_folder_is_not_swept_away(train: Cli, cli: Cli) -> None:
    assert train("--encoder", "tiny", "--encoder-finetune", "--output", "run").status == 0
    (own,) = Path("run").glob("encoder-*")
    done = train("--encoder", str(own), "--output", "run", "--overwrite")
    assert (done.status, done.out) == (2, b"")
    assert "which its own model in run would replace" in done.err
    assert cli("tag", "--model", "run", "a.conllu").status == 0


def test_a_folder_that_can_keep_no_features_is_told_before_the_old_run_is_touched(
    train: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train("--encoder", "tiny", "--output", "run").status == 0
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    Path("file").touch()
    monkeypatch.setenv("BILSTM_CRF_CACHE", "file/features")
    done = train("--encoder", "tiny", "--output", "run", "--overwrite")
    assert (done.status, done.out) == (2, b"")
    assert "features cannot be kept in file/features: Not a directory" in done.err
    assert {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()} == before
    assert train("--encoder", "tiny", "--encoder-finetune", "--output", "tuned").status == 0  # keeps none
