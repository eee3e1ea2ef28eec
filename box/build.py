"""Build the model in the box from ../shared: `make box`.

Steps, each skipped if its result is there already (training resumes where it was interrupted):

    text      unpack the raw text
    vectors   train word vectors on it
    silver    put the raw text together with its labels, silver.tsv.xz, which an ensemble made (teachers.py)
    student   train a small, fast, robust `best` on NorNE and the silver text
    box       pack the student into bilstm_crf/box, calibrate its scores, and write its card (card.py)
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from text import write_for_vectors

HERE = Path(__file__).parent
BOX = HERE.parent / "bilstm_crf" / "box"
VECTORS = {"dim": 600, "min-count": 5, "workers": 1}  # with one worker, the same bytes each time
STUDENT = {
    "lstm.hidden": 300,
    "network.dropout": 0.3,
    "schedule.epochs": 16,
    "words.robust": "true",
    "words.min_count": 5,
    "data.caseless": 0.2,
    "batch_size": 20,
    "optimizer.learning_rate": 0.004,
    "embedding_lr_scale": 3.75,
    "optimizer.averaging": 0.999,
}
SIZE = 13.5  # megabytes of the packed model at most
SILVER_WEIGHT = 0.2  # of 201,075 sentences an epoch (three labellings of each): 1.3 times those of NorNE


def run(*command: object) -> None:
    """Run a command, and show it. Raises CalledProcessError."""
    words = [str(word) for word in command]
    print("$", *words, flush=True)
    subprocess.run(words, check=True)


def program(*words: object) -> list[object]:
    return [sys.executable, "-m", "bilstm_crf", *words]


def train(folder: Path, *options: object, seed: int = 42) -> None:
    """Train a model, or go on with a training that was interrupted."""
    if (folder / "metrics.json").exists():
        return
    if (folder / "config.json").exists():
        run(*program("train", "--resume", folder))
    else:
        run(*program("train", *options, "--output", folder, "--seed", seed, "--threads", 2))


def norne(shared: Path) -> dict[str, list[Path]]:
    """Return the training and dev files of both standards."""
    standards = (("nob", "no_bokmaal"), ("nno", "no_nynorsk"))
    return {
        split: [shared / "norne" / folder / f"{name}-ud-{split}.conllu" for folder, name in standards]
        for split in ("train", "dev")
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder of the data")
    parser.add_argument(
        "--work", type=Path, default=Path("runs/box"), help="folder of intermediate results (1 GB)"
    )
    given = parser.parse_args()
    shared, work = given.shared, given.work
    text, vectors, silver = work / "text", work / "vectors", work / "silver.conllu"
    run(shared / "text" / "unpack", text)
    if not (vectors / "box.bin").exists():
        vectors.mkdir(parents=True, exist_ok=True)
        write_for_vectors(text, work / "text.txt")
        sizes = [f"--{name}={value}" for name, value in VECTORS.items()]
        run(*program("embeddings", "train", work / "text.txt", "-o", vectors / "box.bin", *sizes))
    if not silver.exists():
        labels = HERE / "silver.tsv.xz"
        run(sys.executable, HERE / "silver.py", "--text", text, "--labels", labels, "--drawn", "-o", silver)
    files = norne(shared)
    gold = [f"--{split}={path}" for split, paths in files.items() for path in paths]
    settings = [f"--set={name}={value}" for name, value in STUDENT.items()]
    settings += ["--preset=best", "--labels=full", "--embeddings", vectors / "box.bin"]
    weights = [f"--weight={weight}" for weight in (1, 1, SILVER_WEIGHT)]
    train(work / "student", *gold, f"--train={silver}", *weights, *settings)
    packed = work / "packed"
    shutil.rmtree(packed, ignore_errors=True)
    small = ["--size", SIZE, "--embeddings", vectors / "box.bin"]
    run(*program("model", "pack", "--model", work / "student", "-o", packed, *small))
    run(*program("model", "calibrate", "--model", packed, *[f"--dev={path}" for path in files["dev"]]))
    for old in BOX.glob("weights-*"):
        old.unlink()
    shutil.copytree(packed, BOX, dirs_exist_ok=True)
    run(sys.executable, HERE / "card.py", "--shared", shared, "--student", work / "student")


if __name__ == "__main__":
    main()
