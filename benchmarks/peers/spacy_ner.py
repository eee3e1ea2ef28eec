"""spaCy's `ner` with its default tok2vec, on a blank Norwegian pipeline: no word vectors, no CRF."""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path

import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

import common


def train(arguments: argparse.Namespace) -> float:
    """One epoch; tokens a second."""
    spacy.util.fix_random_seed(42)
    nlp = spacy.blank("nb")
    nlp.add_pipe("ner")
    given = common.read_columns(arguments.train)
    examples = []
    for columns in given:
        gold = Doc(nlp.vocab, words=[word for word, _ in columns])
        gold.set_ents([Span(gold, start, end, label=kind) for start, end, kind in common.spans(columns)])
        examples.append(Example(Doc(nlp.vocab, words=[word for word, _ in columns]), gold))
    optimizer = nlp.initialize(lambda: examples)
    random.shuffle(examples)
    started = time.perf_counter()
    for start in range(0, len(examples), common.BATCH):
        nlp.update(examples[start : start + common.BATCH], sgd=optimizer, drop=0.1)
    seconds = time.perf_counter() - started
    nlp.to_disk(Path(arguments.model) / "model")
    return common.count(given) / seconds


def load(arguments: argparse.Namespace) -> common.Tag:
    """The saved pipeline; it gets words, so its tokeniser has no part in it."""
    nlp = spacy.load(Path(arguments.model) / "model")

    def tag(words: list[list[str]]) -> list[Doc]:
        return list(nlp.pipe(Doc(nlp.vocab, words=sentence) for sentence in words))

    return tag


if __name__ == "__main__":
    common.main("spacy", train, load)
