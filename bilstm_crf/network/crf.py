"""The linear-chain CRF: pytorch-crf's, in float64 (Lafferty et al. 2001; Lample et al. 2016, eq. 1-2).

Its parameters: `start_transitions` (K,), `end_transitions` (K,), `transitions` (K, K), from row to column.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torchcrf import CRF as PytorchCRF  # noqa: N811 (its class has the name that ours has)


class CRF(PytorchCRF):
    """pytorch-crf's CRF, with scores from zero as in NCRF++ and sums in float64.

    A float32 sum of a few thousand tokens' scores loses the digits that tell two paths apart.
    """

    def __init__(self, labels: int) -> None:
        super().__init__(labels)

    def reset_parameters(self) -> None:
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def negative_log_likelihood(self, emissions: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
        """(T, B, K) emissions, (T, B) label ids, (T, B) mask, to the sum over the batch's sentences."""
        # pytorch-crf adds up the gold path in the precision of the parameters, so these too must be float64
        parameters = {name: parameter.double() for name, parameter in self.named_parameters()}
        given = (emissions.double(), labels)
        return -functional_call(self, parameters, given, {"mask": mask, "reduction": "sum"})

    @torch.no_grad()
    def viterbi(self, emissions: Tensor, mask: Tensor) -> list[list[int]]:
        """(T, B, K) emissions and (T, B) mask to the best path of each of the B sentences."""
        paths: list[list[int]] = self.decode(emissions.double(), mask=mask)
        return paths
