#!/usr/bin/env python3
"""Our tokens a second against batch size, sentence length, threads, processes, vocabulary and labels.

Sentences and vectors are random, so no data is needed. Each point is a process of its own (scale_point.py).
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import measure

POINT = Path(__file__).resolve().parent / "scale_point.py"
# Every point differs from this one in the value of its axis alone.
BASE = {
    "task": "train",
    "batch": 10,
    "length": 16,
    "threads": 1,
    "vocabulary": 20_000,
    "labels": 17,
    "dim": 600,
}
TASKS = ("train", "tag")
AXES: dict[str, list[int]] = {
    "batch": [1, 4, 10, 32, 100, 256],
    "length": [1, 10, 100, 1_000, 10_000],
    "threads": [1, 2],
    "processes": [1, 2],
    "vocabulary": [50_000, 250_000, 1_000_000, 2_500_000],
    "labels": [9, 17, 65, 199],
}
NAMES = {
    "batch": "sentences a batch",
    "length": "tokens a sentence",
    "threads": "threads",
    "processes": "processes",
    "vocabulary": "words of the vectors",
    "labels": "labels",
}


def points(axes: list[str], task: str, largest: int, dim: int) -> list[dict[str, Any]]:
    """The points of these axes for a task. Tagging has no batch size: it makes its own batches."""
    made = []
    for axis in axes:
        if (axis, task) == ("batch", "tag"):
            continue
        for value in AXES[axis]:
            if axis == "vocabulary" and value > largest:
                continue
            point = {**BASE, "task": task, axis: value}
            if axis == "vocabulary":
                point["dim"] = dim  # 2.5 M words of 600 float32 would be 6 GB of disk
            if (axis, task) == ("length", "train"):
                point["batch"] = max(1, min(10, 10_000 // value))
            made.append({"axis": axis, "value": value, "point": point})
    return made


def run(point: dict[str, Any], tokens: int, folder: str | None) -> dict[str, Any]:
    """Tokens a second, of all its processes together, and the largest one's peak memory."""
    processes = point.get("processes", 1)
    settings = {**point, "tokens": tokens, "folder": folder}
    command = [sys.executable, str(POINT), json.dumps(settings)]
    with ThreadPoolExecutor(processes) as pool:
        jobs = [pool.submit(measure.run, command, threads=point["threads"]) for _ in range(processes)]
        runs = [job.result() for job in jobs]
    speeds = [json.loads(each.out.splitlines()[-1])["tokens_per_second"] for each in runs]
    return {"tokens_per_second": sum(speeds), "peak_mib": round(max(each.peak_mib for each in runs))}


def plot(rows: list[dict[str, Any]], folder: Path) -> None:
    """One picture of all axes, as PNG and SVG."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "bilstm_crf"  # the same rows give the same file
    axes = list(dict.fromkeys(row["axis"] for row in rows))
    height = -(-len(axes) // 3)
    figure, grid = plt.subplots(height, 3, figsize=(12, 3.6 * height), squeeze=False)
    for place in grid.flat[len(axes) :]:
        place.set_visible(False)
    for axis, place in zip(axes, grid.flat, strict=False):
        for task in TASKS:
            mine = [row for row in rows if row["axis"] == axis and row["point"]["task"] == task]
            if mine:
                speeds = [row["tokens_per_second"] for row in mine]
                place.plot([row["value"] for row in mine], speeds, marker="o", label=task)
        if axis in ("threads", "processes"):
            place.set_xticks(AXES[axis])
        else:
            place.set_xscale("log")
        place.set_yscale("log")
        place.set_xlabel(NAMES[axis])
        place.set_ylabel("tokens a second")
        place.grid(visible=True, which="both", alpha=0.25)
        place.legend()
    figure.tight_layout()
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "scale.png", dpi=120)
    figure.savefig(folder / "scale.svg", metadata={"Date": None})


def main() -> None:
    """Measures, prints, writes the JSON and the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default=",".join(AXES), help="axes [%(default)s]")
    parser.add_argument("--tasks", default=",".join(TASKS), help="[%(default)s]")
    parser.add_argument("--train-tokens", type=int, default=50_000, help="of a point [%(default)s]")
    parser.add_argument("--tag-tokens", type=int, default=200_000, help="of a point [%(default)s]")
    parser.add_argument("--largest", type=int, default=2_500_000, help="vocabulary [%(default)s]")
    parser.add_argument("--dim", type=int, default=100, help="of the vocabulary axis's vectors [%(default)s]")
    parser.add_argument("--folder", help="for the random vectors (1 GB and more)  [a temporary one]")
    parser.add_argument("-o", "--output", type=Path, help="JSON")
    parser.add_argument("--plots", type=Path, help="folder for scale.png and scale.svg")
    arguments = parser.parse_args()
    axes = arguments.only.split(",")
    if unknown := set(axes) - set(AXES):
        parser.error(f"--only {','.join(sorted(unknown))}: there is {', '.join(AXES)}")
    described = measure.machine()
    tokens = {"train": arguments.train_tokens, "tag": arguments.tag_tokens}
    rows = []
    for axis in axes:
        for task in arguments.tasks.split(","):
            for each in points([axis], task, arguments.largest, arguments.dim):
                rows.append({**each, **run(each["point"], tokens[task], arguments.folder)})
                speed, peak = rows[-1]["tokens_per_second"], rows[-1]["peak_mib"]
                at = f"{NAMES[axis]:<22} {each['value']:>10,}"
                print(f"{task:<6} {at} {speed:>12,.0f} tokens/s {peak:>7,} MiB", flush=True)
    report = {"command": ["python", *sys.argv], "machine": described, "rows": rows}
    measure.write_report(arguments.output, report)
    if arguments.plots:
        plot(rows, arguments.plots)


if __name__ == "__main__":
    main()
