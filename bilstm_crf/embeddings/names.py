"""The names of vector tables: what each promises, and where its file is looked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bilstm_crf.errors import UsageError, did_you_mean

ENVIRONMENT = "BILSTM_CRF_EMBEDDINGS"
DEFAULT_FOLDER = Path("embeddings")
PACKED_SUFFIXES = [f".{kind}.{packing}" for packing in ("gz", "bz2", "xz") for kind in ("bin", "txt", "vec")]
SUFFIXES = (".bin", ".txt", ".vec", ".zip", ".model", ".kv", *PACKED_SUFFIXES)


@dataclass(frozen=True)
class Known:
    """What a name promises (NorNE paper, section 5): how the table was trained, on what."""

    algorithm: str  # skipgram or cbow
    dim: int
    joint: bool = False  # trained on Bokmål and Nynorsk together; else on Bokmål alone


KNOWN = {
    "cbow100": Known("cbow", 100),
    "sg50": Known("skipgram", 50),
    "sg100": Known("skipgram", 100),
    "sg300": Known("skipgram", 300),
    "sg600": Known("skipgram", 600),
    "joint-sg600": Known("skipgram", 600, joint=True),
}
NONE = "none"
NAMES = (NONE, *KNOWN)


def folders(embeddings_dir: str | os.PathLike[str] | None = None) -> list[Path]:
    """Where names are looked for, in this order: the option, the environment, `embeddings/`."""
    given = [embeddings_dir, os.environ.get(ENVIRONMENT)]
    return [*(Path(folder) for folder in given if folder), DEFAULT_FOLDER]


def find(name_or_path: str, embeddings_dir: str | os.PathLike[str] | None = None) -> Path | None:
    """The file of a known name, or of a path; None for a known name that lies nowhere.

    A known name goes before a file of the same name: `./sg600` is the file. Raises UsageError for
    what is neither.
    """
    if name_or_path in KNOWN:
        return next((path for path in _candidates(name_or_path, embeddings_dir) if path.is_file()), None)
    path = Path(name_or_path).expanduser()
    try:
        there = path.exists()
    except OSError as error:  # a name too long for the file system, say
        raise UsageError(f"--embeddings {name_or_path[:60]} cannot be read: {error.strerror}") from error
    if not there:
        raise UsageError(
            f"--embeddings {name_or_path} is neither a file nor a known name."
            + did_you_mean(name_or_path, NAMES),
            hint=f"known: {' '.join(NAMES)}",
        )
    return path


def _candidates(name: str, embeddings_dir: str | os.PathLike[str] | None) -> Iterator[Path]:
    for folder in folders(embeddings_dir):
        for suffix in SUFFIXES:
            yield folder / f"{name}{suffix}"


def where_looked(embeddings_dir: str | os.PathLike[str] | None = None) -> str:
    """The places of `folders`, as a message says them."""
    given = [f"{embeddings_dir}"] if embeddings_dir else []
    variable = os.environ.get(ENVIRONMENT)
    return ", ".join([*given, f"${ENVIRONMENT} ({variable or 'not set'})", f"{DEFAULT_FOLDER}/"])
