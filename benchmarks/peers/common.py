"""Shared parts of the drivers: their two commands, the clock, the columns. Standard library only.

A driver runs under the Python that has its package, and prints one line of JSON:

    train --train F --dev F --vectors F --model DIR    {"tokens_per_second": …}
    tag --model DIR --vectors F FILE                   {"load_s": …, "first_s": …, "latency_ms": …, …}
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

Columns = list[tuple[str, str]]
Tag = Callable[[list[list[str]]], Any]  # sentences of words, to anything that holds their entities

BATCH = 10  # sentences a step of training
TAG_BATCH = 32  # Flair's own; a larger one where a driver says so
HIDDEN = 100  # of each direction
WARM = 20  # calls before the first that counts
CALLS = 200


def read_columns(path: str | Path) -> list[Columns]:
    """The sentences of a two-column file."""
    sentences = Path(path).read_text("utf-8").strip().split("\n\n")
    return [[tuple(line.split(" ")) for line in sentence.split("\n")] for sentence in sentences]  # type: ignore[misc]


def spans(sentence: Columns) -> list[tuple[int, int, str]]:
    """The entities of a sentence in IOB2: first token, token after the last, type."""
    found: list[tuple[int, int, str]] = []
    for at, (_, label) in enumerate(sentence):
        if label.startswith("B-"):
            found.append((at, at + 1, label[2:]))
        elif label.startswith("I-") and found and found[-1][1] == at:
            found[-1] = (found[-1][0], at + 1, found[-1][2])
    return found


def count(sentences: Sequence[Sequence[Any]]) -> int:
    """Tokens of all sentences."""
    return sum(map(len, sentences))


def seconds_since_start() -> float:
    """Return the seconds since this process started, imports included (Linux; to a hundredth of a second)."""
    started = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started / os.sysconf("SC_CLK_TCK")


def main(
    package: str,
    train: Callable[[argparse.Namespace], float] | None,
    load: Callable[[argparse.Namespace], Tag],
) -> None:
    """The command line of a driver: `train` gives tokens a second, `load` what tags."""
    parser = argparse.ArgumentParser(description=f"Times {package}; started by compare.py.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ["train", "tag"] if train else ["tag"]:
        command = commands.add_parser(name)
        command.add_argument("--model", required=True, help="folder")
        command.add_argument("--vectors", help="word2vec text")
        command.add_argument("--threads", type=int, default=1)
        if name == "train":
            command.add_argument("--train", required=True, help="two columns")
            command.add_argument("--dev", required=True, help="two columns")
        else:
            command.add_argument("file", help="two columns")
    arguments = parser.parse_args()
    if arguments.command == "train":
        Path(arguments.model).mkdir(parents=True, exist_ok=True)
        assert train is not None
        result: dict[str, Any] = {"tokens_per_second": train(arguments)}
    else:
        result = time_tagging(arguments, load)
    print(json.dumps({**result, "version": metadata.version(package)}))


def time_tagging(arguments: argparse.Namespace, load: Callable[[argparse.Namespace], Tag]) -> dict[str, Any]:
    """Loading, the first result, one short sentence again and again, then a whole file."""
    sentences = [[word for word, _ in sentence] for sentence in read_columns(arguments.file)]
    short = [["Kari", "Nordmann", "flytta", "til", "Bergen", "."]]
    started = time.perf_counter()
    tag = load(arguments)
    loaded = time.perf_counter() - started
    tag(short)
    first = seconds_since_start()
    calls = []
    for _ in range(WARM + CALLS):
        started = time.perf_counter()
        tag(short)
        calls.append(time.perf_counter() - started)
    started = time.perf_counter()
    tag(sentences)
    whole = time.perf_counter() - started
    return {
        "load_s": loaded,
        "first_s": first,
        "latency_ms": 1000 * statistics.median(calls[WARM:]),
        "tokens_per_second": count(sentences) / whole,
    }
