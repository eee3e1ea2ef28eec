"""The sizes and the parts of a network: all that its weights do not say themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bilstm_crf.config import Masks, RunConfig
from bilstm_crf.util import fields

# The settings of a configuration that a field holds
PATHS = {
    "character_dim": "characters.dim",
    "character_filters": "characters.filters",
    "character_width": "characters.width",
    "hidden": "lstm.hidden",
    "layers": "lstm.layers",
    "members": "network.ensemble_size",
    "dropout": "network.dropout",
    "input_dropout": "network.input_dropout",
    "recurrent_dropout": "lstm.recurrent_dropout",
    "document_memory": "document_memory.size",
    "memory_alone": "document_memory.memory_free_loss_weight",
    "head": "network.head",
}


@dataclass(frozen=True)
class Architecture:
    """The defaults are NCRF++'s, which the NorNE paper took."""

    character_dim: int = 30
    character_filters: int = 50
    character_width: int = 3
    hidden: int = 200  # both directions together
    layers: int = 1
    members: int = 1  # that read the same words; their scores are averaged
    dropout: float = 0.5
    input_dropout: Masks = "token"
    recurrent_dropout: float = 0.0  # of the BiLSTM's weights from state to state
    document_memory: int = 0  # dimensions of what a name's other occurrences are read as; 0: they are not
    memory_alone: float = 0.0  # the share of the loss that is of each sentence without it
    head: str = "bilstm-crf"  # or without one of the two, or `linear`, without either
    characters: bool = True  # whether there is a character CNN
    contextual_dim: int = 0  # of each token's vector by an encoder; 0: there is none
    contextual_layers: int = 0  # so many of them come for a scalar mix; 0: one vector

    @classmethod
    def of(cls, config: RunConfig, *, contextual_dim: int = 0, contextual_layers: int = 0) -> Architecture:
        """Return the architecture of a run's network; an encoder says its own sizes."""
        values: dict[str, Any] = {name: fields.get(config, path) for name, path in PATHS.items()}
        values["characters"] = "char" in config.features
        return cls(**values, contextual_dim=contextual_dim, contextual_layers=contextual_layers)

    def settings(self) -> dict[str, Any]:
        """Return the settings of a configuration that make such a network, by path, but for the features."""
        return {path: getattr(self, name) for name, path in PATHS.items()}
