"""Optional packages: which extra installs each, and one error where it is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bilstm_crf.errors import MissingPackageError

EXTRAS = {
    "torch": "train",
    "torchcrf": "train",
    "gensim": "train",
    "scipy": "train",
    "seqeval": "train",
    "requests": "train",
    "transformers": "encoder",
    "tokenizers": "encoder",
    "huggingface_hub": "hub",
    "spacy": "spacy",
    "srsly": "spacy",
    "presidio_analyzer": "presidio",
    "presidio_anonymizer": "presidio",
    "pypdfium2": "documents",
    "conllu": "conllu",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "starlette": "serve",
    "uvicorn": "serve",
    "ray": "ray",
    "pyspark": "spark",
    "datasets": "datasets",
    "pyarrow": "datasets",  # the smallest that has it
}


@contextmanager
def optional_import() -> Iterator[None]:
    """Raise MissingPackageError, which names the extra, where an import inside finds no package.

    >>> with optional_import():
    ...     raise ModuleNotFoundError(name="spacy.util")
    Traceback (most recent call last):
    bilstm_crf.errors.MissingPackageError: this needs the package spacy, which is not installed
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        raise MissingPackageError(
            f"this needs the package {package}, which is not installed",
            hint=f'pip install "bilstm_crf[{EXTRAS[package]}]"',
        ) from error
