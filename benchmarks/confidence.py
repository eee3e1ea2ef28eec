#!/usr/bin/env python3
"""Measure the calibration of a model's scores, and the time they take.

    python benchmarks/confidence.py --norne ../shared/norne --output docs/results/confidence.json

On the dev files of both standards: the temperature, the expected calibration error before and after, the same
with a temperature that was fitted on other documents, spans that the best labels lack, what constrained
decoding changes, and the time of tagging with scores beside that without, pair by pair.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

import measure
from bilstm_crf.corpus.documents import Documents
from bilstm_crf.corpus.labelled import read_gold
from bilstm_crf.evaluation.reliability import equal_width_error, reliability
from bilstm_crf.evaluation.report import map_types
from bilstm_crf.evaluation.strict import strict
from bilstm_crf.formats import FormatOptions
from bilstm_crf.inference.box import box_folder
from bilstm_crf.inference.calibration import Evidence, fit_temperature
from bilstm_crf.inference.decoding import UNCONSTRAINED, Decoding, apart
from bilstm_crf.inference.tagger import Tagger
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.files import sha256_of_all

DEV = {"nob": "nob/no_bokmaal-ud-dev.conllu", "nno": "nno/no_nynorsk-ud-dev.conllu"}
THRESHOLDS = (0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01)
CANDIDATES = 0.05  # spans that `--recall` may add are at least so probable
REPEATED = 8  # times a dev file is repeated where time is measured


def main() -> None:
    options = _parser().parse_args()
    tagger = Tagger.load(options.model)
    dev = {name: _read(options.norne / path) for name, path in DEV.items()}
    halves = {name: [_evidence(tagger, half) for half in in_halves(found)] for name, found in dev.items()}
    temperature = fit_temperature(*(each for found in halves.values() for each in found))
    fitted = [fit_temperature(*(found[half] for found in halves.values())) for half in (0, 1)]
    report: dict[str, Any] = {
        "what": "how reliable the scores of a model are, and what they cost",
        "command": f"python benchmarks/confidence.py --model {options.model.name} "
        f"--norne ../shared/norne --pairs {options.pairs} --threads {options.threads}",
        "machine": measure.machine(),
        "model": {"weights": _weights(options.model), "encoding": tagger.model.encoding},
        "data": {name: sha256_of_all([options.norne / path]) for name, path in DEV.items()},
        "temperature": temperature,
        "temperature_of_halves": fitted,
        "bins": "10 of equally many spans; equal_width: 15 of equal width",
        "dev": {name: _calibration(found, temperature, fitted) for name, found in halves.items()},
        "constrained": {name: _constrained(tagger, found) for name, found in dev.items()},
        "recall": {name: _recall(tagger, found, temperature) for name, found in dev.items()},
    }
    if options.pairs:
        report["speed"] = _speed(options.model, options.norne / DEV["nob"], options.pairs, options.threads)
    for name, found in report["dev"].items():
        after, crossed = found["after"], found["cross_fitted"]
        print(
            f"{name}: ECE {after['error']:.2%}, cross-fitted {crossed['error']:.2%}, "
            f"without temperature {found['before']['error']:.2%}, by chance {after['chance']:.2%}"
        )
    print(f"temperature {temperature}", report.get("speed", {}).get("ratio", ""))
    measure.write_report(options.output, report)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--model", type=Path, default=box_folder(), help="folder of a model; else that in the box"
    )
    parser.add_argument("--norne", required=True, type=Path, help="folder with nob/ and nno/")
    parser.add_argument("--pairs", type=int, default=5, help="runs with and without scores; 0: no times")
    parser.add_argument("--threads", type=int, default=1, help="threads of the runs that are timed")
    parser.add_argument("--output", type=Path, metavar="JSON")
    return parser


def _read(path: Path) -> list[Sentence]:
    sentences, _ = read_gold(str(path), None, FormatOptions())
    Documents(None).name(sentences)
    return sentences


def in_halves(sentences: Sequence[Sentence]) -> list[list[Sentence]]:
    """Return the sentences of every other document, and those of the others."""
    number = {name: n for n, name in enumerate(dict.fromkeys(each.document for each in sentences))}
    return [[each for each in sentences if number[each.document] % 2 == half] for half in (0, 1)]


def _evidence(tagger: Tagger, sentences: list[Sentence]) -> Evidence:
    return Evidence(tagger, sentences, map_types(sentences, tagger.label_set))


def _calibration(halves: list[Evidence], temperature: float, fitted: list[float]) -> dict[str, Any]:
    """Return the errors on one standard: in all, and with the temperature of the other half."""
    right = np.concatenate([each.right for each in halves])

    def scores(temperatures: Iterable[float]) -> np.ndarray:
        pairs = zip(halves, temperatures, strict=True)
        return np.concatenate([each.scores(found) for each, found in pairs])

    before, after, crossed = scores((1.0, 1.0)), scores((temperature,) * 2), scores(reversed(fitted))
    found = [each.candidates(temperature, CANDIDATES) for each in halves]
    candidates, theirs = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return {
        "right": float(right.mean()),
        "before": asdict(reliability(before, right)),
        "after": asdict(reliability(after, right)),
        "cross_fitted": asdict(reliability(crossed, right)),
        "equal_width": {
            "before": equal_width_error(before, right),
            "after": equal_width_error(after, right),
            "cross_fitted": equal_width_error(crossed, right),
        },
        f"all_spans_from_{CANDIDATES}": asdict(reliability(candidates, theirs)),
    }


def _constrained(tagger: Tagger, sentences: list[Sentence]) -> dict[str, Any]:
    """Return what constrained decoding changes."""
    gold = map_types(sentences, tagger.label_set)
    plain = tagger.predict(sentences, decoding=UNCONSTRAINED)
    legal = tagger.predict(sentences, decoding=Decoding())
    return {
        "f1_unconstrained": strict(gold, plain).f1,
        "f1_constrained": strict(gold, legal).f1,
        "sentences": len(sentences),
        "sentences_that_differ": sum(one != other for one, other in zip(plain, legal, strict=True)),
    }


def _recall(tagger: Tagger, sentences: list[Sentence], temperature: float) -> list[dict[str, Any]]:
    """Return precision and recall with the spans that `--recall` adds, chosen in two ways."""
    tagger.decoder.constrained_crf = tagger.decoder.constrained_crf.at(temperature)
    gold = map_types(sentences, tagger.label_set)
    emissions, offsets = tagger.emissions(sentences)
    marginals = tagger.decoder.constrained_crf.marginals(emissions, offsets)
    best = tagger.predict(sentences)
    rows = np.array([row for n, spans in enumerate(best) for row in marginals.rows(n, spans)])
    found = []
    for threshold in (1.0, *THRESHOLDS):
        added = tagger.predict(sentences, decoding=Decoding(recall=threshold))
        scored = strict(gold, added)
        free = _free(rows, *marginals.probable_spans(threshold), len(emissions))
        greedy = apart(rows, *free, len(emissions))
        weighted = free[0][best_schedule(free[0][:, 1:3], free[1])], free[1]
        found.append(
            {
                "threshold": threshold,
                "precision": scored.precision,
                "recall": scored.recall,
                "added": len(greedy[0]),
                "added_right": _right(marginals, greedy[0], gold),
                "added_by_weighted_scheduling": len(weighted[0]),
                "right_by_weighted_scheduling": _right(marginals, weighted[0], gold),
            }
        )
    return found


def _free(rows: np.ndarray, spans: np.ndarray, scores: np.ndarray, tokens: int) -> tuple[Any, Any]:
    """Return the spans that overlap none of `rows`."""
    covered = np.zeros(tokens + 1, np.int64)
    for _, start, end, _ in rows.tolist():
        covered[start + 1 : end + 1] = 1
    before = np.cumsum(covered)
    free = before[spans[:, 2]] == before[spans[:, 1]]
    return spans[free], scores[free]


def _right(marginals: Any, rows: np.ndarray, gold: list[list[Any]]) -> int:
    return sum(marginals.token_span(row) in gold[row[0]] for row in rows.tolist())


def best_schedule(spans: np.ndarray, weights: np.ndarray) -> list[int]:
    """Return the numbers of the spans (start, end) without overlap whose weights sum highest."""
    order = sorted(range(len(spans)), key=lambda n: spans[n][1])
    ends = [int(spans[n][1]) for n in order]
    best: list[float] = [0.0]
    taken: list[bool] = []
    for place, n in enumerate(order):
        with_it = weights[n] + best[bisect_right(ends, int(spans[n][0]), hi=place)]
        taken.append(bool(with_it > best[-1]))
        best.append(max(with_it, best[-1]))
    chosen, place = [], len(order)
    while place:
        if taken[place - 1]:
            chosen.append(order[place - 1])
            place = bisect_right(ends, int(spans[order[place - 1]][0]), hi=place - 1)
        else:
            place -= 1
    return sorted(chosen)


def _speed(model: Path, path: Path, pairs: int, threads: int) -> dict[str, Any]:
    """Return seconds of tagging a file with scores and without, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "dev.conllu"
        source.write_bytes(path.read_bytes() * REPEATED)
        tokens = sum(line[:1].isdigit() for line in source.read_bytes().splitlines())
        command = [
            sys.executable,
            "-m",
            "bilstm_crf",
            "tag",
            "--model",
            str(model),
            "--threads",
            str(threads),
        ]
        command += [str(source), "-o", str(Path(folder) / "out.conllu"), "--quiet"]
        times: dict[str, list[tuple[float, float]]] = {"plain": [], "scores": []}
        for number in range(pairs + 1):  # the first pair compiles
            for name, extra in (("plain", []), ("scores", ["--scores"])):
                seconds = _run([*command, *extra])
                if number:
                    times[name].append(seconds)
    ratios = [
        [scored[which] / plain[which] for plain, scored in zip(times["plain"], times["scores"], strict=True)]
        for which in (0, 1)
    ]
    return {
        "tokens": tokens,
        "threads": threads,
        "seconds": {name: [round(wall, 3) for wall, _ in found] for name, found in times.items()},
        "cpu_seconds": {name: [round(cpu, 3) for _, cpu in found] for name, found in times.items()},
        "ratio": round(statistics.median(ratios[0]), 3),
        "cpu_ratio": round(statistics.median(ratios[1]), 3),
    }


def _run(command: Sequence[str]) -> tuple[float, float]:
    """Return the seconds that a process took, and those of processors."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _weights(model: Path) -> str:
    """Return the SHA-256 of the weights."""
    from bilstm_crf.model.model_folder import weights_of

    return weights_of(model)[1]


if __name__ == "__main__":
    main()
