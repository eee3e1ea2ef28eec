"""Stanza's NER: word vectors (fine-tuned), a character LSTM, a BiLSTM and a CRF.

Without the character language model of its published models, which would be a download. Its own update and
predict are timed; its command would score dev and save in between.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from stanza.models.common.doc import NER, TEXT, Document
from stanza.models.common.pretrain import Pretrain
from stanza.models.ner.data import DataLoader
from stanza.models.ner.trainer import Trainer
from stanza.models.ner_tagger import parse_args

import common


def document(sentences: list[common.Columns]) -> Document:
    """Sentences of words with labels as Stanza holds them."""
    return Document(
        [
            [{"id": [at], TEXT: word, NER: label} for at, (word, label) in enumerate(sentence, start=1)]
            for sentence in sentences
        ]
    )


def pretrain(arguments: argparse.Namespace) -> Pretrain:
    """The word vectors; converted once to Stanza's own file."""
    converted = Path(arguments.model) / "pretrain.pt"
    return Pretrain(str(converted), None if converted.exists() else arguments.vectors)


def settings(vectors: Pretrain, model: str) -> dict[str, Any]:
    """Stanza's defaults, with our sizes and on the CPU."""
    given = {"hidden_dim": common.HIDDEN, "batch_size": common.BATCH, "word_emb_dim": vectors.emb.shape[1]}
    options = [text for name, value in given.items() for text in (f"--{name}", str(value))]
    return parse_args([*options, "--shorthand", "nb_norne", "--save_dir", model, "--cpu"])


def train(arguments: argparse.Namespace) -> float:
    """One epoch; tokens a second."""
    given = common.read_columns(arguments.train)
    vectors = pretrain(arguments)
    options = settings(vectors, arguments.model)
    loader = DataLoader(
        document(given), options["batch_size"], options, vectors, max_batch_words=options["max_batch_words"]
    )
    trainer = Trainer(args=options, vocab=loader.vocab, pretrain=vectors, device="cpu")
    started = time.perf_counter()
    for batch in loader:
        trainer.update(batch)
    seconds = time.perf_counter() - started
    trainer.save(str(Path(arguments.model) / "model.pt"))
    return common.count(given) / seconds


def load(arguments: argparse.Namespace) -> common.Tag:
    """The saved tagger; Stanza's documents are made as a user has to make them, and counted."""
    vectors = pretrain(arguments)
    trainer = Trainer(
        args={"device": "cpu"}, model_file=str(Path(arguments.model) / "model.pt"), pretrain=vectors
    )

    def tag(words: list[list[str]]) -> list[Any]:
        given = document([[(word, "O") for word in sentence] for sentence in words])
        loader = DataLoader(
            given, common.TAG_BATCH, trainer.args, vectors, vocab=trainer.vocab, evaluation=True
        )
        return [trainer.predict(batch) for batch in loader]

    return tag


if __name__ == "__main__":
    common.main("stanza", train, load)
