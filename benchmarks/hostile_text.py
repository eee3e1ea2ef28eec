#!/usr/bin/env python3
"""Show that the time for hostile text grows in proportion to its size: brackets, long lines, empty lines.

python benchmarks/hostile_text.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from io import BytesIO

from bilstm_crf.formats import FORMATS, FormatOptions, norwegian

SIZES = (50_000, 100_000, 200_000)  # characters; of empty lines, lines
STRETCHES: dict[str, Callable[[int], str]] = {
    "brackets": lambda n: "(" * n,
    "quotes": lambda n: '"' * n,
    "full stops": lambda n: "." * n,
    "letters": lambda n: "a" * n,
    "slashes": lambda n: "a/" * (n // 2),
    "mixed signs": lambda n: "".join("([{«\"'!?"[(i * i + i // 7) % 8] for i in range(n)),
    "addresses": lambda n: " ".join(["http://" + "a:" * 1_000] * (n // 2_000)),
    "words": lambda n: "Kari sov " * (n // 9),
}


def seconds(function: Callable[[], object]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def read(name: str, content: bytes) -> int:
    return sum(1 for _ in FORMATS[name].read(BytesIO(content), "x", FormatOptions()))


def main() -> None:
    norwegian.words("Ein start .")
    print("| input | " + " | ".join(f"{size:,}" for size in SIZES) + " |")
    print("| --- |" + " --- |" * len(SIZES))
    for name, make in STRETCHES.items():
        row = [seconds(lambda make=make, size=size: norwegian.sentences(make(size))) for size in SIZES]
        print(f"| {name} | " + " | ".join(f"{each:.2f} s" for each in row) + " |")
    for name in FORMATS:
        row = [seconds(lambda name=name, size=size: read(name, b"\n" * size)) for size in SIZES]
        print(f"| empty lines, {name} | " + " | ".join(f"{each:.2f} s" for each in row) + " |")


if __name__ == "__main__":
    main()
