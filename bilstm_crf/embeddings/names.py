"""The names of vector tables: what each promises, and where its file is searched."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from bilstm_crf.errors import UsageError, did_you_mean

ENVIRONMENT = "BILSTM_CRF_EMBEDDINGS"
DEFAULT_FOLDER = Path("embeddings")
PACKED_SUFFIXES = [f".{kind}.{packing}" for packing in ("gz", "bz2", "xz") for kind in ("bin", "txt", "vec")]
SUFFIXES = (".bin", ".txt", ".vec", ".zip", ".model", ".kv", *PACKED_SUFFIXES)


@dataclass(frozen=True)
class Known:
    """The properties that a name stands for (NorNE paper, section 5)."""

    algorithm: str  # skipgram or cbow
    dim: int
    joint: bool = False  # trained on Bokmål and Nynorsk together, else on Bokmål alone


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
    """Return the folders that are searched, in order: the option, the environment, `embeddings/`."""
    given = [embeddings_dir, os.environ.get(ENVIRONMENT)]
    return [*(Path(folder) for folder in given if folder), DEFAULT_FOLDER]


def find(name_or_path: str, embeddings_dir: str | os.PathLike[str] | None = None) -> Path | None:
    """Return the file of a known name or of a path; None for a known name without a file.

    A known name precedes a file of that name: `./sg600` is the file. Raises UsageError for what is neither.
    """
    if name_or_path in KNOWN:
        candidates = (
            folder / f"{name_or_path}{suffix}" for folder in folders(embeddings_dir) for suffix in SUFFIXES
        )
        return next((path for path in candidates if path.is_file()), None)
    path = Path(name_or_path).expanduser()
    try:
        exists = path.exists()
    except OSError as error:  # for example a name that is too long
        raise UsageError(f"--embeddings {name_or_path[:60]} cannot be read: {error.strerror}") from error
    if not exists:
        raise UsageError(
            f"--embeddings {name_or_path} is neither a file nor a known name."
            + did_you_mean(name_or_path, NAMES),
            hint=f"known: {' '.join(NAMES)}",
        )
    return path


def where_looked(embeddings_dir: str | os.PathLike[str] | None = None) -> str:
    """Return the places of `folders` for a message."""
    given = [f"{embeddings_dir}"] if embeddings_dir else []
    variable = os.environ.get(ENVIRONMENT)
    return ", ".join([*given, f"${ENVIRONMENT} ({variable or 'not set'})", f"{DEFAULT_FOLDER}/"])
