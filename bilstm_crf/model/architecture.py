"""The sizes and parts of a network: everything that its weights do not say themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from bilstm_crf.config import Head, Masks, RunConfig
from bilstm_crf.util.fields import get
from bilstm_crf.util.records import Bounds

Size = Annotated[int, Bounds(0, 1 << 31)]

# The settings of a configuration that a field holds
PATHS = {
    "character_dim": "characters.dim",
    "character_filters": "characters.filters",
    "character_width": "characters.width",
    "hidden": "lstm.hidden",
    "layers": "lstm.layers",
    "ensemble_size": "network.ensemble_size",
    "dropout": "network.dropout",
    "input_dropout": "network.input_dropout",
    "recurrent_dropout": "lstm.recurrent_dropout",
    "document_memory": "document_memory.size",
    "memory_free_loss_weight": "document_memory.memory_free_loss_weight",
    "head": "network.head",
}
# In model.json of version 0.1.0
OLD_NAMES = {"members": "ensemble_size", "memory_alone": "memory_free_loss_weight"}


@dataclass(frozen=True)
class Architecture:
    """The defaults are NCRF++'s, as in the NorNE paper. Raises UsageError for a value out of bounds."""

    character_dim: Size = 30
    character_filters: Size = 50
    character_width: Size = 3
    hidden: Size = 200  # both directions together
    layers: Size = 1
    ensemble_size: Size = 1  # taggers that read the same words; their scores are averaged
    dropout: float = 0.5
    input_dropout: Masks = "token"
    recurrent_dropout: float = 0.0  # of the BiLSTM's weights from state to state
    document_memory: Size = 0  # units of the document memory's layer; 0: no memory
    memory_free_loss_weight: float = 0.0  # share of the loss of each sentence without the memory
    head: Head = "bilstm-crf"  # without one of the two, or `linear`, without either
    characters: bool = True  # whether there is a character CNN
    contextual_dim: Size = 0  # of an encoder's vector of a token; 0: no encoder
    contextual_layers: Size = 0  # of an encoder, for a scalar mix; 0: one vector

    @classmethod
    def of(cls, config: RunConfig, *, contextual_dim: int = 0, contextual_layers: int = 0) -> Architecture:
        """Return the architecture of a run's network; an encoder says its own sizes."""
        values: dict[str, Any] = {name: get(config, path) for name, path in PATHS.items()}
        values["characters"] = "char" in config.features
        return cls(**values, contextual_dim=contextual_dim, contextual_layers=contextual_layers)

    def __post_init__(self) -> None:
        RunConfig().replace(self.settings())

    def settings(self) -> dict[str, Any]:
        """Return the settings of a configuration that make such a network, by path, except the features."""
        return {path: getattr(self, name) for name, path in PATHS.items()}
