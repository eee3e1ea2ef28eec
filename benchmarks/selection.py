"""Simulate an annotation loop on NorNE: how many sentences each method of `select` needs for 95 % of full F1.

python benchmarks/selection.py --norne ../shared/norne --embeddings sg100.bin --state state.json -o out.json

Train is the pool, whose labels are uncovered when a sentence is selected. Each curve starts with the same
random sentences of its seed; after each training the method selects more, and a new model is trained from
scratch, on so many sentence visits whatever their number, but for some epochs at least: all of train would
not be learnt otherwise. A curve ends when it is past the share of the F1 that all of train gives, the mean
over the seeds. A run that was interrupted goes on from its state.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from bilstm_crf import __version__
from bilstm_crf.config import RunConfig
from bilstm_crf.corpus.filters import comparable_text
from bilstm_crf.corpus.labelled import Labelled, read_labelled
from bilstm_crf.embeddings.read import load
from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.evaluation.strict import strict
from bilstm_crf.inference.decoding import Decoding
from bilstm_crf.inference.tagger import Tagger
from bilstm_crf.labels import LabelSet
from bilstm_crf.selection.pool import Request, select
from bilstm_crf.selection.units import METHODS, Method
from bilstm_crf.sentence import Sentence
from bilstm_crf.training.provenance import environment
from bilstm_crf.training.quick import QUICK, train_in_memory
from bilstm_crf.util.files import write_whole
from bilstm_crf.util.threads import use_threads
from measure import write_report

FILES = {"nno": "no_nynorsk-ud-{}.conllu", "nob": "no_bokmaal-ud-{}.conllu"}
SIZES = (500, 1_000, 1_500, 2_000, 3_000, 4_500, 6_500, 9_000)
SHARE = 0.95
Row = dict[str, Any]


class Silent:
    """An observer of training that shows nothing."""

    def batch(self, *of_batch: object) -> None:
        pass


@dataclass
class Simulation:
    """The data, the settings, and the rows of the models that are trained."""

    train: list[Sentence]
    dev: list[Sentence]
    vectors: WordVectors | None
    config: RunConfig
    visits: int  # sentences that a model is trained on
    epochs: int  # the fewest
    state: Path
    rows: dict[str, Row]

    def whole(self, seed: int) -> Row:
        """Train on all sentences."""
        return self._row(f"{seed} all", seed, list(range(len(self.train))), {})

    def curve(self, seed: int, method: Method, target: float) -> list[Row]:
        """Train on more and more sentences, until the F1 is past `target` or the sizes end."""
        labelled = self._select("random", seed, [], SIZES[0], None)
        after = {size: later - size for size, later in pairwise(SIZES)}
        rows: list[Row] = []
        for size in SIZES:
            first = not rows  # all methods have it in common
            more = {each: after[size] for each in (METHODS if first else [method]) if size in after}
            name = f"{seed} start" if first else f"{seed} {method} {size}"
            rows.append(self._row(name, seed, labelled, more))
            if rows[-1]["f1"] >= target or not more:
                break
            labelled = [*labelled, *rows[-1]["next"][method]]
        return rows

    def _row(self, name: str, seed: int, numbers: list[int], more: dict[Method, int]) -> Row:
        """Train on these sentences and score dev, and select `more` for each method; or read the state."""
        if name in self.rows:
            return self.rows[name]
        started = time.process_time()
        config = self.config.replace({"seed": seed})
        sentences = [self.train[number] for number in numbers]
        batches = max(self.visits, self.epochs * len(sentences)) // config.schedule.batch_size
        tagger = train_in_memory(config, sentences, self.vectors, Silent(), batches=batches)  # type: ignore[arg-type]
        score = strict([each.token_spans or [] for each in self.dev], tagger.predict(self.dev))
        self.rows[name] = {
            "seed": seed,
            "sentences": len(sentences),
            "tokens": sum(map(len, sentences)),
            "entities": sum(len(each.token_spans or ()) for each in sentences),
            "f1": round(100 * score.micro.f1, 2),
            "processor_seconds": round(time.process_time() - started, 1),
            "next": {each: self._select(each, seed, numbers, count, tagger) for each, count in more.items()},
        }
        print(name, {key: value for key, value in self.rows[name].items() if key != "next"}, flush=True)
        with write_whole(str(self.state)) as out:
            out.write(json.dumps(self.rows).encode())
        return self.rows[name]

    def _select(
        self, method: Method, seed: int, labelled: Sequence[int], count: int, tagger: Tagger | None
    ) -> list[int]:
        """Return the numbers of further sentences."""
        taken = set(labelled)
        known = {comparable_text(self.train[number]) for number in labelled}
        left = [number for number in range(len(self.train)) if number not in taken]
        copies = [Sentence(self.train[number].tokens) for number in left]
        if tagger is not None:
            tagger.annotate(copies, Decoding(uncertainty=True))
        place = {id(copy): number for copy, number in zip(copies, left, strict=True)}
        found = select(copies, Request(method, count, seed=seed), known)
        return [place[id(unit.sentences[0])] for unit in found.units]


def needed(curve: Sequence[Row], target: float, of: str) -> int | None:
    """Return the sentences or tokens at the target, interpolated between sizes; None if it is not reached."""
    for before, after in pairwise(curve):
        if before["f1"] < target <= after["f1"]:
            share = (target - before["f1"]) / (after["f1"] - before["f1"])
            return round(before[of] + share * (after[of] - before[of]))
    return None


def spread(values: Sequence[float | None]) -> dict[str, float] | None:
    """Return the mean and the standard deviation; None where a value is missing."""
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    return {"mean": round(statistics.mean(known), 2), "sd": round(statistics.stdev(known), 2)}


def summary(curves: Sequence[Sequence[Row]], target: float) -> dict[str, Any]:
    """Return what a method needs, and its mean F1 at each size that all of its seeds have."""
    sizes = [size for size in SIZES if all(size in [row["sentences"] for row in curve] for curve in curves)]
    at = {size: [row for curve in curves for row in curve if row["sentences"] == size] for size in sizes}
    columns = ("f1", "tokens", "entities")
    found: dict[str, Any] = {
        f"{of} needed": {
            **(spread([needed(curve, target, of) for curve in curves]) or {}),
            "by seed": [needed(curve, target, of) for curve in curves],
        }
        for of in ("sentences", "tokens")
    }
    for column in columns:
        found[column] = {str(size): spread([row[column] for row in rows]) for size, rows in at.items()}
    found["curves"] = [
        [{key: row[key] for key in ("sentences", *columns)} for row in curve] for curve in curves
    ]
    return found


def read(norne: Path, language: str, split: str) -> Labelled:
    return read_labelled([str(norne / language / FILES[language].format(split))], LabelSet.named("full"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--norne", type=Path, required=True)
    parser.add_argument("--language", choices=FILES, default="nno")
    parser.add_argument("--embeddings", default="none")
    parser.add_argument("--visits", type=int, default=40_000, help="Sentences that a model is trained on.")
    parser.add_argument("--epochs", type=int, default=12, help="Epochs that it is trained for at least.")
    parser.add_argument("--learning-rate", type=float, default=0.003)
    parser.add_argument("--seeds", type=int, nargs="+", default=[42, 43, 44])
    parser.add_argument("--state", type=Path, required=True, help="What is done, to go on from.")
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    use_threads(1)
    train, dev = (read(arguments.norne, arguments.language, split) for split in ("train", "dev"))
    vectors = load(arguments.embeddings)
    own = {"batch_size": 10, "data.labels": "full", "optimizer.learning_rate": arguments.learning_rate}
    settings = {**QUICK, **own}
    config = RunConfig().replace(settings)
    rows = json.loads(arguments.state.read_text()) if arguments.state.exists() else {}
    corpora = train.sentences, dev.sentences, vectors
    simulation = Simulation(*corpora, config, arguments.visits, arguments.epochs, arguments.state, rows)
    wholes = [simulation.whole(seed) for seed in arguments.seeds]
    target = SHARE * statistics.mean(row["f1"] for row in wholes)
    curves: dict[str, list[list[Row]]] = {method: [] for method in METHODS}
    for seed in arguments.seeds:
        for method in METHODS:
            curves[method].append(simulation.curve(seed, method, target))
    result: dict[str, Any] = {
        "bilstm_crf": __version__,
        "command": ["python", *sys.argv],
        "environment": asdict(environment()),
        "data_sha256": {Path(file.path).name: file.sha256 for file in (*train.files, *dev.files)},
        "vectors_sha256": None if vectors is None or vectors.source is None else vectors.source.sha256,
        "seeds": arguments.seeds,
        "settings": settings,
        "visits": arguments.visits,
        "epochs": arguments.epochs,
        "pool": {"sentences": len(train.sentences), "tokens": train.tokens},
        "all": {"f1": spread([row["f1"] for row in wholes]), "by seed": [row["f1"] for row in wholes]},
        "target": round(target, 2),
        "methods": {method: summary(of_seeds, target) for method, of_seeds in curves.items()},
        "processor_seconds": round(sum(row["processor_seconds"] for row in simulation.rows.values())),
    }
    print(json.dumps(result, indent=1))
    write_report(arguments.output, result)


if __name__ == "__main__":
    main()
