"""Documents with the names that Python finds, and models of every kind with random weights."""

from __future__ import annotations

import dataclasses
from functools import cache
from itertools import groupby
from pathlib import Path

import numpy as np

from bilstm_crf import Tagger
from bilstm_crf.corpus.documents import Documents
from bilstm_crf.document import Document
from bilstm_crf.embeddings.subwords import Subwords
from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.features.reading import RobustReading
from bilstm_crf.features.vocabulary import Vocabulary
from bilstm_crf.formats import read
from bilstm_crf.labels import ENCODINGS, LabelSet
from bilstm_crf.model.architecture import Architecture
from bilstm_crf.model.model_folder import Model
from bilstm_crf.model.weights import parameter_shapes
from bilstm_crf.sentence import Sentence
from runs import DEV


@cache
def box_tagger() -> Tagger:
    return Tagger.load()


def names_of(document: Document) -> list[tuple[int, int, str, float]]:
    return [(each.start, each.end, each.label, each.score or 0.0) for each in document.spans]


def token_names(sentence: Sentence) -> list[tuple[int, int, str, float]]:
    return [
        (*span, score) for span, score in zip(sentence.token_spans or (), sentence.scores or (), strict=True)
    ]


def tagged(tagger: Tagger, sentences: list[Sentence]) -> list[Sentence]:
    """The sentences as one document, with scores."""
    return list(tagger.annotate(sentences, tagger._decoding({}, texts=False)))


def documents_of(shared: Path) -> list[list[Sentence]]:
    """The documents of NorNE's dev."""
    found = []
    for language, name in (("nob", "no_bokmaal"), ("nno", "no_nynorsk")):
        sentences = [
            each for each in read(shared / "norne" / language / f"{name}-ud-dev.conllu") if each.tokens
        ]
        Documents().name(sentences)
        found += [list(group) for _, group in groupby(sentences, lambda each: each.document)]
    return found


def running_text(sentences: list[Sentence]) -> str:
    """The text of a document, with an empty line after each third sentence."""
    ends = (" ", "\n", "\n\n")
    return "".join((each.text or " ".join(each.tokens)) + ends[i % 3] for i, each in enumerate(sentences))


SMALL = Architecture(character_dim=4, character_filters=6, hidden=10)
KINDS = {
    "one": (SMALL, "iob"),
    "wide": (dataclasses.replace(SMALL, hidden=42, character_width=5), "iobes"),
    "two layers": (dataclasses.replace(SMALL, layers=2), "iobe"),
    "memory": (dataclasses.replace(SMALL, document_memory=7, ensemble_size=2), "iobs"),
    "no characters": (dataclasses.replace(SMALL, characters=False), "iob"),
    "bilstm-linear": (dataclasses.replace(SMALL, head="bilstm-linear"), "iobes"),
    "crf": (dataclasses.replace(SMALL, head="crf", ensemble_size=2), "iob"),
    "linear": (dataclasses.replace(SMALL, head="linear"), "iob"),
}


def random_model(
    architecture: Architecture, encoding: str, *, own_digits: bool = False, dim: int = 12
) -> Model:
    """Random weights; every other word has a row, others vectors from n-grams, or nothing."""
    draw = np.random.default_rng(7)
    labels = ENCODINGS[encoding].labels(["PER", "A</script>"])
    known = list(dict.fromkeys(word for sentence in read(DEV) for word in sentence.tokens))[::2]
    subwords = Subwords(
        ["<ka", "kar", "ari", "ri>", "en>", "er>", "et>", "and"],
        draw.integers(-127, 128, (8, dim)).astype(np.int8),
        np.full(8, 0.01, np.float32),
        draw.normal(size=dim).astype(np.float32),
    )
    reading = RobustReading(known[::3]) if architecture.layers == 1 else None
    vocabulary = Vocabulary(
        known,
        sorted(set("".join(known)))[::2],
        labels,
        "own_first" if own_digits else "zero",
        WordVectors.of_subwords(subwords),
        reading,
    )
    sizes = (len(vocabulary.characters), len(labels), dim)
    weights = {
        name: draw.normal(scale=0.5, size=shape).astype(np.float32)
        for name, shape in parameter_shapes(architecture, *sizes)
    }
    weights["embedding.weight"] = draw.normal(size=(len(known) + 1, dim)).astype(np.float16)
    return Model(
        architecture, vocabulary, encoding, LabelSet.named("file"), weights, {}, subwords, temperature=1.3
    )
