"""What tests of whole runs share: a recipe that trains in seconds, and observers that watch or interrupt."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bilstm_crf.config import RunConfig
from bilstm_crf.training import run
from bilstm_crf.training.records import EpochRow, RunMetrics
from bilstm_crf.training.run import Monitor
from bilstm_crf.util import fields
from bilstm_crf.util.files import sha256_of

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "data" / "sample"
TRAIN, DEV, TEST = (
    str(SAMPLE / "nob" / f"no_bokmaal-ud-{split}.conllu") for split in ("train", "dev", "test")
)
# Learns enough of the sample in some three seconds to find names; the paper's recipe would take minutes.
TINY = {"words.dim": 20, "hidden": 20, "batch_size": 4, "learning_rate": 0.05, "dropout": 0.1}
SMALL_TRAIN = 20  # sentences of a training file for tests of the machinery, which need no good model


class Watch:
    """An observer that keeps quiet, and calls `at_batch` before each batch is counted."""

    def __init__(self, at_batch: Callable[[int, int], None] = lambda epoch, sentences: None) -> None:
        self.at_batch = at_batch

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def batch(self, epoch: int, sentences: int, tokens: int, loss: float) -> None:
        self.at_batch(epoch, sentences)

    def epoch(self, history: list[EpochRow]) -> None:
        pass


def interrupt(epoch: int) -> Watch:
    """Presses Ctrl-C in the middle of this epoch."""

    def press(now: int, sentences: int) -> None:
        if now == epoch and sentences > SMALL_TRAIN // 2:
            raise KeyboardInterrupt

    return Watch(press)


def small_config(folder: Path, **changes: Any) -> RunConfig:
    """Few sentences, which are dev as well, and five epochs, the last of which are better than the first.

    `changes` are settings by bare name or path, with `__` in place of the dot.
    """
    files = {"train": [str(first_sentences(TRAIN, SMALL_TRAIN, folder / "small-train.conllu"))]}
    files["dev"] = [str(first_sentences(TRAIN, SMALL_TRAIN, folder / "small-dev.conllu"))]
    base = RunConfig().replace({**TINY, "batch_size": 1, "learning_rate": 0.2, "epochs": 5, **files})
    return base.replace(**changes)


def set_options(values: Mapping[str, Any]) -> list[str]:
    """Settings by path, as options of the command line."""
    return [f"--set={path}={fields.as_text(value)}" for path, value in values.items()]


def first_sentences(source: str, count: int, target: Path) -> Path:
    blocks = Path(source).read_text("utf-8").split("\n\n")
    target.write_text("\n\n".join(blocks[:count]) + "\n\n", "utf-8")
    return target


def monitor(watch: Watch | None = None, say: Callable[[str], None] = lambda line: None) -> Monitor:
    return Monitor(say, lambda *_: watch or Watch())


def start(
    config: RunConfig, folder: Path, watch: Watch | None = None, *, overwrite: bool = False
) -> RunMetrics:
    return run.start(config, folder, monitor(watch), overwrite=overwrite)


def resume(folder: Path, watch: Watch | None = None, threads: int | None = None) -> RunMetrics:
    return run.resume(folder, monitor(watch), threads=threads)


def weights_hash(folder: Path) -> str:
    """Of the one weights file of a model's folder."""
    (weights,) = folder.glob("weights-*.safetensors")
    return sha256_of(weights)


def history(folder: Path) -> list[dict[str, Any]]:
    """The rows of history.jsonl, without what a clock decides."""
    rows = [json.loads(line) for line in (folder / "history.jsonl").read_text("utf-8").splitlines()]
    clock = ("seconds", "dev_seconds", "tokens_per_second")
    return [{key: value for key, value in row.items() if key not in clock} for row in rows]


def hear_ctrl_c() -> None:
    """Before a program starts: a shell's background job, as CI may be, hands down a deaf ear to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
