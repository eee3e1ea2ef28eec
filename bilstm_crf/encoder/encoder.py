"""Encoder: a pretrained Transformer with its tokenizer.

Letters: B windows, T subwords, L hidden states (the embeddings and each layer), D dimensions.
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

from bilstm_crf.encoder import loading
from bilstm_crf.encoder.settings import FeatureSettings
from bilstm_crf.errors import InputError, UsageError
from bilstm_crf.util.files import umask

if TYPE_CHECKING:
    from tokenizers import Tokenizer

DEFAULT_WINDOW = 512  # subwords per pass if positions have no limit: what most models were trained with
MAX_WINDOW = 1_000_000  # transformers says 10^30 for a tokenizer without a limit


class Encoder(nn.Module):
    """Map subwords to hidden states."""

    name: str  # as it was given
    sha256: str  # of configuration, weights, tokenizer and code
    dim: int  # D
    hidden_states: int  # L
    vocabulary: int  # subwords that the model knows
    window: int  # subwords per pass, including special ones
    prefix: list[int]  # special subwords before those of the words
    suffix: list[int]  # and after them
    padding: int
    special: list[int]  # all subwords that stand for no text
    unknown: int  # the subword that stands for any text
    spaced: bool  # whether a word needs a space before it to be split as in running text

    def __init__(self, name: str, files: list[Path], model: Any, tokenizer: Any) -> None:
        """Wrap a model and a fast tokenizer of `transformers`, read from `files`; `load` makes both."""
        super().__init__()
        self.name = name
        self.files = files
        self.sha256 = loading.sha256_of_files(files)
        self.model: Any = model
        self.tokenizer: Tokenizer = tokenizer.backend_tokenizer
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        whole = self.tokenizer.encode(["a"], is_pretokenized=True)
        spaced = self.tokenizer.encode([" a"], is_pretokenized=True)
        self.spaced = whole.ids != spaced.ids  # byte-level: `a` alone is split as inside a word
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
                f"reads {self.window} subwords at a time, of which {special} are special: no room for a word",
                path=name,
                hint="model_max_length in tokenizer_config.json or max_position_embeddings in config.json",
            )
        self.eval()
        self._measure()

    @classmethod
    def load(cls, name: str, *, trust_remote_code: bool = False) -> Encoder:
        """Load the encoder of a folder or of the Hugging Face hub, in float32 and evaluation mode.

        A name that begins with `.`, `/` or `~`, or that exists, is a folder, for which the network is never
        used. `trust_remote_code` runs the Python code that an encoder brings.

        Raises UsageError without the package `transformers`, for a model that is no encoder, and for code
        that is not trusted; InputError for a folder that is not a complete encoder with a fast tokenizer;
        DownloadError if the hub does not provide it.
        """
        loading.require_transformers()
        folder, offline = loading.find_folder(name), loading.is_local(name)
        files = loading.files_of(folder)
        with loading.quiet_transformers():
            model = loading.load_model(folder, offline=offline, trust_remote_code=trust_remote_code)
            tokenizer = loading.load_tokenizer(folder, offline=offline, trust_remote_code=trust_remote_code)
            try:
                return cls(name, files, model, tokenizer)
            except (ValueError, TypeError, LookupError, AttributeError, RuntimeError) as error:
                message = f"is not an encoder of text: {type(error).__name__}: {error}"
                raise InputError(message, path=folder) from error

    @torch.no_grad()
    def _measure(self) -> None:
        """Run one subword, which shows the sizes whatever the configuration calls them."""
        self.require_subword(max(*self.prefix, *self.suffix, self.unknown, self.padding))
        ids = torch.tensor([[*self.prefix, self.unknown, *self.suffix]])
        states = self._hidden_states(ids, torch.ones_like(ids))
        self.hidden_states, self.dim = len(states), states[-1].shape[-1]
        shapes = {tuple(each.shape) for each in states}
        if shapes != {(*ids.shape, self.dim)}:
            raise ValueError(f"one subword has hidden states of shapes {sorted(shapes)}")

    def require_subword(self, subword: int) -> None:
        """Raise InputError for a subword of the tokenizer that the model does not have."""
        if subword >= self.vocabulary:
            raise InputError(
                f"its tokenizer has a subword {subword}, its model only {self.vocabulary:,}",
                path=self.name,
                hint="tokenizer and model belong to different encoders: copy the whole folder again",
            )

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        parameter: Tensor = next(self.parameters())
        return parameter.device

    @property
    def room(self) -> int:
        """The subwords of words in one pass."""
        return self.window - len(self.prefix) - len(self.suffix)

    def require_layer(self, settings: FeatureSettings) -> None:
        """Raise UsageError for settings with a layer that the encoder does not have."""
        if settings.layer is not None and settings.layer >= self.hidden_states:
            raise UsageError(
                f"encoder.layers is {settings.layer}, but {self.name} has {self.hidden_states - 1} layers",
                hint=f"expected 1 to {self.hidden_states - 1}, or 0 for the embeddings",
            )

    def freeze_layers(self, count: int) -> None:
        """Leave the `count` lowest layers and the embeddings out of training; 0 trains everything.

        Raises UsageError where that leaves no layer, or where the layers of the architecture are not found.
        """
        if not count:
            return
        stacks = (each for each in self.model.modules() if isinstance(each, nn.ModuleList))
        layers = next((each for each in stacks if len(each) == self.hidden_states - 1), None)
        if layers is None or count >= len(layers):
            most = "no list of its layers" if layers is None else f"{len(layers)} layers"
            raise UsageError(
                f"encoder.frozen_layers is {count}, and {self.name} has {most}",
                hint="0 trains the whole encoder; without --encoder-finetune all of it is frozen",
            )
        self.requires_grad_(False)
        layers[count:].requires_grad_(True)

    def in_precision(self, settings: FeatureSettings) -> torch.autocast:
        """Return a context that computes in the precision of the settings.

        The weights stay in float32; one context converts each weight once, for any number of passes.
        """
        lower = settings.precision == "bfloat16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=lower)

    def forward(self, ids: Tensor, mask: Tensor, settings: FeatureSettings) -> Tensor:
        """Map subword ids and mask (B, T) to float32 vectors (B, T, D), or (B, T, L, D) for `mix`."""
        if settings.layers == "last":
            last: Tensor = self.model(ids, attention_mask=mask).last_hidden_state
            return last.float()
        states = self._hidden_states(ids, mask)
        if settings.layer is not None:
            return states[settings.layer].float()
        if settings.layers == "mix":
            return torch.stack([state.float() for state in states], dim=2)
        # The embeddings do not count, however few the layers are.
        return torch.stack([state.float() for state in states[1:][-4:]]).mean(0)

    def _hidden_states(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """Return the embeddings and the output of each layer, (B, T, D) each."""
        states: tuple[Tensor, ...] = self.model(
            ids, attention_mask=mask, output_hidden_states=True
        ).hidden_states
        return states

    def save_copy(self, folder: Path, *, tuned: bool = False) -> str:
        """Write the encoder atomically to `folder`, where `load` reads it; return the copy's SHA-256.

        The files are copied unchanged, which keeps the SHA-256; `tuned` writes the current weights, in
        float32. An existing folder is replaced.
        """
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name[:40]}."))
        try:
            for path in self.files:
                shutil.copyfile(path, temporary / path.name)
            if tuned:
                self._write_weights(temporary)
            for path in temporary.iterdir():
                path.chmod(0o666 & ~umask())  # transformers makes the weights private
                with open(path, "rb") as stream:
                    os.fsync(stream.fileno())
            temporary.chmod(0o777 & ~umask())
            sha256 = loading.sha256_of_files(loading.files_of(temporary))
            shutil.rmtree(folder, ignore_errors=True)
            temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return sha256

    def _write_weights(self, folder: Path) -> None:
        """Replace the weights in a copy by the current ones."""
        for pattern in ("model*.safetensors*", "pytorch_model*"):
            for path in folder.glob(pattern):
                path.unlink()
        with loading.quiet_transformers():
            self.model.save_pretrained(folder)


def _window(model: Any, tokenizer: Any) -> int:
    """Return the subwords that one pass takes, including special ones."""
    positions = getattr(model.config, "max_position_embeddings", None) or 0
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
            positions -= module.padding_idx + 1  # RoBERTa numbers positions after that of the padding
    limits = [limit for limit in (positions, tokenizer.model_max_length) if 0 < limit < MAX_WINDOW]
    return min(limits, default=DEFAULT_WINDOW)
