"""Fine-tune a trained model on other data, perhaps with other labels: copy what the new network shares.

Words, characters and labels that both models know keep their weights; new ones start as in any training.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bilstm_crf.errors import UsageError
from bilstm_crf.model.architecture import Architecture
from bilstm_crf.model.model_folder import Model

# Of an architecture: these have no weights and may differ
NO_WEIGHTS = ("dropout", "input_dropout", "recurrent_dropout", "memory_free_loss_weight")
BY_LABEL = ("to_labels.weight", "to_labels.bias", "crf.start_transitions", "crf.end_transitions")


def require_same_network(new: Architecture, old: Architecture) -> None:
    """Raise UsageError where the two networks' weights differ in number or shape."""
    differing = [
        f"{name} {getattr(old, name)}, not {value}"
        for name, value in vars(new).items()
        if value != getattr(old, name) and name not in NO_WEIGHTS
    ]
    if differing:
        raise UsageError(f"the model to fine-tune has another network: {', '.join(differing)}")


def copy_weights(old: Model, new: Model) -> None:
    """Copy the weights that both networks share, in place, but not the word table (`vectors_of` brings it).

    Raises UsageError where the networks differ in size.
    """
    require_same_network(new.architecture, old.architecture)
    mine, theirs = _shared(new.vocabulary.labels, old.vocabulary.labels)
    # The first character, of unknown ones, has no name
    characters = (["", *each.vocabulary.characters] for each in (new, old))
    to_characters, from_characters = _shared(*characters)
    for name, weight in new.weights.items():
        given = old.weights[name]
        if name == "embedding.weight":
            weight[0] = given[0]  # unknown words
        elif name.endswith(".crf.transitions"):
            weight[np.ix_(mine, mine)] = given[np.ix_(theirs, theirs)]
        elif name.endswith(BY_LABEL):
            weight[mine] = given[theirs]
        elif name == "char_cnn.embedding.weight":
            weight[to_characters] = given[from_characters]
        else:
            weight[...] = given


def _shared(new: Sequence[str], old: Sequence[str]) -> tuple[list[int], list[int]]:
    """Return the places in each list of the names that are in both."""
    place = {name: number for number, name in enumerate(old)}
    both = [(number, place[name]) for number, name in enumerate(new) if name in place]
    return [mine for mine, _ in both], [theirs for _, theirs in both]
