"""Character CNN + word BiLSTM + CRF: a sequence labeller for Norwegian, after the NorNE paper's baseline."""

from typing import TYPE_CHECKING, Any

from bilstm_crf.version import __version__

if TYPE_CHECKING:
    from bilstm_crf.inference.tagger import Tagger

__all__ = ["Tagger", "__version__"]


def __getattr__(name: str) -> Any:
    """`Tagger` is imported when asked for, since it brings torch along."""
    if name == "Tagger":
        from bilstm_crf.inference.tagger import Tagger

        return Tagger
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
