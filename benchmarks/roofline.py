#!/usr/bin/env python3
"""Measure the machine's limits: float32 matrix products at the model's sizes, and memory bandwidth.

A stage's distance from the roofline is its arithmetic over its time, beside the row of its size here.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import measure

# (m, k, n) of (m, k) times (k, n). A batch of 10 sentences has some 155 tokens, 16 at its longest.
PRODUCTS = {
    "large, square": (2048, 2048, 2048),
    "LSTM input, both directions, batch of 10": (155, 650, 800),
    "LSTM input, both directions, 4,096 tokens": (4096, 650, 800),
    "LSTM step, one direction, batch of 10": (10, 100, 400),
    "LSTM step, one direction, 256 sentences": (256, 100, 400),
    "character convolution, 155 words of 6": (930, 90, 50),
    "to labels, 155 tokens": (155, 200, 17),
}
FLOATS = 64 * 2**20  # 256 MiB: no cache holds it
ROWS, DIM = 100_000, 600  # a word table of sg600's width


def best(work: Callable[[], object], seconds: float) -> float:
    """The shortest time of one call, among calls that take `seconds` together."""
    work()
    times = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def products(threads: int, seconds: float) -> list[dict[str, Any]]:
    """GFLOP/s of each product: 2 m k n operations."""
    rows = []
    for name, (m, k, n) in PRODUCTS.items():
        a, b, out = torch.randn(m, k), torch.randn(k, n), torch.empty(m, n)
        repeat = max(1, 10**7 // (m * k * n))  # so that a call is longer than the clock's grain

        def work(a: torch.Tensor = a, b: torch.Tensor = b, out: torch.Tensor = out, r: int = repeat) -> None:
            for _ in range(r):
                torch.mm(a, b, out=out)

        speed = 2 * m * k * n * repeat / best(work, seconds) / 1e9
        rows.append({"what": name, "size": [m, k, n], "threads": threads, "value": speed, "unit": "GFLOP/s"})
    return rows


def bandwidth(threads: int, seconds: float) -> list[dict[str, Any]]:
    """GB/s of reading, copying (read and written bytes together), and rows in random order."""
    source, target = torch.ones(FLOATS), torch.ones(FLOATS)
    table, chosen = torch.ones(ROWS, DIM), torch.randint(ROWS, (20_000,))
    gathered = torch.empty(len(chosen), DIM)
    works: dict[str, tuple[Callable[[], object], int]] = {
        "read (sum)": (source.sum, 4 * FLOATS),
        "copy": (lambda: target.copy_(source), 8 * FLOATS),
        "rows of a word table, random": (
            lambda: torch.index_select(table, 0, chosen, out=gathered),
            8 * gathered.numel(),
        ),
    }
    return [
        {"what": name, "threads": threads, "value": size / best(work, seconds) / 1e9, "unit": "GB/s"}
        for name, (work, size) in works.items()
    ]


def main() -> None:
    """Measures, prints, writes the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--threads", default="1,2", help="each of these [%(default)s]")
    parser.add_argument("--seconds", type=float, default=1.0, help="a measure [%(default)s]")
    parser.add_argument("-o", "--output", type=Path, help="JSON")
    arguments = parser.parse_args()
    described = measure.machine()
    rows = []
    with torch.inference_mode():
        for threads in map(int, arguments.threads.split(",")):
            torch.set_num_threads(threads)
            rows += products(threads, arguments.seconds) + bandwidth(threads, arguments.seconds)
    for row in rows:
        size = " x ".join(map(str, row.get("size", [])))
        print(f"{row['threads']} thread(s)  {row['what']:<44}{size:<20}{row['value']:>9.1f} {row['unit']}")
    report = {"command": ["python", *sys.argv], "machine": described, "rows": rows}
    measure.write_report(arguments.output, report)


if __name__ == "__main__":
    main()
