"""Damage vector files of every format at random, and check that each is read or is one InputError.

    python fuzz/vectors.py --seconds 600 --seed 1

Exits with 1 and keeps the file where anything else is raised, or where a file takes much time or memory.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import io
import lzma
import random
import resource
import struct
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bilstm_crf.embeddings.read import convert
from bilstm_crf.errors import InputError

SLOW = 5.0  # seconds
MEMORY = 4 << 30  # bytes of address space
INTERESTING = [0, 1, 2, 3, 10, 32, 44, 48, 127, 128, 255]


def bases() -> dict[str, bytes]:
    """Small whole files: format → content."""
    words = ["og", "i", "Oslo", "blåbær", "17.", "EU-land"]
    rows = np.random.default_rng(0).normal(size=(len(words), 5)).astype("<f4")
    body = "".join(f"{w} {' '.join(map(str, row.tolist()))}\n" for w, row in zip(words, rows, strict=True))
    text = f"{len(words)} 5\n{body}".encode()
    binary = b"6 5\n" + b"".join(
        word.encode() + b" " + row.tobytes() + b"\n" for word, row in zip(words, rows, strict=True)
    )
    found = {"text": text, "glove": body.encode(), "binary": binary, "tabs": text.replace(b" ", b"\t")}
    found |= {"gz": gzip.compress(text), "bz2": bz2.compress(text), "xz": lzma.compress(text)}
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as archive:
            archive.writestr("58/model.txt", text)
            archive.writestr("58/meta.json", b"{}")
        found[f"zip {method}"] = stream.getvalue()
    found |= gensim_files(words)
    found["fasttext gz"] = gzip.compress(found["fasttext"])
    return found


def gensim_files(words: list[str]) -> dict[str, bytes]:
    from gensim.models import FastText, KeyedVectors
    from gensim.models.fasttext import save_facebook_model

    vectors = KeyedVectors(3)
    vectors.add_vectors(words, np.random.default_rng(0).normal(size=(len(words), 3)).astype(np.float32))
    model = FastText([words] * 5, vector_size=3, min_count=1, bucket=20, epochs=1, workers=1, seed=1)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        writers: dict[str, Callable[[str], None]] = {
            "native": vectors.save,
            "native fasttext": model.wv.save,
            "native model": model.save,
            "fasttext": lambda name: save_facebook_model(model, name),
        }
        for name, write in writers.items():
            write(str(path))
            found[name] = path.read_bytes()
    return found


def damage(content: bytes, chosen: random.Random) -> bytes:
    """The content with a few bytes, numbers or stretches changed, or cut short."""
    data = bytearray(content)
    for _ in range(chosen.choice([1, 1, 1, 2, 4, 16])):
        if not data:
            break
        at = chosen.randrange(len(data))
        kind = chosen.randrange(7)
        if kind == 0:
            data[at] ^= 1 << chosen.randrange(8)
        elif kind == 1:
            data[at] = chosen.choice(INTERESTING)
        elif kind == 2:
            del data[at:]
        elif kind == 3:
            del data[at : at + chosen.randrange(1, 20)]
        elif kind == 4:
            number = chosen.choice([-1, 0, 1, 1 << 7, 1 << 20, (1 << 31) - 1, -(1 << 31)])
            data[at : at + 4] = struct.pack("<i", number)
        elif kind == 5:
            number = chosen.choice([-1, 0, 1 << 20, 1 << 32, 1 << 40, (1 << 63) - 1, -(1 << 63)])
            data[at : at + 8] = struct.pack("<q", number)
        else:
            start = chosen.randrange(len(data))
            data[at:at] = data[start : start + chosen.randrange(1, 40)] * chosen.choice([1, 1, 50])
    return bytes(data)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz/found"))
    options = parser.parse_args()
    chosen = random.Random(options.seed)
    whole = bases()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore")
    counts: Counter[str] = Counter()
    messages: Counter[str] = Counter()
    end = time.monotonic() + options.seconds
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        path, folder = Path(scratch) / "x.bin", Path(scratch) / "tables"
        folder.mkdir()
        while time.monotonic() < end:
            name = chosen.choice(list(whole))
            path.write_bytes(damage(whole[name], chosen))
            began = time.monotonic()
            try:
                convert(path, folder)
                outcome = "read"
            except InputError as error:
                outcome = "refused"
                messages[str(error).split(": ", 1)[-1][:60]] += 1
            except BaseException:
                outcome = "FAILED"
                traceback.print_exc()
            if time.monotonic() - began > SLOW:
                outcome = "SLOW"
            counts[outcome] += 1
            if outcome.isupper():
                failed += 1
                options.keep.mkdir(parents=True, exist_ok=True)
                kept = options.keep / f"vectors-{options.seed}-{failed}-{name.replace(' ', '_')}"
                kept.write_bytes(path.read_bytes())
                print(f"{outcome}: {kept}")
    print(dict(counts), f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
