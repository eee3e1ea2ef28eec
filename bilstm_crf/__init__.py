"""Named entities for Norwegian: character CNN + word BiLSTM + CRF, after the NorNE paper's baseline."""

from typing import TYPE_CHECKING, Any

from bilstm_crf.version import __version__

if TYPE_CHECKING:
    from bilstm_crf.inference.tagger import Tagger

__all__ = ["Tagger", "__version__"]


def __getattr__(name: str) -> Any:
    """Import `Tagger` when it is used, since `bilstm-crf --help` does not need NumPy."""
    if name == "Tagger":
        from bilstm_crf.inference.tagger import Tagger

        return Tagger
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
