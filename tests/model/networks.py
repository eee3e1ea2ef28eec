"""What the tests of the network share: a small network with weights of every sign, and its batches."""

import numpy as np
import torch

from bilstm_crf.features.batches import Batch, layout_of, make_batch
from bilstm_crf.features.vocabulary import Vocabulary
from bilstm_crf.inference.network import Transitions, best_paths, mean_transitions
from bilstm_crf.model.architecture import Architecture
from bilstm_crf.model.network import BiLSTMCRF

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
        for member in made.members:
            for parameter in member.crf.parameters():
                torch.nn.init.normal_(parameter)
    return made.double().eval()


def batch_of(*chosen: int) -> Batch:
    """The batch of these sentences; of all where none is named."""
    encoded = VOCABULARY.encode(SENTENCES, GOLD)
    return make_batch(encoded, np.array(chosen or range(len(SENTENCES))))


def by_sentence(packed: torch.Tensor, batch_sizes: torch.Tensor | np.ndarray) -> list[torch.Tensor]:
    """Each sentence's own part (T, ...) of what is in packed order (N, ...), by its definition."""
    parts: list[list[torch.Tensor]] = [[] for _ in range(int(batch_sizes[0]))]
    rows = iter(packed)
    for size in batch_sizes.tolist():
        for b in range(size):
            parts[b].append(next(rows))
    return [torch.stack(part) for part in parts]


def transitions_of(model: BiLSTMCRF) -> Transitions | None:
    return mean_transitions({name: array.astype(np.float64) for name, array in model.weights().items()})


@torch.no_grad()
def paths(model: BiLSTMCRF, vocabulary: Vocabulary, sentences: list[list[str]]) -> list[list[int]]:
    """The label ids that the model gives to each sentence."""
    encoded = vocabulary.encode(sentences)
    layout = layout_of(encoded, np.arange(len(sentences)))
    emissions = model.tagging_emissions(encoded, [layout], None)
    label_ids = best_paths(emissions[layout.tokens], transitions_of(model), layout.batch_sizes)
    found = by_sentence(torch.from_numpy(label_ids), layout.batch_sizes)
    numbered = zip(layout.sentences.tolist(), found, strict=True)
    return [path.tolist() for _, path in sorted(numbered, key=lambda pair: pair[0])]
