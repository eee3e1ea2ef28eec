"""Train the teachers of the model in the box and label the raw text: box/silver.tsv.xz.

    python box/teachers.py --shared ../shared

Takes about three hours on two cores. Four models: the one in the box; another `best`; `best` with a frozen
encoder that reads whole documents; and the encoder itself, fine-tuned on groups of sentences. Each step is
skipped if its result is there already. `make box` needs none of this: the labels are in the repository. They
were made with the box of commit 471f959, so running this today gives somewhat other labels.
"""

from __future__ import annotations

import argparse
import sys
from itertools import pairwise
from pathlib import Path

from build import norne, run, train

from bilstm_crf.corpus.documents import Documents
from bilstm_crf.corpus.labelled import read_labelled
from bilstm_crf.formats import conllu
from bilstm_crf.formats.base import FormatOptions
from bilstm_crf.inference.ensemble import group_bounds, join
from bilstm_crf.labels import LabelSet

HERE = Path(__file__).parent
GROUPS = (128, 72)  # tokens of the groups in which the encoder reads train; it tags in groups of the first
ENSEMBLE = f"""models = ["../../bilstm_crf/box", "best", "encoder", "best-encoder"]
weights = [1, 1, 2, 1]
groups = [0, 0, {GROUPS[0]}, 0]
"""
TUNING = [
    "encoder.finetune=true",
    "encoder.frozen_layers=4",
    "encoder.layers=last",
    "encoder.learning_rate=1e-4",
    "features=encoder",
    "head=crf",
    "dropout=0.1",
    "optimizer=adam",
    "learning_rate=1e-3",
    "gradient_clip=1",
    "schedule=linear",
    "warmup_fraction=0.06",
    "batch_size=5",
    "batches_per_epoch=620",  # half of an epoch
    "epochs=5",
]
READING = ["encoder.layers=mix", "encoder.context=document", "schedule.epochs=12"]


def write_groups(source: Path, tokens: int, target: Path) -> None:
    """Write consecutive sentences of a document joined, up to so many tokens, as one sentence each."""
    sentences = read_labelled([str(source)], LabelSet.named("full")).sentences
    Documents(None).name(sentences)
    with target.open("wb") as out:
        for start, end in pairwise(group_bounds(sentences, tokens)):
            out.write(conllu.compose(join(sentences[start:end]), FormatOptions(), new_document=False))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--shared", type=Path, default=Path("../shared"), help="folder of the data")
    add("--work", type=Path, default=Path("runs/teachers"), help="folder of intermediate results (10 GB)")
    add("--words", type=int, default=80_000, help="words of each source to label at most")
    given = parser.parse_args()
    shared, work = given.shared, given.work
    files = norne(shared)
    gold = [f"--{split}={path}" for split, paths in files.items() for path in paths]
    encoder = ["--labels=full", "--encoder", shared / "encoders" / "e5-small-no"]
    encoder += ["--set=encoder.precision=bfloat16"]
    best = [
        "--preset=best",
        "--labels=full",
        "--embeddings=joint-sg600",
        "--embeddings-dir",
        work / "vectors",
    ]
    run(shared / "embeddings" / "unpack", work / "vectors", "--only", "joint-sg600")
    run(shared / "text" / "unpack", work / "text")
    train(work / "best", *gold, *best, seed=43)
    train(work / "best-encoder", *gold, *best, *encoder, *(f"--set={each}" for each in READING), seed=44)
    grouped = []
    for split, sizes in (("train", GROUPS), ("dev", GROUPS[:1])):
        for tokens in sizes:
            for source in files[split]:
                target = work / f"{source.stem}-{tokens}.conllu"
                write_groups(source, tokens, target)
                grouped += [f"--{split}={target}"]
    weights = [f"--weight={1 / len(GROUPS)}"] * len(GROUPS) * len(files["train"])
    train(work / "encoder", *grouped, *weights, *encoder, *(f"--set={each}" for each in TUNING))
    (work / "teacher.toml").write_text(ENSEMBLE)
    options = ["--words", given.words, "--sample", 3, "--parts", work / "silver-parts", "--threads", 2]
    label = [HERE / "label.py", "--text", work / "text", "--model", work / "teacher.toml"]
    run(sys.executable, *label, *options, "-o", HERE / "silver.tsv.xz")


if __name__ == "__main__":
    main()
