"""Build the model in the box from ../shared: `make box`.

Steps, each skipped if its result is there already (training resumes where it was interrupted):

    vectors   unpack joint-sg600
    text      unpack the raw text
    teacher   train the preset `best` on Bokmål and Nynorsk
    labels    label the raw text with the teacher (label.py)
    silver    put the raw text and its labels together (silver.py)
    student   train a small, fast, robust `best` on NorNE and the silver text
    box       pack the student into bilstm_crf/box, calibrate its scores, and write its card (card.py)
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
BOX = HERE.parent / "bilstm_crf" / "box"
STUDENT = {
    "lstm.hidden": 160,
    "words.robust": "true",
    "words.min_count": 5,
    "data.caseless": 0.2,
}
SILVER_WEIGHT = 0.1  # of 373,402 sentences an epoch: 1.2 times the sentences of NorNE


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
        "--work", type=Path, default=Path("runs/box"), help="folder of intermediate results (4 GB)"
    )
    given = parser.parse_args()
    shared, work = given.shared, given.work
    vectors, text = work / "vectors", work / "text"
    run(shared / "embeddings" / "unpack", vectors, "--only", "joint-sg600")
    run(shared / "text" / "unpack", text)
    files = norne(shared)
    gold = [f"--{split}={path}" for split, paths in files.items() for path in paths]
    common = ["--preset=best", "--labels=full", "--embeddings=joint-sg600", "--embeddings-dir", vectors]
    train(work / "teacher", *gold, *common)
    silver, labels = work / "silver.conllu", work / "silver.tsv.xz"
    if not labels.exists():
        options = ["--text", text, "--model", work / "teacher", "--parts", work / "silver-parts"]
        run(sys.executable, HERE / "label.py", *options, "-o", labels)
    if not silver.exists():
        run(sys.executable, HERE / "silver.py", "--text", text, "--labels", labels, "-o", silver)
    settings = [f"--set={name}={value}" for name, value in STUDENT.items()]
    weights = [f"--weight={weight}" for weight in (1, 1, SILVER_WEIGHT)]
    train(work / "student", *gold, f"--train={silver}", *weights, *common, *settings)
    packed = work / "packed"
    shutil.rmtree(packed, ignore_errors=True)
    run(*program("model", "pack", "--model", work / "student", "-o", packed))
    run(*program("model", "calibrate", "--model", packed, *[f"--dev={path}" for path in files["dev"]]))
    for old in BOX.glob("weights-*"):
        old.unlink()
    shutil.copytree(packed, BOX, dirs_exist_ok=True)
    run(
        sys.executable,
        HERE / "card.py",
        "--shared",
        shared,
        "--teacher",
        work / "teacher",
        "--student",
        work / "student",
    )


if __name__ == "__main__":
    main()
