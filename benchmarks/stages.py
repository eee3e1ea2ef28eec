#!/usr/bin/env python3
"""Measure the stages of training and tagging, and the gain of each compiled part, on real sentences.

python benchmarks/stages.py --norne DIR --embeddings FILE
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import measure
from bilstm_crf import kernels
from bilstm_crf.config import RunConfig
from bilstm_crf.corpus.labelled import read_labelled
from bilstm_crf.embeddings.read import load
from bilstm_crf.features.batches import make_batch, training_batches
from bilstm_crf.features.vocabulary import Encoded
from bilstm_crf.inference import network
from bilstm_crf.inference.tagger import Tagger
from bilstm_crf.labels import ENCODINGS, LabelSet
from bilstm_crf.model import char_cnn, crf, dropout, word_bilstm
from bilstm_crf.model.autograd import can_compile
from bilstm_crf.model.dropout import set_generator
from bilstm_crf.model.model_folder import Model
from bilstm_crf.model.network import TrainableModel
from bilstm_crf.training.build import build_model
from bilstm_crf.training.checkpoint import seed_epoch
from bilstm_crf.training.optimizer import Optimizer
from bilstm_crf.training.plan import LearningRateSchedule
from bilstm_crf.training.pretrained import Pretrained
from bilstm_crf.util.threads import use_threads

TRAIN = "nob/no_bokmaal-ud-train.conllu"
# In the order in which they were made: each row of the table has what the rows above it have.
PARTS = {"CRF": crf, "LSTM": word_bilstm, "dropout": dropout, "characters": char_cnn}
SEGMENT = 50  # batches timed at a time; the fastest segment is the one that was disturbed least


class Clock:
    """Measures the seconds of each stage, from methods that it wraps."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._wrapped: list[tuple[Any, str, Any]] = []

    def wrap(self, owner: Any, method: str, stage: str) -> None:
        """Counts the calls of `owner.method` to `stage`."""
        function = getattr(owner, method)

        def timed(*arguments: Any, **options: Any) -> Any:
            with self.stage(stage):
                return function(*arguments, **options)

        setattr(owner, method, timed)
        self._wrapped.append((owner, method, function))

    def release(self) -> None:
        """Give the methods back."""
        for owner, method, function in self._wrapped:
            setattr(owner, method, function)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Counts what is done inside."""
        started = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - started


@contextlib.contextmanager
def plain(parts: list[str]) -> Iterator[None]:
    """These parts of the network run as they do without numba."""
    for part in parts:
        PARTS[part].can_compile = lambda *_: False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for part in parts:
            PARTS[part].can_compile = can_compile  # type: ignore[attr-defined]


def training(model: TrainableModel, encoded: Encoded, config: RunConfig, batches: int) -> dict[str, Any]:
    """Milliseconds a batch by stage, and tokens a second: of the fastest segment and the median one."""
    trained, clock = model.network, Clock()
    (member,) = trained.members
    clock.wrap(trained.embedding, "forward", "forward: word embedding")
    clock.wrap(trained.char_cnn, "forward", "forward: characters")
    clock.wrap(member.dropout, "forward", "forward: dropout")
    clock.wrap(member.lstm, "states", "forward: LSTM")
    clock.wrap(member.to_labels, "forward", "forward: to labels")
    clock.wrap(member.crf, "negative_log_likelihood", "forward: CRF")
    schedule = LearningRateSchedule(config.schedule, batches, batches)
    optimisation = Optimizer(trained, config.optimizer, schedule)
    random = seed_epoch(42, 1)
    set_generator(trained, random)
    trained.train()
    order = training_batches(random.permutation(len(encoded)), config.schedule.batch_size)
    segments = []
    for number in range(batches // SEGMENT + 1):
        clock.seconds.clear()
        tokens, started = 0, time.perf_counter()
        for _ in range(SEGMENT):
            with clock.stage("batch"):
                batch = make_batch(encoded, next(order))
            with clock.stage("forward, all"):
                loss = trained.loss(batch)
            with clock.stage("backward, all"):
                loss.backward()
            with clock.stage("optimiser"):
                optimisation.step(len(batch.layout.sentences))
                loss.item()
            tokens += len(batch.labels)
        speed = tokens / (time.perf_counter() - started)
        if number:  # the first one loads compiled code
            stages = {stage: 1000 * s / SEGMENT for stage, s in clock.seconds.items()}
            segments.append((speed, stages))
    speeds = [speed for speed, _ in segments]
    best, stages = max(segments, key=lambda each: each[0])
    clock.release()
    return {"best": best, "median": statistics.median(speeds), "milliseconds": stages}


def tagging(model: Model, sentences: list[Any], threads: int) -> dict[str, Any]:
    """Microseconds a token by stage (of all threads together), and tokens a second, the fastest of four."""
    tagger, clock = Tagger(model, threads=threads), Clock()
    loops = network.load_loops(1 << 20)
    clock.wrap(model.vocabulary, "encode", "words to ids")
    clock.wrap(loops, "maxima", "words: characters")
    clock.wrap(loops, "affine", "words: gates; tokens: to labels")
    clock.wrap(loops, "run", "tokens: LSTM")
    clock.wrap(loops, "viterbi", "tokens: Viterbi")
    tokens = sum(map(len, sentences))
    best: tuple[float, dict[str, float]] = (0.0, {})
    for _ in range(4):
        clock.seconds.clear()
        started = time.perf_counter()
        for _ in tagger.tag_stream(sentences):
            pass
        speed = tokens / (time.perf_counter() - started)
        best = max(best, (speed, {stage: 1e6 * s / tokens for stage, s in clock.seconds.items()}))
    clock.release()
    return {"best": best[0], "microseconds": best[1]}


def show(title: str, speed: float, stages: dict[str, float], unit: str) -> None:
    """One table."""
    print(f"\n{title}: {speed:,.0f} tokens/s; {unit}")
    for stage, value in stages.items():
        print(f"  {stage:<36} {value:8.3f}")


def main() -> None:
    """Measures, prints, writes the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--norne", type=Path, required=True, help="folder that holds nob/")
    parser.add_argument("--embeddings", required=True, help="word vectors")
    parser.add_argument("--batches", type=int, default=500, help="of training, a row [%(default)s]")
    parser.add_argument("-o", "--output", type=Path, help="JSON")
    arguments = parser.parse_args()
    described = measure.machine()
    label_set, encoding = LabelSet.named("full"), ENCODINGS["iob"]
    config = RunConfig().replace(train=str(arguments.norne / TRAIN), dev="none")
    split = read_labelled(config.train, label_set)
    model = build_model(config, split.sentences, Pretrained(load(arguments.embeddings)))
    encoded = model.vocabulary.encode(
        [sentence.tokens for sentence in split.sentences],
        [encoding.encode(sentence.token_spans or [], len(sentence)) for sentence in split.sentences],
    )
    rows: list[dict[str, Any]] = []

    def add(what: str, threads: int, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        rows.append({"what": what, "threads": threads, **work()})
        print(f"{what:<52} {threads} thread(s) {rows[-1]['best']:>10,.0f} tokens/s", file=sys.stderr)
        return rows[-1]

    def train() -> dict[str, Any]:
        return training(model, encoded, config, arguments.batches)

    names = list(PARTS)
    use_threads(1)
    for done in range(len(names) + 1):
        with plain(names[done:]):
            add("training: " + " + ".join(["plain PyTorch", *names[:done]]), 1, train)
    for threads in (1, 2):
        use_threads(threads)
        row = add("training: all compiled", threads, train)
        show(f"Training, {threads} thread(s)", row["best"], row["milliseconds"], "milliseconds a batch of 10")
    use_threads(1)
    with mock.patch.object(kernels, "NUMBA", new=False):
        add("tagging: plain NumPy, each word once a chunk", 1, lambda: tagging(model, split.sentences, 1))
    for threads in (1, 2):
        row = add("tagging: all compiled", threads, lambda t=threads: tagging(model, split.sentences, t))
        show(f"Tagging, {threads} thread(s)", row["best"], row["microseconds"], "microseconds a token")
    report = {"command": ["python", *sys.argv], "machine": described, "rows": rows}
    measure.write_report(arguments.output, report)


if __name__ == "__main__":
    main()
