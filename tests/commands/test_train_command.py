"""`bilstm-crf train`: what was asked for is what is run, and what cannot be is said in a line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bilstm_crf.commands.main import COMMANDS
from bilstm_crf.config import RunConfig
from bilstm_crf.util.fields import settings_of, short_name
from done import Done
from runs import DEV, SAMPLE, TINY, TRAIN, first_sentences, history, weights_hash

Cli = Callable[..., Done]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of its own to run in; where a corpus would be downloaded from, nothing answers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BILSTM_CRF_DATA", raising=False)
    monkeypatch.setenv("BILSTM_CRF_NORNE", "http://127.0.0.1:9/nothing")


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """--train and --dev with few sentences, and settings that train on them in a second."""
    train = first_sentences(TRAIN, 30, tmp_path / "a.conllu")
    dev = first_sentences(DEV, 8, tmp_path / "b.conllu")
    settings = [f"--set={name}={value}" for name, value in TINY.items()]
    return ["--train", str(train), "--dev", str(dev), *settings, "--epochs", "2"]


def test_a_run_leaves_its_model_config_history_and_metrics(cli: Cli, files: list[str]) -> None:
    done = cli("train", *files, "--test", DEV, "--output", "run", "--seed", 3)
    assert done.status == 0
    assert done.out.startswith(b"Best epoch ")
    assert b"test strict F1" in done.out
    assert "bilstm-crf tag --model run --text" in done.err
    assert len(history(Path("run"))) == 2
    assert json.loads(Path("run/config.json").read_text("utf-8"))["config"]["run"]["seed"] == 3
    assert json.loads(Path("run/metrics.json").read_text("utf-8"))["test"]["strict"]
    assert not list(Path("run").glob(".*")), "no temporary file is left"


def test_quiet_says_the_result_and_no_progress(cli: Cli, files: list[str]) -> None:
    done = cli("train", *files, "--output", "run", "--quiet")
    assert done.status == 0
    assert done.out.count(b"\n") == 1
    assert "Epoch" not in done.err


def test_config_json_repeats_a_run_bit_for_bit(cli: Cli, files: list[str]) -> None:
    assert cli("train", *files, "--output", "one", "--seed", 5).status == 0
    assert cli("train", "--config", "one/config.json", "--output", "two").status == 0
    assert weights_hash(Path("one")) == weights_hash(Path("two"))
    assert history(Path("one")) == history(Path("two"))


def test_a_toml_file_holds_what_options_do_and_options_win(cli: Cli, files: list[str]) -> None:
    Path("run.toml").write_text(
        f"train = {json.dumps(files[1])}\ndev = [{json.dumps(files[3])}]\nepochs = 7\nseed = 5\n"
        + "".join(f"{name} = {value}\n" for name, value in TINY.items()),
        "utf-8",
    )
    assert cli("train", "--config", "run.toml", "--epochs", 2, "--output", "two").status == 0
    assert cli("train", *files, "--seed", 5, "--output", "one").status == 0
    assert weights_hash(Path("one")) == weights_hash(Path("two"))


def test_one_value_in_a_toml_file_is_as_good_as_a_list_of_one(cli: Cli, files: list[str]) -> None:
    Path("run.toml").write_text('weights = 0.5\ntrain-labels = "6"\nfilter = "repeated"\n', "utf-8")
    done = cli("train", *files, "--config", "run.toml", "--labels", "6", "--output", "run")
    assert done.status == 0, done.err
    config = json.loads(Path("run/config.json").read_text("utf-8"))["config"]["data"]
    assert (config["weights"], config["train_labels"], config["filter"]) == ([0.5], ["6"], ["repeated"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("epohcs = 3", "'epohcs' is not a setting. Did you mean epochs?"),
        ("epochs = ", "is not TOML"),
        ("lstm = 3", "'lstm' is not a setting"),
        ("[lstm]\nhiden = 3", "'lstm.hiden' is not a setting. Did you mean lstm.hidden?"),
        ("[encoder]\nlayers = 3", "there is no encoder"),
        ('epochs = "many"', "many"),
    ],
)
def test_a_wrong_toml_file_is_an_error(cli: Cli, content: str, message: str) -> None:
    Path("run.toml").write_text(content, "utf-8")
    done = cli("train", "--config", "run.toml", "--train", TRAIN, "--dev", DEV)
    assert done.status == 2
    assert message in done.err


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("epochs", "expected NAME=VALUE"),
        ("epochs=", "expected a whole number"),
        ("epochs=2.5", "expected a whole number"),
        ("epochs=0", "a whole number, 1 or more"),
        ("hiden=10", "Did you mean hidden?"),
        ("hidden=11", "expected an even number"),
        ("characters.width=2", "expected an odd number"),
        ("characters.width=-1", "an odd number, 1 or more"),
        ("dropout=1", "less than 1"),
        ("dropout=nan", "less than 1"),
        ("learning_rate=fast", "expected a number"),
        ("learning_rate=nan", "learning_rate"),
        ("learning_rate=-1", "learning_rate"),
        ("l2=-1", "weight_decay"),
        ("learning_rate_decay=-1", "learning_rate_decay"),
        ("=3", "is not a setting"),
        ("batch_size=" + "9" * 5000, "batch_size"),
    ],
)
def test_a_wrong_setting_is_an_error(cli: Cli, setting: str, message: str) -> None:
    done = cli("train", "--train", TRAIN, "--dev", DEV, "--set", setting)
    assert (done.status, done.out) == (2, b"")
    assert message in done.err
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--train", TRAIN], "--train without --dev"),
        (["--dev", DEV], "without --train"),
        (["--test", DEV], "without --train"),
        (["--train", TRAIN, "--dev", DEV, "--data", "x"], "expected one of them"),
        (["--train", "absent.conllu", "--dev", DEV], "absent.conllu: cannot be read"),
        (["--train", ".", "--dev", DEV, "--format", "conllu"], "is a folder"),
        (["--train", "absent.xyz", "--dev", DEV], "suffix tells no format"),
        (["--train", TRAIN, "--dev", DEV, "--labels", "fulll"], "Did you mean full?"),
        (["--train", TRAIN, "--dev", DEV, "--preset", "papre"], "Did you mean paper?"),
        (["--train", TRAIN, "--dev", DEV, "--misc-key", "ner"], "no labels"),
        (["--train", TRAIN, "--dev", DEV, "--encoding", "bilou"], "bilou"),
        (["--train", TRAIN, "--dev", DEV, "--device", "abacus"], "no such device"),
        (["--train", TRAIN, "--dev", DEV, "--embeddings", "sg6OO"], "Did you mean sg600?"),
        (["--train", TRAIN, "--dev", DEV, "--seed", "-1"], "-1"),
        (["--train", TRAIN, "--dev", DEV, "--output", "taken"], "taken is a file"),
        (["--resume", "absent"], "there is no run here"),
        (["--resume", "absent", "--epochs", "3"], "--epochs 3"),
        (["--resume", "absent", "--set", "hidden=2"], "--set hidden=2"),
        (["--config", "absent.json"], "no config.json"),
        (["--config", "absent.toml"], "cannot be read"),
        (["--data", "absent"], "no such folder"),
        (["stray"], "stray"),
    ],
)
def test_wrong_usage_is_said_with_exit_status_2(cli: Cli, arguments: list[str], message: str) -> None:
    Path("taken").write_text("a file", "utf-8")
    done = cli("train", *arguments)
    assert (done.status, done.out) == (2, b"")
    assert message in done.err
    assert "Traceback" not in done.err
    assert not Path("runs").exists()


def test_a_run_is_not_replaced_unless_asked(cli: Cli, files: list[str]) -> None:
    assert cli("train", *files, "--output", "run").status == 0
    before = weights_hash(Path("run"))
    refused = cli("train", *files, "--output", "run", "--seed", 1)
    assert refused.status == 2
    assert "run holds a finished run" in refused.err
    assert "--overwrite" in refused.err
    assert weights_hash(Path("run")) == before
    assert cli("train", *files, "--output", "run", "--seed", 1, "--overwrite").status == 0
    assert weights_hash(Path("run")) != before


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--set", "batches_per_epoch=999"], "batches_per_epoch is 999"),
        (["--weight", "0.0001"], "takes no sentence"),
        (["--test", "absent.conllu"], "absent.conllu"),
        (["--init-from", "run"], "the run builds on run, which its own model in run would replace"),
        (["--init-from", "run/final"], "the run builds on run/final"),
        (["--init-from", "other", "--set", "hidden=10"], "another network: hidden 20, not 10"),
        (["--init-from", "other", "--features", "char"], "has static vectors"),
    ],
)
def test_what_cannot_be_leaves_the_old_run_whole(
    wrong: list[str], message: str, cli: Cli, files: list[str]
) -> None:
    assert cli("train", *files, "--output", "other").status == 0
    assert cli("train", *files, "--retrain-on-dev", "--output", "run").status == 0
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    done = cli("train", *files, *wrong, "--output", "run", "--overwrite")
    assert (done.status, done.out) == (2, b"")
    assert message in done.err
    assert before == {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}


def test_the_model_of_the_second_phase_is_named_with_its_score(cli: Cli, files: list[str]) -> None:
    done = cli("train", *files, "--retrain-on-dev", "--test", DEV, "--output", "run")
    first, second = done.out.decode().splitlines()
    f1 = json.loads(Path("run/metrics.json").read_text("utf-8"))["final"]["test"]["strict"]["micro"]["f1"]
    assert first.startswith("Best epoch ")
    assert re.fullmatch(rf"Trained again, .* for \d+ batches: test strict F1 {100 * f1:.2f}", second)
    assert "Model in run/final" in done.err
    assert "bilstm-crf tag --model run/final --text" in done.err


def test_a_model_without_its_run_is_not_replaced_unless_asked(cli: Cli, files: list[str]) -> None:
    assert cli("train", *files, "--output", "run").status == 0
    Path("run/config.json").unlink()
    refused = cli("train", *files, "--output", "run")
    assert refused.status == 2
    assert "holds a model" in refused.err


def test_resuming_a_finished_run_gives_its_scores_again(cli: Cli, files: list[str]) -> None:
    first = cli("train", *files, "--output", "run")
    again = cli("train", "--resume", "run")
    assert (again.status, again.out) == (0, first.out)
    assert "this run is finished" in again.err


def test_a_loss_without_bound_ends_with_status_1_and_what_to_do(cli: Cli, files: list[str]) -> None:
    done = cli("train", *files, "--set", "learning_rate=1e6", "--output", "run")
    assert (done.status, done.out) == (1, b"")
    assert "error: the loss of epoch 1 is" in done.err
    assert "--set learning_rate=" in done.err
    assert not Path("run/model.json").exists()


def test_the_sample_of_both_languages_trains_with_its_folder_named(cli: Cli) -> None:
    done = cli("train", "--data", SAMPLE, "--language", "both", "--epochs", 1, "--set", "hidden=10",
               "--set", "words.dim=10", "--output", "run")  # fmt: skip
    assert done.status == 0
    assert "No corpus named" not in done.err
    config = json.loads(Path("run/config.json").read_text("utf-8"))["config"]["data"]
    assert len(config["train"]) == len(config["test"]) == 2


SPANISH = """-DOCSTART- -X- -X- O

Ana NP B-NP I-PER
Gómez NP I-NP I-PER
vive VB B-VP O
en IN B-PP O
Sevilla NP B-NP I-LOC
. . O O

El DT B-NP O
Real NP B-NP I-ORG
Betis NP I-NP I-ORG
ganó VB B-VP O
la DT B-NP O
Copa NP B-NP I-MISC
del IN I-NP I-MISC
Rey NP I-NP I-MISC
. . O O

Luis NP B-NP I-PER
Marta NP I-NP B-PER
y CC O O
Pedro NP B-NP I-PER
. . O O

"""


def test_a_conll_2003_file_in_another_language_trains_evaluates_and_tags(cli: Cli) -> None:
    Path("esp.conll").write_text(SPANISH, "utf-8")
    settings = [f"--set={name}={value}" for name, value in {**TINY, "dropout": 0, "batch_size": 1}.items()]
    done = cli(
        "train", "--train", "esp.conll", "--dev", "esp.conll", *settings, "--epochs", 60, "--output", "esp"
    )
    assert done.status == 0
    assert "labels in IOB1" in done.err
    labels = json.loads(Path("esp/model.json").read_text("utf-8"))["labels"]
    assert {label[2:] for label in labels[1:]} == {"PER", "LOC", "ORG", "MISC"}

    scored = cli("evaluate", "--model", "esp", "esp.conll", "--json")
    assert scored.status == 0
    assert json.loads(scored.out)["strict"]["micro"]["f1"] == 1.0

    assert cli("tag", "--model", "esp", "esp.conll", "-o", "out.conll").status == 0
    found = Path("out.conll").read_text("utf-8").split("\n")
    assert [line.rsplit(" ", 1)[0] for line in found] == [
        line.rsplit(" ", 1)[0] for line in SPANISH.split("\n")
    ]
    labels = [line.rsplit(" ", 1)[1] for line in found if line]
    assert labels[1:7] == ["B-PER", "I-PER", "O", "O", "B-LOC", "O"]
    assert labels[-5:] == ["B-PER", "B-PER", "O", "B-PER", "O"]


@pytest.mark.parametrize(
    "arguments", [[], *([name] for name in COMMANDS)], ids=lambda a: a[0] if a else "main"
)
def test_help_is_shown_without_any_heavy_package(arguments: list[str]) -> None:
    program = (
        "import sys\nfrom bilstm_crf.commands.main import run\n"
        "status = run([*sys.argv[1:], '--help'])\n"
        "heavy = {'torch', 'gensim', 'spacy', 'sklearn', 'seqeval', 'scipy', 'rich', 'safetensors'}\n"
        "sys.exit(f'imported {heavy & set(sys.modules)}' if heavy & set(sys.modules) else status)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage: bilstm-crf")
    assert done.stderr == ""


def test_help_names_every_setting_with_its_default_on_two_screens(cli: Cli, monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    text = cli("train", "--help").out.decode()
    lines = text.splitlines()
    assert len(lines) <= 90
    assert max(map(len, lines)) <= 100
    for path, each in settings_of(RunConfig).items():
        assert any(each.info.help in line for line in lines), path
        assert (each.info.option or f"{short_name(RunConfig, path)}={each.default}") in text, path


def test_an_unknown_command_is_an_error_with_a_guess(cli: Cli) -> None:
    done = cli("trian")
    assert (done.status, done.out) == (2, b"")
    assert "Did you mean train?" in done.err


def test_both_files_of_a_corpus_may_have_weights(cli: Cli) -> None:
    both = ["train", "--data", SAMPLE, "--language", "both", "--epochs", 1]
    done = cli(*both, "--weight", "0.5", "--output", "one")
    assert (done.status, done.out) == (2, b"")
    assert "1 weights for 2 training files, expected one for each: " in done.err
    assert "no_nynorsk-ud-train.conllu" in done.err
    done = cli(*both, "--weight", "0.5", "--weight", "1", "--output", "two")
    assert done.status == 0, done.err
    assert json.loads(Path("two/config.json").read_text("utf-8"))["config"]["data"]["weights"] == [0.5, 1.0]


def test_unknown_vectors_are_refused_before_a_corpus_is_looked_for(cli: Cli, tmp_path: Path) -> None:
    done = cli("train", "--data", str(tmp_path / "absent"), "--embeddings", "sg60")
    assert done.status == 2
    assert "sg60 " in done.err
