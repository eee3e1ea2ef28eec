"""`bilstm-crf experiment` with real trainings: interrupted, killed, begun again, and what comes out."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bilstm_crf import Tagger
from bilstm_crf.corpus.labelled import read_labelled
from bilstm_crf.evaluation.strict import strict
from bilstm_crf.inference.decoding import UNCONSTRAINED
from bilstm_crf.labels import LabelSet
from done import Done
from runs import ROOT, SAMPLE, SMALL_TRAIN, first_sentences, hear_ctrl_c, history

Cli = Callable[..., Done]
EPOCHS = 8
FILE = f"""title = "Three rows"
beside = "nothing"
[base]
words.dim = 20
hidden = 20
batch_size = 1
optimizer.learning_rate = 0.2
dropout = 0.1
epochs = {EPOCHS}
[[column]]
name = "BM"
evaluate = {{ language = "nob" }}
[[column]]
name = "BM, 7 types"
evaluate = {{ language = "nob", labels = "7" }}
[[column]]
name = "NN"
evaluate = {{ language = "nno" }}
[[column]]
name = "heldout BM"
evaluate = {{ language = "nob", split = "test" }}
[[row]]
name = "single"
paper = {{ BM = 60.0 }}
[[row]]
name = "joint"
language = "both"
encoding = "iobes"
[[row]]
name = "broken"
embeddings = "broken.bin"
"""
CHANGES = f"hidden=20-dropout=0.1-learning_rate=0.2-batch_size=1-epochs={EPOCHS}-words.dim=20"
SINGLE, JOINT = (f"{name}-{CHANGES}-seed42" for name in ("nob-none-full-iob", "both-none-full-iobes"))
# words.dim has no effect beside vectors, and is no part of the name
BROKEN = f"nob-broken-full-iob-{CHANGES.removesuffix('-words.dim=20')}-seed42"


class Workplace:
    """A folder with a tiny corpus (no test files) and an experiment; what its runs leave."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for language, stem in (("nob", "no_bokmaal"), ("nno", "no_nynorsk")):
            (folder / "data" / language).mkdir(parents=True)
            train = f"{language}/{stem}-ud-train.conllu"
            for split in ("train", "dev"):  # the same sentences, so that a few epochs find some names
                target = folder / "data" / train.replace("train", split)
                first_sentences(str(SAMPLE / train), SMALL_TRAIN, target)
        (folder / "three.toml").write_text(FILE, "utf-8")
        (folder / "broken.bin").write_bytes(b"\x00 no vectors")

    @property
    def arguments(self) -> list[str]:
        return self.arguments_to("out")

    def arguments_to(self, output: str | Path) -> list[str]:
        given = {"--data": "data", "--output": str(output), "--jobs": "3", "--threads": "1"}
        paths = [part for pair in given.items() for part in pair]
        return ["experiment", "three.toml", *paths]

    def start(self, *more: str) -> subprocess.Popen[bytes]:
        """A real process, in the workplace."""
        code = "import sys; from bilstm_crf.commands.main import run; sys.exit(run())"
        return subprocess.Popen(
            [sys.executable, "-c", code, *self.arguments, *more],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=hear_ctrl_c,
        )

    def run(self, name: str) -> Path:
        return self.folder / "out" / "runs" / name

    def wait_for(self, process: subprocess.Popen[bytes], epochs: int) -> None:
        """Until `single` has so many epochs behind it."""
        while process.poll() is None:
            if (self.run(SINGLE) / "history.jsonl").exists() and len(history(self.run(SINGLE))) >= epochs:
                return
            time.sleep(0.01)

    def table(self, name: str = "three") -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.folder / f"out/{name}.json").read_text("utf-8"))["scores"]
        return content

    def cells(self) -> dict[tuple[str, str], dict[str, Any]]:
        return {(row["row"], cell["column"]): cell for row in self.table()["rows"] for cell in row["cells"]}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workplace, list[tuple[int, str, str]]]:
    """An experiment that Ctrl-C interrupts, that is begun again and killed, and begun once more."""
    place = Workplace(tmp_path_factory.mktemp("workplace"))
    said = []
    for epochs, end in ((1, signal.SIGINT), (3, signal.SIGKILL), (0, None)):
        process = place.start(*(["--only", "single"] if end == signal.SIGINT else []))
        if end is not None:
            place.wait_for(process, epochs)
            process.send_signal(end)
        out, err = process.communicate(timeout=200)
        said.append((process.returncode, out.decode(), err.decode()))
    return place, said


Story = tuple[Workplace, list[tuple[int, str, str]]]


def test_ctrl_c_says_what_is_safe_and_how_to_go_on(story: Story) -> None:
    status, out, err = story[1][0]
    assert status == 130
    assert out == ""
    last = err.splitlines()[-1]
    assert last.startswith("Interrupted: 0 of 1 runs are done; ")
    assert f"{SINGLE} is safe up to epoch " in last
    assert "Continue:  " in last
    assert "experiment three.toml --data data --output out" in last
    assert "Traceback" not in err


def test_what_was_interrupted_goes_on(story: Story) -> None:
    status, _, err = story[1][1]
    assert status == -signal.SIGKILL
    assert f"{SINGLE}: continues after epoch " in err


def test_what_a_killed_runner_had_begun_is_neither_lost_nor_run_twice(story: Story, cli: Cli) -> None:
    place, said = story
    status, out, err = said[2]
    assert status == 1, "one run failed"
    assert f"{SINGLE}: training" not in err
    log = (place.run(SINGLE) / "train.log").read_text("utf-8")
    assert log.count(f"Epoch {EPOCHS:>2}/") == 1
    assert out.startswith("Three rows\n")
    options = ["--data", place.folder / "data", *(f"--set={part}" for part in CHANGES.split("-"))]
    whole = place.folder / "whole"
    done = cli("train", *options, "--output", whole, "--quiet")
    assert done.status == 0
    # Nearly, since PyTorch rounds single rows by where they lie in memory; test_resume.py is about the bits.
    losses = [[row["loss"] for row in history(folder)] for folder in (whole, place.run(SINGLE))]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


def test_a_failed_run_stops_no_other_and_says_why(story: Story) -> None:
    place, said = story
    _, _, err = said[2]
    assert f"{BROKEN}: failed: broken.bin" in err
    assert err.splitlines()[-2] == f"error: 1 of 3 runs failed: {BROKEN}"
    assert "broken.bin" in place.cells()["broken", "BM"]["missing"]["42"]
    assert place.table()["runs"][BROKEN]["done"] is False
    assert place.table()["runs"][JOINT]["done"] is True


def test_scores_are_those_of_the_saved_model_in_every_language_and_label_set(story: Story) -> None:
    place, _ = story
    for row, name in (("single", SINGLE), ("joint", JOINT)):
        tagger = Tagger.load(place.run(name))
        for column, language, labels in (
            ("BM", "nob/no_bokmaal", "full"),
            ("BM, 7 types", "nob/no_bokmaal", "7"),
            ("NN", "nno/no_nynorsk", "full"),
        ):
            label_set = LabelSet.named(labels)
            path = str(place.folder / "data" / f"{language}-ud-dev.conllu")
            gold = read_labelled([path], label_set).sentences
            types = label_set.types or {}
            found = tagger.predict(gold, decoding=UNCONSTRAINED)
            predicted = [[s._replace(type=types[s.type]) for s in spans] for spans in found]
            expected = strict([s.token_spans or [] for s in gold], predicted)
            found = place.cells()[row, column]
            assert found["seeds"]["42"]["f1"] == expected.f1, (row, column)
            assert found["seeds"]["42"]["correct"] == expected.micro.correct
    metrics = json.loads((place.run(SINGLE) / "metrics.json").read_text("utf-8"))
    assert place.cells()["single", "BM"]["mean"] == metrics["dev"]["strict"]["micro"]["f1"]
    assert metrics["dev"]["strict"]["micro"]["f1"] > 0, "the comparison is worth something"


def test_a_joint_model_chooses_its_epoch_on_both_dev_files(story: Story) -> None:
    place, _ = story
    metrics = json.loads((place.run(JOINT) / "metrics.json").read_text("utf-8"))
    dev = metrics["dev"]["strict"]["micro"]
    bokmaal, nynorsk = (place.cells()["joint", column]["seeds"]["42"] for column in ("BM", "NN"))
    for count in ("gold", "predicted", "correct"):
        assert dev[count] == bokmaal[count] + nynorsk[count]


def test_held_out_columns_without_a_test_file_are_not_run(story: Story) -> None:
    place, said = story
    assert place.cells()["single", "heldout BM"]["missing"] == {"42": "not run: there is no test file"}
    assert re.search(r"single, heldout BM +not run: there is no test file", said[2][1])


def test_what_is_done_is_not_run_again(story: Story, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    place, _ = story
    monkeypatch.chdir(place.folder)
    before = {path: path.stat().st_mtime_ns for path in place.run(SINGLE).rglob("*")}
    done = cli(*place.arguments, "--only", "single", "--only", "joint", "--markdown")
    assert done.status == 0
    assert done.err == ""
    assert before == {path: path.stat().st_mtime_ns for path in place.run(SINGLE).rglob("*")}
    assert "| single, BM | " in done.out.decode()
    assert "| broken, BM | not run: --only |" in done.out.decode()


def test_tables_of_what_is_there_are_made_without_a_run(
    story: Story, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place, _ = story
    monkeypatch.chdir(place.folder)
    shutil.copytree(f"out/runs/{SINGLE}", tmp_path / "kept" / "runs" / SINGLE)
    done = cli(*place.arguments_to(tmp_path / "kept"), "--no-run", "--json")
    assert (done.status, done.err) == (0, "")
    (table,) = json.loads(done.out)
    assert table["rows"][0]["cells"] == place.table()["rows"][0]["cells"]
    assert table["rows"][1]["cells"][0]["missing"] == {"42": "not run"}
    assert [path.name for path in (tmp_path / "kept" / "runs").iterdir()] == [SINGLE]


def test_scores_stand_where_only_results_were_kept(
    story: Story, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place, _ = story
    monkeypatch.chdir(place.folder)
    shutil.copytree("out", tmp_path / "kept", ignore=shutil.ignore_patterns("model.json", "*.safetensors"))
    done = cli(*place.arguments_to(tmp_path / "kept"), "--only", "single", "--json")
    assert (done.status, done.err) == (0, "")
    assert json.loads(done.out)[0]["rows"] == place.table()["rows"]


def test_a_look_at_one_seed_leaves_the_table_of_the_file_alone(
    story: Story, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place, _ = story
    monkeypatch.chdir(place.folder)
    shutil.copytree("out", tmp_path / "out")
    before = (tmp_path / "out/three.json").read_bytes()
    done = cli(*place.arguments_to(tmp_path / "out"), "--no-run", "--only", "single", "--seeds", "7")
    assert (done.status, done.err) == (0, ""), done.err
    assert done.out.splitlines()[0] == b"Three rows (seeds: 7)"
    assert (tmp_path / "out/three.json").read_bytes() == before
    other = json.loads((tmp_path / "out/three-seeds=7.json").read_text("utf-8"))["scores"]
    assert (other["experiment"], other["seeds"]) == ("three-seeds=7", [7])


def test_json_is_what_lies_in_the_folder(story: Story, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    place, _ = story
    monkeypatch.chdir(place.folder)
    done = cli(*place.arguments, "--only", "single", "--json")
    assert json.loads(done.out) == [place.table()]


def test_a_dry_run_says_what_there_is_to_do_and_does_nothing(
    story: Story, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, _ = story
    monkeypatch.chdir(place.folder)
    before = sorted(place.folder.rglob("*"))
    done = cli(*place.arguments, "--dry-run", "--seeds", "42,7")
    out = done.out.decode()
    assert done.status == 0
    assert f"{SINGLE}  done, scored on nob-dev-full nob-dev-7 nno-dev-full nob-test-full\n" in done.err
    other = SINGLE.replace("seed42", "seed7")
    assert f"{other}  not started" in done.err
    assert "2 of 6 runs done" in done.err
    assert "left" in done.err.splitlines()[-1], "the runs that are done tell how long the others take"
    after = set(place.folder.rglob("*")) - set(before)
    assert {path.parent.name for path in after} <= {"configs"}
    config = f"out/configs/{other}.toml"
    assert f"bilstm-crf train --config {config} --output out/runs/{other}\n" in out
    written = tomllib.loads((place.folder / config).read_text("utf-8"))
    assert (written["run"]["seed"], written["data"]["language"]) == (7, "nob")


def test_a_folder_with_another_run_in_it_is_left_alone(
    story: Story, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, _ = story
    monkeypatch.chdir(place.folder)
    shutil.copytree("data", "corrected")
    with open("corrected/nob/no_bokmaal-ud-dev.conllu", "a", encoding="utf-8") as dev:
        dev.write("# corrected\n\n")
    arguments = [each if each != "data" else "corrected" for each in place.arguments]
    done = cli(*arguments, "--only", "single")
    assert done.status == 1
    assert f"{SINGLE}: failed: the data changed" in done.err
    assert f"move out/runs/{SINGLE} away" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["three.tml"], "three.tml: there is no such file. Did you mean three.toml?"),
        (["three.toml", "three.toml"], "two of the files have the same name"),
        (["three.toml", "--seeds", "42;43"], "expected different whole numbers"),
        (["three.toml", "--seeds", str(2**63)], "2**63 - 1"),
        (["three.toml", "--seeds", "9" * 5000], "2**63 - 1"),
        (["three.toml", "--seeds", "42,42"], "different"),
        (["three.toml", "--json", "--markdown"], "exclude one another"),
        (["three.toml", "--only", "singel", "--data", "data"], "Did you mean single?"),
        (["three.toml", "--data", "nowhere"], "--data nowhere: there is no such folder"),
        (["three.toml", "--jobs", "0"], "0 is not in the range"),
        ([], "Missing argument"),
    ],
)
def test_wrong_usage_is_said_in_a_line(
    arguments: list[str], message: str, story: Story, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(story[0].folder)
    done = cli("experiment", *arguments)
    assert done.status == 2
    assert message in done.err
    assert "Traceback" not in done.err
