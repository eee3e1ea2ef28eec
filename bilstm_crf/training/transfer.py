"""Going on with a trained model on other data, perhaps with other labels: what the new network takes over.

Words, characters and labels that both know keep their weights; what is new begins as in any training.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bilstm_crf.embeddings.vectors import Source, WordVectors
from bilstm_crf.errors import UsageError
from bilstm_crf.features.vocabulary import Vocabulary
from bilstm_crf.model.architecture import Architecture
from bilstm_crf.model.model_folder import Model, weights_of

# Of an architecture: these may differ
NO_WEIGHTS = ("dropout", "input_dropout", "recurrent_dropout", "memory_alone")


def vectors_of(model: Model, folder: str) -> WordVectors | None:
    """The model's words and their table, as vectors that another network begins with; None: it has none."""
    if model.word_table.shape[1] == 0:
        return None
    words = list(model.vocabulary.words)
    matrix = model.word_table.astype(np.float32)[1:]
    weights, sha256 = weights_of(folder)
    source = Source(
        file=weights.name,
        format="a trained model",
        bytes=weights.stat().st_size,
        sha256=sha256,
        words=len(words),
        dim=matrix.shape[1],
        skipped={},
    )
    subword = None if model.subwords is None else model.subwords.vector
    return WordVectors(Path(folder).name, words, matrix, subword, source, subwords=model.subwords)


def require_same_network(new: Architecture, old: Architecture) -> None:
    """Raises UsageError where the weights of the one are not those of the other in number."""
    differing = [
        f"{name} {getattr(old, name)}, not {value}"
        for name, value in vars(new).items()
        if value != getattr(old, name) and name not in NO_WEIGHTS
    ]
    if differing:
        raise UsageError(f"the model to begin with has another network: {', '.join(differing)}")


def take_over(new: Model, old: Model) -> list[str]:
    """Fill the new model's weights in place with the old one's, except the word table (see `vectors_of`).

    Returns the labels that both have. Raises UsageError where the networks are of different sizes.
    """
    require_same_network(new.architecture, old.architecture)
    by_label = ("to_labels.weight", "to_labels.bias", "crf.start_transitions", "crf.end_transitions")
    labels = _shared(new.vocabulary.labels, old.vocabulary.labels)
    characters = _shared(_characters(new.vocabulary), _characters(old.vocabulary))
    given = old.weights
    for name, weight in new.weights.items():
        if name == "embedding.weight":
            weight[0] = given[name][0]  # the unknown word
        elif name.endswith(".crf.transitions"):
            weight[np.ix_(labels[0], labels[0])] = given[name][np.ix_(labels[1], labels[1])]
        elif name.endswith(by_label):
            weight[labels[0]] = given[name][labels[1]]
        elif name == "char_cnn.embedding.weight":
            weight[characters[0]] = given[name][characters[1]]
        else:
            weight[...] = given[name]
    return [new.vocabulary.labels[number] for number in labels[0]]


def _characters(vocabulary: Vocabulary) -> list[str]:
    """By id; the first one, of unknown characters, has no name."""
    return ["", *vocabulary.characters]


def _shared(new: list[str], old: list[str]) -> tuple[list[int], list[int]]:
    """Where the names that both have stand in each."""
    place = {name: number for number, name in enumerate(old)}
    both = [(number, place[name]) for number, name in enumerate(new) if name in place]
    return [mine for mine, _ in both], [theirs for _, theirs in both]
