"""Encoder: a pretrained Transformer with its tokenizer, and what the rest of the room needs to know of both.

Letters: B windows, T pieces, L hidden states (the embeddings and each layer), D dimensions.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from bilstm_crf.encoder.folder import files_of, folder_of, is_local, sha256_of_files
from bilstm_crf.encoder.hidden_states import HiddenStates
from bilstm_crf.encoder.loading import load_model, load_tokenizer, quiet_transformers, require_transformers
from bilstm_crf.encoder.settings import FeatureSettings
from bilstm_crf.errors import InputError, UsageError
from bilstm_crf.util.files import umask

if TYPE_CHECKING:
    from tokenizers import Tokenizer

DEFAULT_WINDOW = 512  # pieces in one pass where positions have no limit: what most models were trained with
MAX_WINDOW = 1_000_000  # transformers says 10^30 for a tokenizer that names no limit


class Encoder(nn.Module):
    """Pieces to hidden states."""

    name: str  # as it was given
    sha256: str  # of configuration, weights, tokenizer and code
    dim: int  # D
    hidden_states: int  # L
    vocabulary: int  # pieces that the model knows
    window: int  # pieces in one pass, special ones included
    prefix: list[int]  # special pieces before
    suffix: list[int]  # and behind those of the words
    padding: int  # a piece
    special: list[int]  # all pieces that stand for no text
    unknown: int  # one that stands for any
    spaced: bool  # whether a word needs a space before it to be split as in running text

    def __init__(self, name: str, files: list[Path], model: Any, tokenizer: Any) -> None:
        """Of a model and a fast tokenizer of `transformers`, from `files`; `load` makes both."""
        super().__init__()
        self.name = name
        self.files = files
        self.sha256 = sha256_of_files(files)
        self.model: Any = model
        self.tokenizer: Tokenizer = tokenizer.backend_tokenizer
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        whole = self.tokenizer.encode(["a"], is_pretokenized=True)
        spaced = self.tokenizer.encode([" a"], is_pretokenized=True)
        self.spaced = whole.ids != spaced.ids  # byte-level: the pieces of `a` are those of a word's inside
        places = [place for place, word in enumerate(whole.word_ids) if word is not None]
        self.prefix, self.suffix = whole.ids[: places[0]], whole.ids[places[-1] + 1 :]
        self.special = [*self.prefix, *self.suffix, *tokenizer.all_special_ids]
        fitting = (tokenizer.unk_token_id, tokenizer.mask_token_id, tokenizer.pad_token_id, 0)
        self.unknown = next(number for number in fitting if number is not None)
        self.padding = tokenizer.pad_token_id or 0
        self.vocabulary = getattr(model.config, "vocab_size", sys.maxsize)
        self.window = _window(model, tokenizer)
        if self.room < 1:
            special = len(self.prefix) + len(self.suffix)
            raise InputError(
                f"reads {self.window} pieces at a time, of which {special} are special: no room for a word",
                path=name,
                hint="model_max_length in tokenizer_config.json, or max_position_embeddings in config.json",
            )
        self._states = HiddenStates(model)
        self.eval()
        self._look()

    @classmethod
    def load(cls, name: str, *, trust_remote_code: bool = False) -> Encoder:
        """The encoder of a folder or of the Hugging Face hub, in float32 and evaluation mode.

        A name that begins with `.`, `/` or `~`, or that is there, is a folder, for which the network is never
        asked. `trust_remote_code` runs the Python code that an encoder brings along.

        Raises UsageError without the package `transformers`, for a model that is no encoder and for code that
        is not trusted; InputError for a folder that is not a whole encoder with a fast tokenizer;
        DownloadError where the hub does not give it.
        """
        require_transformers()
        folder, offline = folder_of(name), is_local(name)
        files = files_of(folder)
        with quiet_transformers():
            model = load_model(folder, offline=offline, trust_remote_code=trust_remote_code)
            tokenizer = load_tokenizer(folder, offline=offline, trust_remote_code=trust_remote_code)
            try:
                return cls(name, files, model, tokenizer)
            except (ValueError, TypeError, LookupError, AttributeError, RuntimeError) as error:
                raise InputError(
                    f"is not an encoder of text: {type(error).__name__}: {error}", path=folder
                ) from error

    @torch.no_grad()
    def _look(self) -> None:
        """Runs one piece, which shows the sizes whatever the configuration calls them."""
        self.require(max(*self.prefix, *self.suffix, self.unknown, self.padding))
        ids = torch.tensor([[*self.prefix, self.unknown, *self.suffix]])
        states = self._states.look(ids, torch.ones_like(ids))
        self.hidden_states, self.dim = len(states), states[-1].shape[-1]
        shapes = {tuple(each.shape) for each in states}
        if shapes != {(*ids.shape, self.dim)}:
            raise ValueError(f"one piece has hidden states of shapes {sorted(shapes)}")

    def require(self, piece: int) -> None:
        """Raises InputError for a piece of the tokenizer that the model does not have."""
        if piece >= self.vocabulary:
            raise InputError(
                f"its tokenizer has a piece {piece}, its model only {self.vocabulary:,} of them: "
                "they belong to different encoders",
                path=self.name,
            )

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        parameter: Tensor = next(self.parameters())
        return parameter.device

    @property
    def room(self) -> int:
        """The pieces of words in one pass."""
        return self.window - len(self.prefix) - len(self.suffix)

    def require_layer(self, settings: FeatureSettings) -> None:
        """Raises UsageError where the settings name a layer that there is not."""
        if settings.layer is not None and settings.layer >= self.hidden_states:
            raise UsageError(
                f"encoder.layers is {settings.layer}, but the encoder {self.name} has {self.hidden_states - 1} "
                f"layers: 1 to {self.hidden_states - 1}, and 0, the embeddings"
            )

    def in_precision(self, settings: FeatureSettings) -> torch.autocast:
        """A context in which it computes as precisely as the settings say.

        The weights stay in float32; within one context each is converted once, for any number of passes.
        """
        lower = settings.precision == "bfloat16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=lower)

    def forward(self, ids: Tensor, mask: Tensor, settings: FeatureSettings) -> Tensor:
        """(B, T) piece ids and where they are no padding, to (B, T, D); to (B, T, L, D) for `mix`.

        In float32, however it was computed.
        """
        if settings.layers == "last":
            last: Tensor = self.model(ids, attention_mask=mask).last_hidden_state
            return last.float()
        if settings.layer is not None:
            return self._states.one(settings.layer, ids, mask).float()
        states = [state.float() for state in self._states.all(ids, mask)]
        if settings.layers == "mix":
            return torch.stack(states, dim=2)
        return torch.stack(states[1:][-4:]).mean(0)  # never the embeddings, however few the layers

    def save_copy(self, folder: Path, *, tuned: bool = False) -> str:
        """Writes the encoder to `folder`, which `load` reads; returns the copy's SHA-256.

        The files are copied as they are, which keeps the SHA-256; `tuned` writes the weights as they are now,
        in float32. The folder is there whole or not at all; an old one of that name gives way.
        """
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name[:40]}."))
        try:
            for path in self.files:
                shutil.copyfile(path, temporary / path.name)
            if tuned:
                self._write_weights(temporary)
            for path in temporary.iterdir():
                path.chmod(0o666 & ~umask())  # transformers lets nobody else read the weights
                with open(path, "rb") as stream:
                    os.fsync(stream.fileno())
            temporary.chmod(0o777 & ~umask())
            sha256 = sha256_of_files(files_of(temporary))
            shutil.rmtree(folder, ignore_errors=True)
            temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return sha256

    def _write_weights(self, folder: Path) -> None:
        """Puts the present weights into a copy, in the place of those that it has."""
        for pattern in ("model*.safetensors*", "pytorch_model*"):
            for path in folder.glob(pattern):
                path.unlink()
        with quiet_transformers():
            self.model.save_pretrained(folder)


def _window(model: Any, tokenizer: Any) -> int:
    """The pieces that one pass takes, special ones included."""
    positions = getattr(model.config, "max_position_embeddings", None) or 0
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
            positions -= module.padding_idx + 1  # RoBERTa counts positions from behind that of the padding
    limits = [limit for limit in (positions, tokenizer.model_max_length) if 0 < limit < MAX_WINDOW]
    return min(limits, default=DEFAULT_WINDOW)
