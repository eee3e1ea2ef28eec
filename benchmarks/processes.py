#!/usr/bin/env python3
"""Compare training in one process and in two, of one thread each, and in one process of two threads.

python benchmarks/processes.py --norne DIR --embeddings FILE -o docs/results/processes.json
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import measure
from bilstm_crf.training.records import CONFIG, HISTORY

ROOT = Path(__file__).resolve().parent.parent
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node"]
WAYS = {  # the command line before train.py, and the threads of each process
    "1 process, 1 thread": ([sys.executable], 1),
    "2 processes, 1 thread each": ([*TORCHRUN, "2"], 1),
    "1 process, 2 threads": ([sys.executable], 2),
}


def train(way: str, arguments: argparse.Namespace, preset: str) -> dict[str, Any]:
    """Train two epochs; return what the second one took, and what the command took."""
    program, threads = WAYS[way]
    with tempfile.TemporaryDirectory() as folder:
        options = {
            "--data": arguments.norne.resolve(),
            "--language": "nob",
            "--embeddings": arguments.embeddings.resolve(),
            "--preset": preset,
            "--epochs": 2,
            "--set": f"batches_per_epoch={arguments.batches}",
            "--threads": threads,
            "--output": folder,
        }
        given = [str(each) for pair in options.items() for each in pair]
        command = [*program, ROOT / "train.py", "--quiet", "--overwrite", *given]
        done = measure.run(command, threads=threads)
        rows = [json.loads(line) for line in (Path(folder) / HISTORY).read_text("utf-8").splitlines()]
        description = json.loads((Path(folder) / CONFIG).read_text("utf-8"))
    data, vectors = description["data"]["train"], description["vectors"]
    return {
        "seconds": rows[1]["seconds"],
        "tokens_per_second": rows[1]["tokens_per_second"],
        "losses": [row["loss"] for row in rows],
        "command_cpu_seconds": round(done.cpu_seconds, 1),
        "peak_mib": round(done.peak_mib),
        "data_sha256": [file["sha256"] for file in data],
        "vectors_sha256": vectors["sha256"],
        "seed": description["config"]["run"]["seed"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--norne", type=Path, required=True)
    parser.add_argument("--embeddings", type=Path, required=True)
    parser.add_argument("--batches", type=int, default=400, help="batches of an epoch")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    report: dict[str, Any] = {"command": ["python", *sys.argv], "machine": measure.machine(), "runs": {}}
    for preset in ("paper", "best"):
        found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
        for _ in range(arguments.repeats):
            for way, runs in found.items():
                runs.append(train(way, arguments, preset))
        report["runs"][preset] = found
        for way, runs in found.items():
            speed = statistics.median(run["tokens_per_second"] for run in runs)
            cpu = statistics.median(run["command_cpu_seconds"] for run in runs)
            print(f"{preset:<6} {way:<27} {speed:>7,.0f} tokens/s, command {cpu:,.0f} s of processor time")
    measure.write_report(arguments.output, report)


if __name__ == "__main__":
    main()
