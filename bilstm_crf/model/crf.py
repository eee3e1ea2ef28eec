"""The linear-chain CRF: pytorch-crf's, in float64 (Lafferty et al. 2001; Lample et al. 2016, eq. 1-2).

Its parameters: `start_transitions` (K,), `end_transitions` (K,), `transitions` (K, K), from row to column.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call
from torchcrf import CRF as PytorchCRF  # noqa: N811 (its class has the name that ours has)

from bilstm_crf import kernels


class CRF(PytorchCRF):
    """pytorch-crf's CRF, with scores from zero as in NCRF++ and sums in float64.

    Compiled on the CPU (kernels/crf.py), where autograd through time and a Python loop would cost most of the
    training. A float32 sum of a few thousand tokens' scores loses the digits that tell two paths apart.
    """

    def __init__(self, labels: int) -> None:
        super().__init__(labels)

    def reset_parameters(self) -> None:
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def negative_log_likelihood(self, emissions: Tensor, labels: Tensor, batch_sizes: Tensor) -> Tensor:
        """(N, K) emissions and (N,) label ids in packed order to the sum over the batch's sentences.

        `batch_sizes` (T,) as in a PackedSequence, on the CPU.
        """
        if kernels.can_compile(emissions, torch.float32, torch.float64):
            from bilstm_crf.kernels.crf import NegativeLogLikelihood

            scores = (self.start_transitions, self.end_transitions, self.transitions)
            loss: Tensor = NegativeLogLikelihood.apply(
                emissions, *scores, labels.numpy(), batch_sizes.numpy()
            )
            return loss
        # pytorch-crf adds up the gold path in the precision of the parameters, so these too must be float64
        parameters = {name: parameter.double() for name, parameter in self.named_parameters()}
        mask = mask_of(batch_sizes).to(emissions.device)
        given = (padded(emissions.double(), mask), padded(labels, mask))
        return -functional_call(self, parameters, given, {"mask": mask, "reduction": "sum"})

    @torch.no_grad()
    def viterbi(self, emissions: Tensor, batch_sizes: Tensor) -> NDArray[np.int64]:
        """(N, K) emissions in packed order to the label ids (N,) of each sentence's best path."""
        if kernels.can_compile(emissions, torch.float32, torch.float64):
            from bilstm_crf.kernels.crf import viterbi

            scores = (self.start_transitions, self.end_transitions, self.transitions)
            start, end, transitions = (each.double().numpy() for each in scores)
            sizes = batch_sizes.numpy()
            best: NDArray[np.int64] = viterbi(emissions.detach().numpy(), start, end, transitions, sizes)
            return best
        mask = mask_of(batch_sizes).to(emissions.device)
        paths = self.decode(padded(emissions.double(), mask), mask=mask)
        columns = torch.nn.utils.rnn.pad_sequence([torch.tensor(path) for path in paths])  # (T, B)
        packed: NDArray[np.int64] = columns[mask.cpu()].numpy()
        return packed


def mean_of(crfs: Sequence[CRF]) -> CRF:
    """A CRF whose scores are the means of theirs; of one, itself."""
    if len(crfs) == 1:
        return crfs[0]
    mean = copy.deepcopy(crfs[0])
    with torch.no_grad():
        for name, scores in mean.named_parameters():
            scores.copy_(torch.stack([crf.get_parameter(name) for crf in crfs]).mean(0))
    return mean


def mask_of(batch_sizes: Tensor) -> Tensor:
    """(T, B) whether there is a token, from the sentences (T,) that have one at each step."""
    return torch.arange(int(batch_sizes[0])) < batch_sizes[:, None]


def padded(packed: Tensor, mask: Tensor) -> Tensor:
    """(N, ...) in packed order, which is the mask's row order, to (T, B, ...) with zeros behind the ends."""
    out = packed.new_zeros(*mask.shape, *packed.shape[1:])
    out[mask] = packed
    return out
