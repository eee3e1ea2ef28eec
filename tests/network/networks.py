"""What the tests of the network share: a small network with weights of every sign, and its batches."""

import numpy as np
import torch

from bilstm_crf.batching import Batch, make_batch
from bilstm_crf.network.model import Architecture, BiLSTMCRF
from bilstm_crf.vocabulary import Vocabulary

LABELS = ["O", "B-PER", "I-PER", "B-ORG"]
SMALL = Architecture(character_dim=3, character_filters=4, hidden=6)

SENTENCES = [
    ["Kari", "bur", "i", "Oslo"],
    ["Ja"],
    ["i", "Å", "i", "i", "ukjendeord", "Oslo", "bur"],
    ["Kari", "Kari"],
    ["ukjendeord"],
]
GOLD = [[LABELS[(row + column) % 4] for column in range(len(s))] for row, s in enumerate(SENTENCES)]
VOCABULARY = Vocabulary(["Kari", "bur", "i", "Oslo", "Ja", "Å"], "Karibuos", LABELS)


def network(architecture: Architecture = SMALL, word_dim: int = 5) -> BiLSTMCRF:
    """In evaluation mode, in float64: equal means equal to some 15 digits. The CRF's scores are random."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        table = torch.randn(len(VOCABULARY.words) + 1, word_dim)
        made = BiLSTMCRF(architecture, len(VOCABULARY.characters), len(LABELS), table)
        for parameter in made.crf.parameters():
            torch.nn.init.normal_(parameter)
    return made.double().eval()


def batch_of(*chosen: int) -> Batch:
    """The batch of these sentences; of all where none is named."""
    encoded = VOCABULARY.encode(SENTENCES, GOLD)
    return make_batch(encoded, np.array(chosen or range(len(SENTENCES))))
