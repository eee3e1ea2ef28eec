"""A run that was interrupted, at any moment, ends bit for bit where an uninterrupted one ends."""

from __future__ import annotations

import dataclasses
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from bilstm_crf import Tagger
from bilstm_crf.config import RunConfig
from bilstm_crf.errors import InputError, InterruptedRunError, UsageError
from bilstm_crf.training import loop, run
from bilstm_crf.training.records import RunDescription, read_description, read_metrics
from bilstm_crf.util import fields
from bilstm_crf.util.files import sha256_of, write_json
from done import Done
from runs import (
    ROOT,
    SAMPLE,
    TEST,
    Watch,
    first_sentences,
    hear_ctrl_c,
    history,
    interrupt,
    monitor,
    resume,
    set_options,
    small_config,
    start,
    weights_hash,
)

Cli = Callable[..., Done]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    return small_config(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def whole(config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an uninterrupted run."""
    folder = tmp_path_factory.mktemp("whole")
    start(config, folder)
    return folder


def assert_same_end(folder: Path, whole: Path) -> None:
    assert weights_hash(folder) == weights_hash(whole)
    assert history(folder) == history(whole)
    assert not (folder / "checkpoint.safetensors").exists()
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in whole.iterdir())


@pytest.mark.parametrize("epoch", [1, 3, 5])
def test_interrupted_in_an_epoch_and_resumed_is_the_same_as_uninterrupted(
    epoch: int, config: RunConfig, whole: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    with pytest.raises(InterruptedRunError):
        start(config, folder, interrupt(epoch))
    assert len(history(folder) if epoch > 1 else []) == epoch - 1
    resume(folder)
    assert_same_end(folder, whole)


def test_interrupted_in_every_epoch_is_the_same_as_uninterrupted(
    config: RunConfig, whole: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    with pytest.raises(InterruptedRunError):
        start(config, folder, interrupt(1))
    for epoch in range(1, 6):
        with pytest.raises(InterruptedRunError):
            resume(folder, interrupt(epoch))
    resume(folder)
    assert_same_end(folder, whole)


def test_all_that_the_other_recipes_keep_is_kept_between_two_halves_of_a_run(tmp_path: Path) -> None:
    """The optimiser's state, the averages, the words' first vectors, the n-grams, a document's memory."""
    vectors = str(SAMPLE / "vectors.bin")
    settings = {"optimizer": "adam", "schedule": "linear", "gradient_clip": 1, "learning_rate": 0.01}
    settings["averaging"] = 0.9
    more = {"word_dropout": 1, "subwords": 50, "subword_dropout": 0.2, "recurrent_dropout": 0.3}
    more |= {"input_dropout": "batch", "ensemble_size": 2, "document_memory": 5}
    config = small_config(tmp_path, embeddings=vectors, **settings, **more)
    start(config, tmp_path / "whole")
    with pytest.raises(InterruptedRunError):
        start(config, tmp_path / "run", interrupt(3))
    resume(tmp_path / "run")
    assert_same_end(tmp_path / "run", tmp_path / "whole")


class Killed(BaseException):
    """Stands for the end of the process at one exact place."""


@pytest.mark.parametrize("epoch", [1, 5])
@pytest.mark.parametrize(
    ("after", "place"),
    [(False, "save_model"), (True, "save_model"), (True, "save_checkpoint"), (True, "write_history")],
)
def test_killed_between_any_two_files_of_an_epoch_loses_nothing(
    place: str,
    epoch: int,
    after: bool,
    config: RunConfig,
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = getattr(loop, place)
    best = [row["best"] for row in history(whole)]
    assert best[0]
    assert best[4], "the last epoch was to be better than all before"
    calls = sum(best[:epoch]) if place == "save_model" else epoch
    made = 0

    def dies(*arguments: object, **named: object) -> None:
        nonlocal made
        made += 1
        if made == calls:
            if after:
                real(*arguments, **named)
            raise Killed
        real(*arguments, **named)

    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(loop, place, dies)
        with pytest.raises(Killed):
            start(config, folder)
    resume(folder)
    assert_same_end(folder, whole)


def refuse(epoch: int, sentences: int) -> None:
    raise AssertionError("nothing was to be trained")


@pytest.mark.parametrize("changes", [{}, {"patience": 1, "learning_rate": 0.0}], ids=["all", "patience"])
def test_a_run_whose_scores_are_gone_is_scored_again_not_trained(
    changes: dict[str, float], tmp_path: Path
) -> None:
    start(small_config(tmp_path, **changes), tmp_path / "run")
    metrics, weights, rows = (
        read_metrics(tmp_path / "run"),
        weights_hash(tmp_path / "run"),
        history(tmp_path / "run"),
    )
    (tmp_path / "run" / "metrics.json").unlink()
    resume(tmp_path / "run", Watch(refuse))
    assert read_metrics(tmp_path / "run") == metrics
    assert (weights_hash(tmp_path / "run"), history(tmp_path / "run")) == (weights, rows)


def test_without_its_checkpoint_a_run_begins_again(config: RunConfig, whole: Path, tmp_path: Path) -> None:
    with pytest.raises(InterruptedRunError):
        start(config, tmp_path / "run", interrupt(4))
    (tmp_path / "run" / "checkpoint.safetensors").unlink()
    resume(tmp_path / "run")
    assert_same_end(tmp_path / "run", whole)


def test_interrupted_while_the_end_is_scored_can_be_resumed(
    config: RunConfig, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run, "_score", press)
        with pytest.raises(InterruptedRunError, match="--resume"):
            start(config, tmp_path / "run")
    resume(tmp_path / "run")
    assert_same_end(tmp_path / "run", whole)


def test_a_finished_run_is_left_as_it_is(whole: Path) -> None:
    before = {path: (path.stat().st_mtime_ns, sha256_of(path)) for path in whole.iterdir()}
    metrics = resume(whole)
    assert metrics.epochs == 5
    assert before == {path: (path.stat().st_mtime_ns, sha256_of(path)) for path in whole.iterdir()}


def test_changed_test_data_are_none_where_nothing_is_learnt_by_them(tmp_path: Path) -> None:
    test = first_sentences(TEST, 5, tmp_path / "test.conllu")
    config = small_config(tmp_path, test=[str(test)], epochs=2)
    with pytest.raises(InterruptedRunError):
        start(config, tmp_path / "run", interrupt(1))
    first_sentences(TEST, 6, test)
    test_scores = resume(tmp_path / "run").test
    assert test_scores is not None
    assert test_scores.sentences == 6


@pytest.mark.parametrize("split", ["train", "dev"])
def test_changed_data_are_an_error(split: str, tmp_path: Path) -> None:
    config = small_config(tmp_path)
    with pytest.raises(InterruptedRunError):
        start(config, tmp_path / "run", interrupt(1))
    with open(getattr(config.data, split)[0], "a", encoding="utf-8") as file:
        file.write("# a comment changes no sentence, and yet the file\n")
    with pytest.raises(InputError, match="the data changed"):
        resume(tmp_path / "run")


def test_data_that_have_gone_are_an_error(tmp_path: Path) -> None:
    config = small_config(tmp_path)
    with pytest.raises(InterruptedRunError):
        start(config, tmp_path / "run", interrupt(1))
    os.unlink(config.data.dev[0])
    with pytest.raises(InputError, match="cannot be read"):
        resume(tmp_path / "run")


def test_nothing_to_resume_is_an_error(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(InputError, match="there is no run here"):
            resume(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"config": 3}', b"\xff", b"[" * 100_000])
def test_a_config_that_is_none_is_an_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(InputError):
        resume(tmp_path)


@pytest.mark.parametrize("damage", ["truncated", "emptied", "garbage", "another run's"])
def test_a_damaged_checkpoint_is_an_error(damage: str, config: RunConfig, tmp_path: Path) -> None:
    with pytest.raises(InterruptedRunError):
        start(config, tmp_path / "run", interrupt(2))
    path = tmp_path / "run" / "checkpoint.safetensors"
    whole = path.read_bytes()
    if damage == "another run's":
        with pytest.raises(InterruptedRunError):
            start(small_config(tmp_path, hidden=30), tmp_path / "other", interrupt(2))
        whole = (tmp_path / "other" / path.name).read_bytes()
    path.write_bytes({"truncated": whole[:-9], "emptied": b"", "garbage": b"\xff" * 999}.get(damage, whole))
    with pytest.raises(InputError, match="is not this run's checkpoint"):
        resume(tmp_path / "run")


def test_the_model_of_an_older_run_stays_until_the_new_one_has_one(config: RunConfig, tmp_path: Path) -> None:
    start(config, tmp_path / "run")
    old = weights_hash(tmp_path / "run")
    with pytest.raises(InterruptedRunError):
        start(small_config(tmp_path, seed=7), tmp_path / "run", interrupt(1), overwrite=True)
    assert weights_hash(tmp_path / "run") == old
    Tagger.load(tmp_path / "run")
    resume(tmp_path / "run")
    assert weights_hash(tmp_path / "run") != old


@pytest.mark.parametrize(("began", "now"), [(1, 2), (2, 1)])
def test_one_or_two_threads_may_go_on_with_a_run(
    began: int, now: int, whole: Path, config: RunConfig, tmp_path: Path, threads_as_before: None
) -> None:
    with pytest.raises(InterruptedRunError):
        start(config.replace(threads=began), tmp_path / "run", interrupt(3))
    resume(tmp_path / "run", threads=now)
    assert_same_end(tmp_path / "run", whole)
    assert read_description(tmp_path / "run" / "config.json").config.run.threads == began


def write_config(config: RunConfig, folder: Path) -> None:
    """Write the config.json of a run."""
    description = RunDescription("0", "train", config, {})
    write_json(folder / "config.json", dataclasses.asdict(description))


@pytest.mark.parametrize(("began", "now"), [(1, 3), (3, 2), (4, 3)])
def test_threads_that_would_change_the_result_are_refused(
    began: int, now: int, config: RunConfig, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    write_config(config.replace(threads=began), tmp_path / "run")
    with pytest.raises(UsageError, match=f"--threads {now}: the run began with {began}"):
        resume(tmp_path / "run", threads=now)


def test_an_encoder_that_learns_goes_on_with_as_many_threads_alone(config: RunConfig, tmp_path: Path) -> None:
    tuned = config.replace(encoder={"name": "x", "finetune": True})
    write_config(tuned, tmp_path)
    with pytest.raises(UsageError, match="encoder"):
        resume(tmp_path, threads=2)


HISTORIES = {
    "cut off": lambda text: text[:-20],
    "emptied": lambda text: b"",
    "no UTF-8": lambda text: b"\xff" + text,
    "deep": lambda text: b"[" * 100_000,
    "other rows": lambda text: b"[]\n3\n",
    "rows without scores": lambda text: text.replace(b'"f1"', b'"f2"'),
    "a row twice": lambda text: text + text.splitlines(keepends=True)[-1],
    "more rows than epochs": lambda text: text.replace(b'"epoch": 5', b'"epoch": 50'),
}


@pytest.mark.parametrize("damage", sorted(HISTORIES.keys() - {"emptied"}))
def test_a_damaged_history_without_a_checkpoint_is_an_error(damage: str, whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "run")
    (tmp_path / "run" / "metrics.json").unlink()
    path = tmp_path / "run" / "history.jsonl"
    path.write_bytes(HISTORIES[damage](path.read_bytes()))
    with pytest.raises(InputError) as caught:
        resume(tmp_path / "run")
    assert caught.value.path == path


def test_a_run_whose_history_is_gone_starts_again(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "run")
    (tmp_path / "run" / "metrics.json").unlink()
    os.truncate(tmp_path / "run" / "history.jsonl", 0)
    resume(tmp_path / "run")
    assert_same_end(tmp_path / "run", whole)


@pytest.mark.parametrize("damage", ["emptied", "no UTF-8"])
def test_with_its_checkpoint_a_run_goes_on_whatever_its_history_is(
    damage: str, config: RunConfig, whole: Path, tmp_path: Path
) -> None:
    with pytest.raises(InterruptedRunError):
        start(config, tmp_path / "run", interrupt(3))
    path = tmp_path / "run" / "history.jsonl"
    path.write_bytes(HISTORIES[damage](path.read_bytes()))
    said: list[str] = []
    run.resume(tmp_path / "run", monitor(say=said.append))
    assert "resuming after epoch 2" in said
    assert_same_end(tmp_path / "run", whole)


@pytest.mark.parametrize("history", ["[" * 10_000, '[{"epoch": 1}]', "null", "x"])
def test_a_checkpoint_whose_history_is_damaged_is_an_error(
    history: str, config: RunConfig, tmp_path: Path
) -> None:
    with pytest.raises(InterruptedRunError):
        start(config, tmp_path / "run", interrupt(2))
    path = tmp_path / "run" / "checkpoint.safetensors"
    save_file(load_file(path), path, metadata={"history": history})
    with pytest.raises(InputError, match=r"checkpoint\.safetensors"):
        resume(tmp_path / "run")


@pytest.mark.parametrize(
    "content", [b"", b"[", b"{}", b"[" * 100_000, b"\xff", b'{"best_epoch": 1, "dev": {}}']
)
def test_damaged_metrics_of_a_finished_run_are_an_error(
    content: bytes, cli: Cli, whole: Path, tmp_path: Path
) -> None:
    shutil.copytree(whole, tmp_path / "run")
    (tmp_path / "run" / "metrics.json").write_bytes(content)
    done = cli("train", "--resume", tmp_path / "run")
    assert (done.status, done.out) == (2, b"")
    assert "metrics.json" in done.err
    assert "Traceback" not in done.err


# ---------------------------------------------------------------- real processes


def train_process(*arguments: object) -> subprocess.Popen[bytes]:
    """A real `python train.py`."""
    command = [sys.executable, str(ROOT / "train.py"), *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=hear_ctrl_c
    )


def wait_for_line(process: subprocess.Popen[bytes], start: bytes) -> None:
    """Until the process has said a line that begins so (or has ended)."""
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(start):
            return


def options(config: RunConfig) -> list[str]:
    """The command line of `small_config`."""
    return ["--labels", "full", *set_options(fields.changes(config, RunConfig()))]


@pytest.mark.parametrize("kills", [2, pytest.param(12, marks=pytest.mark.slow)])
def test_a_run_killed_again_and_again_ends_where_an_uninterrupted_one_ends(
    kills: int, tmp_path: Path
) -> None:
    config = small_config(tmp_path, epochs=4 * kills)
    start(config, tmp_path / "whole")
    folder = tmp_path / "run"
    moments = random.Random()
    arguments = [*options(config), "--output", folder]
    for _ in range(kills):
        process = train_process(*arguments)
        wait_for_line(process, moments.choice([b"vectors", b"Epoch"]))
        time.sleep(moments.uniform(0, 0.3))
        process.kill()
        process.communicate()
        assert process.returncode in (-signal.SIGKILL, 0)
        if (folder / "model.json").exists():  # whole, or not there
            Tagger.load(folder).tag_tokens(["Kari", "bor", "i", "Oslo", "."])
        if (folder / "config.json").exists():  # else it was killed before there was a run
            arguments = ["--resume", folder]
    process = train_process(*arguments)
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert weights_hash(folder) == weights_hash(tmp_path / "whole")
    assert history(folder) == history(tmp_path / "whole")


def test_ctrl_c_says_what_is_safe_and_how_to_go_on(tmp_path: Path) -> None:
    folder = tmp_path / "my run"
    process = train_process(*options(small_config(tmp_path, epochs=1000)), "--output", folder)
    wait_for_line(process, b"Epoch  2")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130
    message = said.decode().splitlines()[-1]
    done = len(history(folder))
    assert f"Interrupted in epoch {done + 1}; epochs 1-{done} are safe in {folder}" in message
    assert message.endswith(f"Resume with:  python train.py --resume '{folder}'")
    assert "Traceback" not in said.decode()


def test_the_observer_is_closed_when_training_is_interrupted(config: RunConfig, tmp_path: Path) -> None:
    class Closing(Watch):
        closed = False

        def __exit__(self, *error: object) -> None:
            self.closed = True

    watch = Closing(interrupt(1).at_batch)
    with pytest.raises(InterruptedRunError):
        start(config, tmp_path / "run", watch)
    assert watch.closed
