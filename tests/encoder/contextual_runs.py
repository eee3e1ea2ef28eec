"""A corpus whose names a tiny random encoder can find, and runs on it that take a fraction of a second."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bilstm_crf import Tagger
from bilstm_crf.config import RunConfig
from bilstm_crf.corpus.labelled import read_labelled
from bilstm_crf.encoder.contextual import TrainableFeatures
from bilstm_crf.encoder.encoder import Encoder
from bilstm_crf.features.batches import Batch, make_batch
from bilstm_crf.labels import ENCODINGS, LabelSet
from bilstm_crf.model.model_folder import Model, save_model
from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.training.build import build_model
from bilstm_crf.training.pretrained import Pretrained
from runs import TINY

Found = list[list[TokenSpan]]  # in each sentence
SENTENCES = 16
PHRASES = (["Kari", "PER"], ["Oslo", "GPE_LOC"], ["nord", "mann", "ORG"])
OTHERS = (["bur"], ["i"], ["ikke"], ["blåbær"], [","], ["mannen"], ["ho"])  # the last two in several subwords


def write_corpus(path: Path, *, sentences: int = SENTENCES, seed: int = 0) -> Path:
    """CoNLL-U with `# newdoc` before every fourth sentence; every other phrase is a name."""
    chance = random.Random(seed)
    lines: list[str] = []
    for number in range(sentences):
        if number % 4 == 0:
            lines.append(f"# newdoc id = {number // 4}")
        words: list[tuple[str, str]] = []
        for _ in range(chance.randint(1, 4)):
            *phrase, type_ = chance.choice(PHRASES)
            labels = ENCODINGS["iob"].prefixes(len(phrase))
            words += zip(phrase, (f"{prefix}-{type_}" for prefix in labels), strict=True)
            words += ((word, "O") for word in chance.choice(OTHERS))
        lines += (
            f"{at}\t{word}" + "\t_" * 7 + f"\tname={label}" for at, (word, label) in enumerate(words, 1)
        )
        lines.append("")
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def tiny_config(folder: Path, encoder: Path | None, **changes: Any) -> RunConfig:
    """A run on the corpus, which is dev as well. `changes` as `runs.small_config` takes them."""
    corpus = str(write_corpus(folder / "corpus.conllu"))
    settings = {"batch_size": 2, "epochs": 3, "optimizer": "adam", "learning_rate": 0.03}
    files = {"train": [corpus], "dev": [corpus], "encoder": encoder and str(encoder)}
    return RunConfig().replace({**TINY, **settings, "embedding_lr_scale": 5, **files}).replace(**changes)


def corpus_of(config: RunConfig) -> list[Sentence]:
    return read_labelled(config.data.dev, LabelSet.named(config.data.labels)).sentences


def batch_of(model: Model, sentences: Sequence[Sentence], *numbers: int) -> Batch:
    """The sentences with these numbers, and their gold labels; all of them where no number is given."""
    encoding = ENCODINGS[model.encoding]
    gold = [encoding.encode(sentence.token_spans or [], len(sentence)) for sentence in sentences]
    encoded = model.vocabulary.encode([sentence.tokens for sentence in sentences], gold)
    return make_batch(encoded, np.array(numbers or range(len(sentences))))


def untrained(config: RunConfig) -> Model:
    """A model that finds names of all types everywhere, so that a change of any input changes some.

    Its random weights are stretched and moved until each label's scores have mean 0 and deviation 3.
    """
    sentences = corpus_of(config)
    encoder = None if config.encoder is None else Encoder.load(config.encoder.name)
    model = build_model(config, sentences, Pretrained(encoder=encoder))
    batch = batch_of(model, sentences)
    network, use = model.network.eval(), model.contextual
    with torch.no_grad():
        vectors = (
            None if use is None else TrainableFeatures(use.encoder, sentences, use.settings).of(batch.layout)
        )
        scores = network.emissions(batch, vectors)  # (N, K)
        network.members[0].to_labels.weight.mul_((3 / scores.std(0)).unsqueeze(1))
        network.members[0].to_labels.bias.copy_(
            (network.members[0].to_labels.bias - scores.mean(0)) * 3 / scores.std(0)
        )
    return model


def save(folder: Path, encoder: Path, *, embed: bool = False, **settings: Any) -> tuple[Model, Found]:
    """A model in `model` of the folder, and what it finds in the corpus."""
    config = tiny_config(folder, encoder, **settings)
    model = untrained(config)
    save_model(model, folder / "model", None, embed_encoder=embed)
    found = Tagger(model).predict(corpus_of(config))
    assert sum(map(len, found)) > 10
    return model, found


def found_by(model: Path, **options: Any) -> Found:
    """What a saved model finds in the corpus; `options` of `Tagger.load`."""
    return Tagger.load(model, **options).predict(corpus_of(tiny_config(model.parent, None)))


def disguise(encoder: Path) -> None:
    """Makes another encoder of it, though one that fits."""
    path = encoder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "layer_norm_eps": 0.1}))
