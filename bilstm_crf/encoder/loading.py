"""From the name of an encoder to its folder, its files, its model and its tokenizer, or to a clear error."""

from __future__ import annotations

import contextlib
import hashlib
import warnings
from collections.abc import Iterator
from logging import CRITICAL
from pathlib import Path
from typing import Any

from bilstm_crf.errors import BilstmCrfError, DownloadError, InputError, UsageError
from bilstm_crf.util.extras import optional_import
from bilstm_crf.util.files import read_json, sha256_of

# In the order in which transformers looks for them.
WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")
TOKENIZER = (
    *VOCABULARIES, "merges.txt", "added_tokens.json", "special_tokens_map.json", "tokenizer_config.json",
)  # fmt: skip
RARE = "\U00012000"  # a cuneiform sign, which no vocabulary has
TOKENIZER_HINT = "put a tokenizer.json of the same vocabulary beside the other files"


# ---------------------------------------------------------------- the folder


def is_local(name: str) -> bool:
    """Return whether the name is that of a folder: one that exists, or that cannot be a hub name.

    >>> is_local("./nb-bert-base"), is_local("~/nb-bert-base"), is_local("NbAiLab/nb-bert-base")
    (True, True, False)
    """
    return name.startswith((".", "/", "~")) or Path(name).exists()


def find_folder(name: str) -> Path:
    """Return the folder of an encoder; a name on the hub is downloaded into the hub's own cache.

    Raises InputError for a missing folder, DownloadError if the hub or the name on it cannot be reached,
    UsageError for a name that can be neither.
    """
    if not is_local(name):
        return _download(name)
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise InputError(
            "is a file, expected the folder of an encoder" if folder.exists() else "no such folder",
            path=folder,
            hint="such a folder holds config.json, model.safetensors and tokenizer.json",
        )
    return folder


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    wanted = ["*.json", "*.py", "*.txt", "*.model"]
    try:
        for weights in (["model.safetensors", "model-*.safetensors"], ["pytorch_model*.bin"]):
            # Not from inner folders, which hold other formats and sizes of the same model.
            folder = Path(snapshot_download(name, allow_patterns=wanted + weights, ignore_patterns=["*/*"]))
            if any((folder / each).is_file() for each in WEIGHTS):
                break
    except HFValidationError as error:
        raise UsageError(f"{name} is neither a folder nor a name on the Hugging Face hub: {error}") from error
    except Exception as error:  # httpx, the hub's client and the disk have their own exceptions
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DownloadError(
            f"{name} is no folder, not in the Hugging Face cache, and could not be fetched: {reason}",
            hint="names are OWNER/NAME, as NbAiLab/nb-bert-base; private or gated ones need `hf auth login`; "
            "a copied folder with the encoder's files needs no network: --encoder PATH",
        ) from error
    return folder


def read_config(folder: Path) -> dict[str, Any]:
    """Return the content of config.json. Raises InputError if it is missing or something else."""
    path = folder / "config.json"
    if not path.exists():
        raise InputError("is not the folder of an encoder: it has no config.json", path=folder)
    config = read_json(path)
    if not isinstance(config, dict):
        raise InputError("is not the configuration of an encoder", path=path)
    return config


def files_of(folder: Path) -> list[Path]:
    """Return the files that decide the vectors: configuration, weights, tokenizer, the encoder's own code.

    Raises InputError if one of the first three is missing.
    """
    config = read_config(folder)
    weights = _weights(folder)
    if not any(path.is_file() for pattern in VOCABULARIES for path in folder.glob(pattern)):
        # transformers would silently create an empty one.
        raise InputError(f"has no tokenizer: none of {' '.join(VOCABULARIES)}", path=folder)
    patterns = TOKENIZER + (("*.py",) if "auto_map" in config else ())
    others = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    return [folder / "config.json", *weights, *sorted(others)]


def _weights(folder: Path) -> list[Path]:
    path = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if path is None:
        raise InputError(f"has no weights: none of {' '.join(WEIGHTS)}", path=folder)
    if path.suffix != ".json":
        return [path]
    try:
        shards = sorted({folder / shard for shard in read_json(path)["weight_map"].values()})
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"is not an index of weights: {error}", path=path) from error
    for shard in shards:
        if not shard.is_file():
            raise InputError(f"is missing, but {path.name} names it", path=shard)
    return [path, *shards]


def sha256_of_files(files: list[Path]) -> str:
    """Return one SHA-256 over the names and contents of the files."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.name} {sha256_of(path)}\n".encode())
    return digest.hexdigest()


# ---------------------------------------------------------------- model and tokenizer


def require_transformers() -> None:
    """Raise MissingPackageError if the extra is not installed."""
    with optional_import():
        import transformers  # noqa: F401


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silence warnings, reports and bars of `transformers`; what matters in them is raised here."""
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
    """Return the model in float32 and evaluation mode, without a pooler.

    Raises InputError for files that are damaged or do not fit each other, UsageError for a model that is no
    encoder, or whose own code must not be run.
    """
    import torch
    from transformers import AutoConfig, AutoModel

    options: dict[str, Any] = {"local_files_only": offline, "trust_remote_code": trust_remote_code}
    with _explained(folder):
        config = AutoConfig.from_pretrained(folder, **options)
    if config.is_encoder_decoder:
        raise UsageError(
            f"{folder} holds an encoder-decoder model ({config.model_type}), expected an encoder such as BERT"
        )
    options |= {"config": config, "dtype": torch.float32, "output_loading_info": True}
    options["ignore_mismatched_sizes"] = True  # they are reported below
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
    # transformers initialises these at random and goes on; a pooler is not used here.
    missing = sorted(name for name in report["missing_keys"] if "pooler" not in name)
    if missing:
        raise InputError(
            f"the weights lack {len(missing)} of the model's tensors, for example {missing[0]}", path=folder
        )
    return model.eval()


def load_tokenizer(folder: Path, *, offline: bool, trust_remote_code: bool) -> Any:
    """Return the fast tokenizer of `transformers`.

    Raises InputError if there is none, or one without words.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=offline, trust_remote_code=trust_remote_code
        )
        if tokenizer.is_fast:
            tokenizer.backend_tokenizer.encode(RARE)  # reveals a missing unknown subword
    except Exception as error:  # each converter has its own exceptions
        if "trust_remote_code" in str(error):
            raise _needs_trust(folder) from error
        raise _no_fast_tokenizer(folder, f": {_first_sentence(error)}") from error
    if not tokenizer.is_fast:
        raise _no_fast_tokenizer(folder, f", only {type(tokenizer).__name__}, which is written in Python")
    if set(tokenizer.get_vocab().values()) <= {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}:
        # transformers creates such a one if the class reads other files than there are.
        raise InputError(
            f"its tokenizer, a {type(tokenizer).__name__}, has only special subwords, expected a vocabulary",
            path=folder,
            hint=TOKENIZER_HINT,
        )
    return tokenizer


def _no_fast_tokenizer(folder: Path, why: str) -> InputError:
    message = f"has no fast tokenizer, which is needed to know each subword's word{why}"
    return InputError(message, path=folder, hint=TOKENIZER_HINT)


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn what `transformers` raises for a bad folder into an error that says so."""
    try:
        yield
    except BilstmCrfError:
        raise
    except Exception as error:  # safetensors, torch and remote code have their own exceptions
        if "trust_remote_code" in str(error):
            raise _needs_trust(folder) from error
        raise InputError(
            f"cannot be loaded as an encoder: {_first_sentence(error)}",
            path=folder,
            hint="the files may be damaged, or of different encoders: copy the whole folder again",
        ) from error


def _needs_trust(folder: Path) -> UsageError:
    return UsageError(
        f"the encoder in {folder} brings its own Python code, which was not run",
        hint="read the *.py files there; --trust-remote-code runs them",
    )


def _first_sentence(error: BaseException) -> str:
    """Return the first sentence of an error of `transformers`; advice for its programmers follows."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0].split('. ')[0]}"
