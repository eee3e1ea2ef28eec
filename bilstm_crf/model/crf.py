"""The linear-chain CRF's loss: pytorch-crf's, in float64 (Lafferty et al. 2001; Lample et al. 2016, eq. 1-2).

Parameters: `start_transitions` (K,), `end_transitions` (K,), `transitions` (K, K), from row to column.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torchcrf import CRF as PytorchCRF  # noqa: N811 (its class has the name that ours has)

from bilstm_crf.model.autograd import NegativeLogLikelihood, can_compile


class CRF(PytorchCRF):
    """pytorch-crf's CRF, with parameters that start at zero as in NCRF++, and sums in float64.

    Compiled on the CPU (kernels/crf.py), where autograd through time and a Python loop would take most of the
    training time. A float32 sum over a few thousand tokens loses the digits that distinguish two paths.
    """

    def __init__(self, labels: int) -> None:
        super().__init__(labels)

    def reset_parameters(self) -> None:
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def negative_log_likelihood(self, emissions: Tensor, labels: Tensor, batch_sizes: Tensor) -> Tensor:
        """Return the sum over a batch's sentences, from emissions (N, K) and label ids (N,) in packed order.

        `batch_sizes` (T,) as in a PackedSequence, on the CPU.
        """
        if can_compile(emissions, torch.float32, torch.float64):
            scores = (self.start_transitions, self.end_transitions, self.transitions)
            arrays = (labels.numpy(), batch_sizes.numpy())
            loss: Tensor = NegativeLogLikelihood.apply(emissions, *scores, *arrays)
            return loss
        # pytorch-crf adds up the gold path in the precision of the parameters, so these too must be float64
        parameters = {name: parameter.double() for name, parameter in self.named_parameters()}
        mask = mask_of(batch_sizes).to(emissions.device)
        given = (padded(emissions.double(), mask), padded(labels, mask))
        return -functional_call(self, parameters, given, {"mask": mask, "reduction": "sum"})


def mask_of(batch_sizes: Tensor) -> Tensor:
    """Return whether there is a token (T, B), from the number of sentences at each step (T,)."""
    return torch.arange(int(batch_sizes[0])) < batch_sizes[:, None]


def padded(packed: Tensor, mask: Tensor) -> Tensor:
    """Return (T, B, ...) with zeros after the ends, from (N, ...) in packed order, the mask's row order."""
    out = packed.new_zeros(*mask.shape, *packed.shape[1:])
    out[mask] = packed
    return out
