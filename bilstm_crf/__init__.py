"""Named entities for Norwegian: character CNN + word BiLSTM + CRF, after the NorNE paper's baseline."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bilstm_crf.version import __version__

if TYPE_CHECKING:
    from bilstm_crf.document import Document
    from bilstm_crf.inference.ensemble import Ensemble
    from bilstm_crf.inference.tagger import Tagger
    from bilstm_crf.sentence import Sentence, Span

__all__ = ["Document", "Ensemble", "Sentence", "Span", "Tagger", "__version__"]

_MODULES = {
    "Document": "document",
    "Ensemble": "inference.ensemble",
    "Sentence": "sentence",
    "Span": "sentence",
    "Tagger": "inference.tagger",
}


def __getattr__(name: str) -> Any:
    """Import a public class when it is used, since `bilstm-crf --help` does not need NumPy."""
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
