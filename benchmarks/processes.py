#!/usr/bin/env python3
"""Compare training in one process and in two, by the time and the processor time of each process.

python benchmarks/processes.py --norne DIR --embeddings FILE -o docs/results/processes.json
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import measure
from bilstm_crf.commands.main import run
from bilstm_crf.training.loop import Observer, Trainer
from bilstm_crf.training.records import CONFIG, EpochRow

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node"]
WAYS = {  # what starts this script as a trainer, and the threads of each process
    "1 process, 1 thread": ([sys.executable], 1),
    "2 processes, 1 thread each": ([*TORCHRUN, "2"], 1),
    "1 process, 2 threads": ([sys.executable], 2),
}
RECIPES = (("paper", 10), ("best", 10), ("best", 100))  # preset, sentences of a batch
SENTENCES = 2000  # of an epoch
TRAINER = "BILSTM_CRF_BENCHMARK"  # where a trainer writes what its second epoch took


def train_and_tell(folder: Path) -> int:
    """Run `train` with this script's arguments; each process writes a file about its second epoch."""
    train_epoch = Trainer.train_epoch

    def timed(self: Trainer, number: int, observer: Observer) -> EpochRow:
        started, busy = time.perf_counter(), time.process_time()
        row = train_epoch(self, number, observer)
        if number == 2:
            found = {
                "seconds": round(time.perf_counter() - started, 2),
                "cpu_seconds": round(time.process_time() - busy, 2),
                "loss": row.loss,
            }
            (folder / f"process-{self.processes.rank}.json").write_text(json.dumps(found))
        return row

    Trainer.train_epoch = timed  # type: ignore[method-assign]
    return run(["train", *sys.argv[1:]])


def train(way: str, preset: str, batch: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Train two epochs in a way; return what the second one took of each process."""
    program, threads = WAYS[way]
    with tempfile.TemporaryDirectory() as name:
        options = {
            "--data": arguments.norne.resolve(),
            "--language": "nob",
            "--embeddings": arguments.embeddings.resolve(),
            "--preset": preset,
            "--epochs": 2,
            "--set=batch_size": batch,
            "--set=batches_per_epoch": SENTENCES // batch,
            "--threads": threads,
            "--output": name,
        }
        given = [f"{option}={value}" for option, value in options.items()]
        os.environ[TRAINER] = name
        measure.run([*program, __file__, *given, "--overwrite", "--quiet"], threads=threads)
        files = sorted(Path(name).glob("process-*.json"))
        description = json.loads((Path(name) / CONFIG).read_text("utf-8"))
        return {
            "preset": preset,
            "batch_size": batch,
            "way": way,
            "processes": [json.loads(file.read_text()) for file in files],
            "seed": description["config"]["run"]["seed"],
            "data_sha256": [file["sha256"] for file in description["data"]["train"]],
            "vectors_sha256": description["vectors"]["sha256"],
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--norne", type=Path, required=True)
    parser.add_argument("--embeddings", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    report: dict[str, Any] = {"command": ["python", *sys.argv], "machine": measure.machine(), "runs": []}
    for preset, batch in RECIPES:
        for way in WAYS:
            found = train(way, preset, batch, arguments)
            report["runs"].append(found)
            cpu = ", ".join(f"{each['cpu_seconds']:.2f}" for each in found["processes"])
            seconds = found["processes"][0]["seconds"]
            print(f"{preset:<6}{batch:>4}  {way:<27}{seconds:>7.2f} s; processor time of each: {cpu} s")
    report["load_afterwards"] = [round(load, 2) for load in os.getloadavg()]
    measure.write_report(arguments.output, report)


if __name__ == "__main__":
    sys.exit(train_and_tell(Path(os.environ[TRAINER])) if TRAINER in os.environ else main())
