"""From the name of an encoder to the folder that holds it, and to the files there that decide its vectors."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from bilstm_crf.errors import DownloadError, InputError, UsageError
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
    *VOCABULARIES,
    "merges.txt",
    "added_tokens.json",
    "special_tokens_map.json",
    "tokenizer_config.json",
)


def is_local(name: str) -> bool:
    """Whether it names a folder: one that is there, or what can be nothing else.

    >>> is_local("./nb-bert-base"), is_local("~/nb-bert-base"), is_local("NbAiLab/nb-bert-base")
    (True, True, False)
    """
    return name.startswith((".", "/", "~")) or Path(name).exists()


def folder_of(name: str) -> Path:
    """The folder of an encoder; a name of the hub is fetched into the hub's own cache, if it is not there.

    Raises InputError for a folder that is not there, DownloadError where the hub or a name of it cannot be
    reached, UsageError for what can be neither.
    """
    if is_local(name):
        folder = Path(name).expanduser()
        if not folder.is_dir():
            what = "is a file, expected the folder of an encoder" if folder.exists() else "no such folder"
            raise InputError(
                what, path=folder, hint="such a folder holds config.json, model.safetensors, tokenizer.json"
            )
        return folder
    return _fetched(name)


def _fetched(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError

    wanted = ["*.json", "*.py", "*.txt", "*.model"]
    try:
        for weights in (["model.safetensors", "model-*.safetensors"], ["pytorch_model*.bin"]):
            # Not from folders inside: other formats and sizes of the same model
            folder = Path(snapshot_download(name, allow_patterns=wanted + weights, ignore_patterns=["*/*"]))
            if any((folder / each).is_file() for each in WEIGHTS):
                break
    except HFValidationError as error:
        raise UsageError(f"{name} is neither a folder nor a name of the Hugging Face hub: {error}") from error
    except GatedRepoError as error:
        raise DownloadError(
            f"the encoder {name} is only for those who accepted its licence on the Hugging Face hub",
            hint="accept it there, then `hf auth login`",
        ) from error
    except RepositoryNotFoundError as error:
        raise DownloadError(
            f"{name} is neither a folder here nor an encoder that the Hugging Face hub shows you",
            hint="names are OWNER/NAME, as in NbAiLab/nb-bert-base; a private one needs `hf auth login`",
        ) from error
    except Exception as error:  # of httpx, of the hub's client, of the disk: each has its own tree
        raise DownloadError(
            f"{name} is no folder here, not whole in the Hugging Face hub's cache, and could not be fetched: "
            f"{_first_line(error)}",
            hint="a folder with the encoder's files, copied from elsewhere, needs no network: --encoder PATH",
        ) from error
    return folder


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def config_of(folder: Path) -> dict[str, Any]:
    """The content of config.json. Raises InputError where it is not there, or not one."""
    path = folder / "config.json"
    if not path.exists():
        raise InputError("is not the folder of an encoder: it has no config.json", path=folder)
    config = read_json(path)
    if not isinstance(config, dict):
        raise InputError("is not the configuration of an encoder", path=path)
    return config


def files_of(folder: Path) -> list[Path]:
    """The files that decide the encoder's vectors: configuration, weights, tokenizer, and code of its own.

    Raises InputError where one of the first three is missing.
    """
    config = config_of(folder)
    weights = _weights(folder)
    if not any(path.is_file() for pattern in VOCABULARIES for path in folder.glob(pattern)):
        # transformers would make an empty one, without a word
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
            raise InputError(f"is missing, though {path.name} names it", path=shard)
    return [path, *shards]


def sha256_of_files(files: list[Path]) -> str:
    """One SHA-256 over the files' names and contents."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.name} {sha256_of(path)}\n".encode())
    return digest.hexdigest()
