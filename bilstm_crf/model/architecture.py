"""The sizes and the parts of a network: all that its weights do not say themselves."""

from __future__ import annotations

from dataclasses import dataclass

from bilstm_crf.config import Masks


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
