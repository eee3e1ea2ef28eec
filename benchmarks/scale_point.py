"""One point of scale.py: trains or tags random sentences and prints tokens a second as JSON."""

from __future__ import annotations

import json
import random
import string
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from bilstm_crf.config import RunConfig, Stage
from bilstm_crf.corpus.labelled import Labelled
from bilstm_crf.corpus.mixture import Mixture
from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.inference.tagger import Tagger
from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.training.build import build_model
from bilstm_crf.training.loop import DevSet, Output, Trainer, fit
from bilstm_crf.training.optimizer import Optimizer
from bilstm_crf.training.plan import plan_training
from bilstm_crf.training.pretrained import Pretrained
from bilstm_crf.training.records import EpochRow
from bilstm_crf.util.threads import use_threads

CORPUS_WORDS = 30_000  # how many words of a large vocabulary the random sentences draw from: as NorNE has
RATE = 1e-6  # large batches of random labels diverge at the recipe's
KNOWN_SENTENCES = 1_000  # tagging: what the untrained model's own vocabulary is made of


class Quiet:
    """An observer that looks away."""

    def __enter__(self) -> Quiet:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing."""

    def batch(self, epoch: int, sentences: int, tokens: int, loss: float) -> None:
        """Nothing."""

    def epoch(self, history: list[EpochRow]) -> None:
        """Nothing."""


def words(count: int, source: random.Random) -> list[str]:
    """Distinct words of two letters and more, most frequent (that is shortest) first."""
    letters = string.ascii_lowercase + "æøå"
    made = dict.fromkeys(
        "".join(source.choices(letters, k=2 + at.bit_length() // 3))
        + np.base_repr(at, 36).lower().translate(DIGITS)
        for at in range(count)
    )
    return list(made)


DIGITS = str.maketrans("0123456789", "ABCDEFGHIJ")  # a digit would be read as 0, and words as one another


def sentences(
    tokens: int, length: int, labels: int, known: list[str], source: random.Random
) -> list[Sentence]:
    """So many tokens, one in ten an entity; every entity type occurs where there is room."""
    types = [f"T{number}" for number in range((labels - 1) // 2)]
    made = []
    entities = 0
    for _ in range(max(1, tokens // length)):
        chosen = [known[int(len(known) * source.random() ** 3)] for _ in range(length)]
        spans = []
        for at in range(0, length, 10):
            spans.append(TokenSpan(at, min(at + 2, length), types[entities % len(types)]))
            entities += 1
        made.append(Sentence(chosen, token_spans=spans))
    return made


def vectors(known: list[str], dim: int, folder: Path) -> WordVectors:
    """Random vectors, memory-mapped as real ones are."""
    path = folder / "vectors.npy"
    table = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(len(known), dim))
    generator = np.random.default_rng(0)
    for start in range(0, len(known), 50_000):
        block = table[start : start + 50_000]
        block[:] = generator.uniform(-0.1, 0.1, block.shape)
    table.flush()
    del table
    return WordVectors("random", known, np.load(path, mmap_mode="r"))


def measured(point: dict[str, Any], folder: Path) -> float:
    """Tokens a second."""
    source = random.Random(42)
    known = words(point["vocabulary"], source)
    table = vectors(known, point["dim"], folder)
    frequent = known[:CORPUS_WORDS]
    settings = {"epochs": 2, "batch_size": point["batch"], "learning_rate": RATE, "labels": "file"}
    config = RunConfig().replace(settings, train="random", dev="random", threads=point["threads"])
    use_threads(point["threads"])
    shape = (point["length"], point["labels"])
    if point["task"] == "train":
        made = sentences(point["tokens"], *shape, frequent, source)
        given = Labelled(made, ["IOB2"], [], [len(made)])
        dev = Labelled(made[:2], ["IOB2"], [], [2])
        plan = plan_training(config.schedule, [Stage(0, "words", 0)], Mixture(given.sizes, [1.0]))
        model = build_model(config, made, Pretrained(table))
        optimizer = Optimizer(model.network, config.optimizer, plan.schedule)
        devset = DevSet(dev, chooses=True, device="cpu", threads=config.workers)
        trainer = Trainer(model, optimizer, made, plan, config.run.seed)
        history = fit(trainer, devset, Output(folder / "run", {}, table), Quiet())
        return float(history[1].tokens_per_second)
    learned = sentences(16 * KNOWN_SENTENCES, 16, point["labels"], frequent, source)
    tagger = Tagger(build_model(config, learned, Pretrained(table)), threads=point["threads"])
    spread = known if len(known) > CORPUS_WORDS else frequent
    given = sentences(point["tokens"], *shape, spread, source)
    tagger.predict(given[:10])  # whatever is made once
    started = time.perf_counter()
    tagger.predict(given)
    return sum(map(len, given)) / (time.perf_counter() - started)


if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    with tempfile.TemporaryDirectory(dir=settings["folder"]) as work:
        print(json.dumps({"tokens_per_second": measured(settings, Path(work))}))
