"""The linear-chain CRF: pytorch-crf's, in float64 (Lafferty et al. 2001; Lample et al. 2016, eq. 1-2).

Its parameters: `start_transitions` (K,), `end_transitions` (K,), `transitions` (K, K), from row to column.
"""

from __future__ import annotations

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

    def negative_log_likelihood(self, emissions: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
        """(T, B, K) emissions, (T, B) label ids, (T, B) mask, to the sum over the batch's sentences."""
        if kernels.usable(emissions):
            from bilstm_crf.kernels.crf import NegativeLogLikelihood

            by_sentence = mask.T
            loss: Tensor = NegativeLogLikelihood.apply(
                emissions.transpose(0, 1)[by_sentence],  # (N, K)
                self.start_transitions,
                self.end_transitions,
                self.transitions,
                labels.T[by_sentence].numpy(),
                _offsets(mask),
            )
            return loss
        # pytorch-crf adds up the gold path in the precision of the parameters, so these too must be float64
        parameters = {name: parameter.double() for name, parameter in self.named_parameters()}
        given = (emissions.double(), labels)
        return -functional_call(self, parameters, given, {"mask": mask, "reduction": "sum"})

    @torch.no_grad()
    def viterbi(self, emissions: Tensor, mask: Tensor) -> list[list[int]]:
        """(T, B, K) emissions and (T, B) mask to the best path of each of the B sentences."""
        if kernels.usable(emissions):
            from bilstm_crf.kernels.crf import viterbi

            offsets = _offsets(mask)
            best = viterbi(
                emissions.transpose(0, 1)[mask.T].numpy(),
                self.start_transitions.double().numpy(),
                self.end_transitions.double().numpy(),
                self.transitions.double().numpy(),
                offsets,
            )
            return [path.tolist() for path in np.split(best, offsets[1:-1])]
        paths: list[list[int]] = self.decode(emissions.double(), mask=mask)
        return paths


def _offsets(mask: Tensor) -> NDArray[np.int64]:
    """(B + 1,) where the tokens of each sentence begin and end, one sentence after another."""
    return np.cumsum([0, *mask.sum(0).tolist()], dtype=np.int64)
