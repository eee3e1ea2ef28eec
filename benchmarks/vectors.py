"""Compare `embeddings train` with the fastText program: time, and whether the vectors are alike.

    python benchmarks/vectors.py --fasttext fastText/fasttext --text raw.txt --reference sg100.bin \
        -o docs/results/vectors.json

Both train skip-gram vectors on the first tokens of a shuffle of the text's lines, with the same settings, in
turn, each run with a seed of its own. The seconds are of the whole process: reading, counting, training and
writing. On a machine that does other work as well, CPU seconds say more than the clock.

Vectors are compared by the cosines of random pairs of frequent words (Pearson correlation), and by the
nearest neighbours of frequent words: the share of the ten that two files have in common. Two runs of one
program differ as well, which is the measure for the difference between the programs.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import os
import random
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.embeddings.read import load_file
from bilstm_crf.util.files import sha256_of
from measure import FailedError, commit, machine, run, versions, write_report

SETTINGS = {"dim": 100, "epochs": 5, "window": 5, "min-count": 5, "buckets": 200_000}
FASTTEXT = {"dim": "dim", "epochs": "epoch", "window": "ws", "min-count": "minCount", "buckets": "bucket"}
# Learning rate and sampling of each system; both learn n-grams of 3 to 6 characters and 5 negative samples.
OURS = {
    "ours": ["--learning-rate", "0.05", "--sample", "0.0001"],
    "ours, gensim's rate and sampling": ["--learning-rate", "0.025", "--sample", "0.001"],
}
FREQUENT = 5_000  # words that are compared
PAIRS, ASKED, NEIGHBOURS = 2_000, 500, 10

Floats = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fasttext", type=Path, required=True, help="the program, as its Makefile builds it")
    parser.add_argument("--text", type=Path, required=True, help="tokenised, one sentence a line")
    parser.add_argument("--reference", type=Path, help="vectors of more text, to compare with")
    parser.add_argument("--tokens", type=int, default=2_000_000)
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    fasttext = given.fasttext.resolve()
    described = machine() | {
        "fasttext": commit(fasttext.parent),
        "gensim": versions(["gensim"])["gensim"],
    }
    rows: list[dict[str, Any]] = []
    made: dict[str, list[Path]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["BILSTM_CRF_CACHE"] = str(folder / "cache")  # of the vectors that are compared
        text = folder / "text.txt"
        tokens, digest = write_sample(given.text, given.tokens, text)
        for seed, threads in itertools.product(range(1, given.runs + 1), given.threads):
            last = threads == given.threads[-1]
            for system in ("fastText", *OURS) if last else ("fastText", "ours"):
                out = folder / f"{len(rows)}.bin"
                command = command_of(system, fasttext, text, out, threads, seed)
                try:
                    done = run(command, threads=1)
                except FailedError as error:
                    sys.exit(str(error))
                written = out
                if system == "fastText":
                    out.unlink()  # the n-grams, by far the larger part
                    written = out.with_suffix(".vec")
                if last:
                    made[system].append(written)
                row = {
                    "system": system,
                    "threads": threads,
                    "seed": seed,
                    "seconds": round(done.seconds, 2),
                    "cpu": round(done.cpu_seconds, 2),
                    "tokens/s": round(SETTINGS["epochs"] * tokens / done.seconds),
                    "tokens per CPU second": round(SETTINGS["epochs"] * tokens / done.cpu_seconds),
                }
                print(row, flush=True)
                rows.append(row)
        likeness = compare(dict(made), given.reference)
    figures = {
        "text": {"tokens": tokens, "sha256": digest, "of": sha256_of(given.text)},
        "settings": SETTINGS,
        "ratios to fastText": ratios(rows),
        "likeness": likeness,
    }
    print(figures)
    command = ["python", *sys.argv]
    write_report(given.output, {"command": command, "machine": described, **figures, "runs": rows})


def write_sample(source: Path, tokens: int, target: Path, seed: int = 1) -> tuple[int, str]:
    """Write the first `tokens` tokens of the shuffled lines, whole lines; return their number and SHA-256."""
    lines = source.read_bytes().splitlines(keepends=True)
    random.Random(seed).shuffle(lines)
    digest, count = hashlib.sha256(), 0
    with target.open("wb") as stream:
        for line in lines:
            if count + len(line.split()) > tokens:
                break
            count += len(line.split())
            stream.write(line)
            digest.update(line)
    return count, digest.hexdigest()


def command_of(system: str, fasttext: Path, text: Path, out: Path, threads: int, seed: int) -> list[str]:
    """Return the command that trains vectors of `text`, and writes `out`, or `out` ending in .vec."""
    if system == "fastText":
        command = [str(fasttext), "skipgram", "-input", str(text), "-output", str(out.with_suffix(""))]
        for name, value in SETTINGS.items():
            command += [f"-{FASTTEXT[name]}", str(value)]
        # Its defaults: rate 0.05, sampling 0.0001, n-grams of 3 to 6 characters, 5 negative samples
        return [*command, "-thread", str(threads), "-seed", str(seed), "-verbose", "0"]
    command = [sys.executable, "-m", "bilstm_crf", "embeddings", "train", str(text), "-o", str(out)]
    for name, value in SETTINGS.items():
        command += [f"--{name}", str(value)]
    return [*command, "--workers", str(threads), "--seed", str(seed), *OURS[system]]


def ratios(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return, for each system and number of threads, its median time as a multiple of fastText's."""

    def median(system: str, threads: int, measure: str) -> float:
        found = [row[measure] for row in rows if (row["system"], row["threads"]) == (system, threads)]
        return statistics.median(found)

    return [
        {"system": system, "threads": threads}
        | {
            measure: round(median(system, threads, measure) / median("fastText", threads, measure), 3)
            for measure in ("seconds", "cpu")
        }
        for system, threads in sorted({(row["system"], row["threads"]) for row in rows})
        if system != "fastText"
    ]


def compare(made: dict[str, list[Path]], reference: Path | None) -> list[dict[str, Any]]:
    """Return the likeness of the vectors of each two systems, and of two runs of each.

    Compares the words that all files have, of the first file's most frequent ones.
    """
    if reference is not None:
        made = {**made, "reference": [reference]}
    loaded = [(system, load_file(path)) for system, paths in made.items() for path in paths]
    common = set.intersection(*(set(vectors.words) for _, vectors in loaded))
    words = [word for word in loaded[0][1].words if word in common][:FREQUENT]
    described = []
    for system, vectors in loaded:
        rows = {word: row for row, word in enumerate(vectors.words)}
        matrix = np.asarray(vectors.matrix[[rows[word] for word in words]], np.float32)
        described.append((system, *describe(matrix)))
    found: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for (one, cosines, near), (other, cosines_2, near_2) in itertools.combinations(described, 2):
        shared = [len(set(a) & set(b)) / NEIGHBOURS for a, b in zip(near, near_2, strict=True)]
        found[one, other].append((float(np.corrcoef(cosines, cosines_2)[0, 1]), statistics.fmean(shared)))
    return [
        {
            "systems": systems,
            "pairs of runs": len(values),
            "correlation": round(statistics.fmean(value[0] for value in values), 3),
            "shared neighbours": round(statistics.fmean(value[1] for value in values), 3),
        }
        for systems, values in found.items()
    ]


def describe(matrix: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Return the cosines of PAIRS random pairs of rows, and the nearest rows of each of ASKED random rows."""
    unit = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
    draw = np.random.default_rng(1)
    left, right = draw.integers(len(unit), size=(2, PAIRS))
    apart = left != right
    cosines = np.einsum("ij,ij->i", unit[left[apart]], unit[right[apart]])
    asked = draw.choice(len(unit), min(ASKED, len(unit)), replace=False)
    similar = unit[asked] @ unit.T
    similar[np.arange(len(asked)), asked] = -np.inf
    return cosines, np.argsort(-similar, axis=1)[:, :NEIGHBOURS]


if __name__ == "__main__":
    main()
