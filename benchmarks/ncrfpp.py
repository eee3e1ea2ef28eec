"""NCRF++ from a checkout of the user's: its configuration, one epoch, its log. Nothing of it lies here."""

from __future__ import annotations

import re
import shutil
import statistics
from collections.abc import Sequence
from pathlib import Path

import measure
from convert import Columns, write_columns

MAX_LENGTH = 250  # NCRF++ drops sentences of so many tokens and more

# The settings that the NorNE paper names, and NCRF++'s defaults.
CONFIG = """\
train_dir={folder}/train
dev_dir={folder}/dev
test_dir={folder}/words
model_dir={folder}/model
word_emb_dir={folder}/vectors
norm_word_emb=False
norm_char_emb=False
number_normalized=True
seg=True
word_emb_dim={dim}
char_emb_dim=30
use_crf=True
use_char=True
word_seq_feature=LSTM
char_seq_feature=CNN
status=train
optimizer=SGD
iteration=1
batch_size=10
ave_batch_loss=False
char_hidden_dim=50
hidden_dim=200
dropout=0.5
lstm_layer=1
bilstm=True
learning_rate=0.015
lr_decay=0.05
momentum=0
l2=1e-8
"""
TRAINED = re.compile(r"^Epoch: \d+ training finished\. Time: [\d.]+s, speed: ([\d.]+)st/s", re.MULTILINE)
MATCHED = re.compile(r"prefect match:(\d+)")  # its spelling: words of the data that have a vector
DECODED = re.compile(r"^Dev: time: [\d.]+s,? speed: ([\d.]+)st/s", re.MULTILINE)


def prepare(folder: Path, train: list[Columns], part: int, dev: list[Columns], vectors: Path) -> Path:
    """Data and configuration of one epoch over the first `part` training sentences.

    NCRF++'s word table holds the words of all its files, and its time grows with that table. So the words
    of the whole training file go into the "test" file as a sentence that it counts and then drops for its
    length: a part of an epoch has the table, and the speed, of a whole one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_columns(train[:part], folder / "train")
    write_columns(dev, folder / "dev")
    everything = [column for sentence in train for column in sentence]
    write_columns([*dev[:10], everything], folder / "words")
    with open(vectors, encoding="utf-8") as stream, open(folder / "vectors", "w", encoding="utf-8") as copy:
        dim = int(stream.readline().split()[1])
        shutil.copyfileobj(stream, copy)  # without the header, which it would take for vectors of dimension 1
    config = folder / "config"
    config.write_text(CONFIG.format(folder=folder, dim=dim), "utf-8")
    return config


def run(checkout: Path, python: str, config: Path, *, threads: int) -> measure.Run:
    """One epoch and the score of dev. Raises FailedError."""
    return measure.run([python, "main.py", "--config", config], threads=threads, cwd=checkout)


def read_log(log: str) -> tuple[float, float]:
    """Sentences a second in training and in decoding dev (reading and writing left out), from its log.

    Raises ValueError where the log has no such lines, or where it found no word's vector: a table of other
    dimensions than asked for has another speed.
    """
    matched = MATCHED.search(log)
    if not matched or matched[1] == "0":
        raise ValueError("NCRF++'s log says that no word of the data has a vector")
    found = [[float(speed) for speed in pattern.findall(log)] for pattern in (TRAINED, DECODED)]
    if not all(found):
        raise ValueError("NCRF++'s log holds no line `… training finished. Time: …s, speed: …st/s`")
    return statistics.median(found[0]), statistics.median(found[1])


def tokens_per_sentence(sentences: Sequence[Columns]) -> float:
    """Count the sentences that NCRF++ does not drop."""
    return statistics.fmean(len(sentence) for sentence in sentences if len(sentence) < MAX_LENGTH)
