"""Gold and a system's output, read as `evaluate` reads them."""

from collections.abc import Callable
from pathlib import Path

from bilstm_crf.corpus.labelled import read_gold
from bilstm_crf.evaluation.pair import PairFormats, read_predicted
from bilstm_crf.formats import FormatOptions
from bilstm_crf.sentence import Sentence


def read_pair(
    gold_path: Path, predicted_path: Path, say: Callable[[str], object] = print
) -> tuple[list[Sentence], list[Sentence]]:
    """Both with their spans; the formats are recognised."""
    gold, _ = read_gold(gold_path, None, FormatOptions())
    return gold, read_predicted(gold, gold_path, predicted_path, PairFormats(), say)
