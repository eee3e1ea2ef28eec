"""From an encoder's folder to its model and its tokenizer, or to an error that says what is wrong with it."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from logging import CRITICAL
from pathlib import Path
from typing import Any

from bilstm_crf.errors import BilstmCrfError, InputError, UsageError
from bilstm_crf.util.extras import optional_import

RARE = "\U00012000"  # a sign of cuneiform, which no vocabulary has
TOKENIZER_HINT = "a tokenizer.json of the same vocabulary, put beside the others, is one"


def require_transformers() -> None:
    """Raise MissingPackageError if the extra is not installed."""
    with optional_import():
        import transformers  # noqa: F401


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Without the warnings, reports and bars of `transformers`; what matters of them is raised here."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(CRITICAL)
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def load_model(folder: Path, *, offline: bool, trust_remote_code: bool) -> Any:
    """The model in float32 and evaluation mode, without a pooler.

    Raises InputError for files that are damaged or do not fit each other, UsageError for a model that is no
    encoder, or whose own code may not be run.
    """
    import torch
    from transformers import AutoConfig, AutoModel

    options: dict[str, Any] = {"local_files_only": offline, "trust_remote_code": trust_remote_code}
    with _explained(folder):
        config = AutoConfig.from_pretrained(folder, **options)
    if config.is_encoder_decoder:
        raise UsageError(
            f"{folder} holds an encoder-decoder model ({config.model_type}), expected an encoder, as BERT is"
        )
    options |= {"config": config, "dtype": torch.float32, "output_loading_info": True}
    options["ignore_mismatched_sizes"] = True  # and complain below
    with _explained(folder):
        try:
            model, report = AutoModel.from_pretrained(folder, add_pooling_layer=False, **options)
        except TypeError as error:
            if "add_pooling_layer" not in str(error):
                raise
            model, report = AutoModel.from_pretrained(folder, **options)
    for name, found, expected in sorted(report["mismatched_keys"]):
        raise InputError(
            f"the tensor {name} has the shape {tuple(found)}, config.json makes it {tuple(expected)}",
            path=folder,
        )
    # transformers draws these at random and goes on; a pooler is not used here
    missing = sorted(name for name in report["missing_keys"] if "pooler" not in name)
    if missing:
        raise InputError(
            f"the weights lack {len(missing)} of the model's tensors, {missing[0]} for one", path=folder
        )
    return model.eval()


def load_tokenizer(folder: Path, *, offline: bool, trust_remote_code: bool) -> Any:
    """The fast tokenizer of `transformers`. Raises InputError where there is none, or one without words."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=offline, trust_remote_code=trust_remote_code
        )
        if tokenizer.is_fast:
            tokenizer.backend_tokenizer.encode(RARE)  # nothing for unknown text is noticed only then
    except Exception as error:  # each converter has its own
        if "trust_remote_code" in str(error):
            raise _needs_trust(folder) from error
        raise _no_fast_tokenizer(folder, f": {_sentence(error)}") from error
    if not tokenizer.is_fast:
        raise _no_fast_tokenizer(folder, f", only {type(tokenizer).__name__}, which is written in Python")
    if set(tokenizer.get_vocab().values()) <= {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}:
        # transformers makes such a one where the class reads other files than there are
        raise InputError(
            f"its tokenizer, a {type(tokenizer).__name__}, has special pieces alone, expected a vocabulary",
            path=folder,
            hint=TOKENIZER_HINT,
        )
    return tokenizer


def _no_fast_tokenizer(folder: Path, why: str) -> InputError:
    return InputError(
        f"has no fast tokenizer, which alone says which pieces are of which word{why}",
        path=folder,
        hint=TOKENIZER_HINT,
    )


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turns what `transformers` raises for a bad folder into an error that says so."""
    try:
        yield
    except BilstmCrfError:
        raise
    except Exception as error:  # safetensors, torch and remote code have their own
        if "trust_remote_code" in str(error):
            raise _needs_trust(folder) from error
        raise InputError(
            f"cannot be loaded as an encoder: {_sentence(error)}",
            path=folder,
            hint="the files may be damaged, or of different encoders: copy the whole folder again",
        ) from error


def _needs_trust(folder: Path) -> UsageError:
    return UsageError(
        f"the encoder in {folder} brings its own Python code, which has not been run",
        hint="read the *.py files there; --trust-remote-code runs them",
    )


def _sentence(error: BaseException) -> str:
    """The first sentence of an error of `transformers`; advice for its programmers follows."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0].split('. ')[0]}"
