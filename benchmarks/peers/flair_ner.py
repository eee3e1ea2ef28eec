"""Flair's SequenceTagger with word vectors (fine-tuned), characters, a BiLSTM and a CRF.

Its own epoch is timed by its own hooks. Left as Flair has them: dropouts, SGD, gradient clipping.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import flair
from flair.data import Corpus, Dictionary, Sentence
from flair.datasets import FlairDatapointDataset
from flair.embeddings import CharacterEmbeddings, StackedEmbeddings, WordEmbeddings
from flair.models import SequenceTagger
from flair.trainers import ModelTrainer
from flair.trainers.plugins import TrainerPlugin

import common


class Watch(TrainerPlugin):
    """When the epoch began and ended."""

    @TrainerPlugin.hook
    def before_training_epoch(self, **_: Any) -> None:
        self.started = time.perf_counter()

    @TrainerPlugin.hook
    def after_training_epoch(self, **_: Any) -> None:
        self.seconds = time.perf_counter() - self.started


def sentences(path: str) -> list[Sentence]:
    """The sentences of a two-column file, with their entities."""
    made = []
    for columns in common.read_columns(path):
        sentence = Sentence([word for word, _ in columns])
        for start, end, entity_type in common.spans(columns):
            sentence[start:end].add_label("ner", entity_type)
        made.append(sentence)
    return made


def train(arguments: argparse.Namespace) -> float:
    """One epoch; tokens a second."""
    flair.set_seed(42)
    given = sentences(arguments.train)
    corpus = Corpus(
        FlairDatapointDataset(given),
        FlairDatapointDataset(sentences(arguments.dev)[:10]),
        sample_missing_splits=False,
    )
    characters = Dictionary()  # Flair's own list of characters would be a download
    for sentence in given:
        for character in sentence.to_plain_string():
            characters.add_item(character)
    stacked = StackedEmbeddings(
        [
            WordEmbeddings(arguments.vectors, fine_tune=True),
            CharacterEmbeddings(characters, char_embedding_dim=30, hidden_size_char=25),
        ]
    )
    tagger = SequenceTagger(
        stacked,
        tag_dictionary=corpus.make_label_dictionary("ner", add_unk=False),
        tag_type="ner",
        tag_format="BIO",
        hidden_size=common.HIDDEN,
        reproject_embeddings=False,
    )
    watch = Watch()
    ModelTrainer(tagger, corpus).train(
        Path(arguments.model) / "log",
        learning_rate=0.015,
        mini_batch_size=common.BATCH,
        max_epochs=1,
        save_final_model=False,
        plugins=[watch],
    )
    tagger.save(Path(arguments.model) / "model.pt")
    return common.count(given) / watch.seconds


def load(arguments: argparse.Namespace) -> common.Tag:
    """The saved tagger; Sentence objects are made as a user has to make them, and counted."""
    tagger = SequenceTagger.load(Path(arguments.model) / "model.pt")

    def tag(words: list[list[str]]) -> list[Sentence]:
        given = [Sentence(sentence) for sentence in words]
        tagger.predict(given, mini_batch_size=common.TAG_BATCH)
        return given

    return tag


if __name__ == "__main__":
    common.main("flair", train, load)
