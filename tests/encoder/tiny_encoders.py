"""Tiny encoders with random weights, of the three kinds of tokenizers, written as Hugging Face folders."""

from __future__ import annotations

import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bilstm_crf.encoder.encoder import Encoder
from bilstm_crf.encoder.features import Progress, compute_frozen, shape_of
from bilstm_crf.encoder.settings import FeatureSettings
from bilstm_crf.sentence import Sentence

WORDS = ["Kari", "bur", "i", "Oslo", "blåbær", "ikke", "▁", "nord", "mann", ",", "."]
LETTERS = string.ascii_letters + "æøåÆØÅéü0123456789.,-/<>[]|"
# Deleted by some tokenizers: a control character, a zero-width joiner, a variation selector
DELETED = "\x01", "\u200d", "\ufe0f"
SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "initializer_range": 0.3,  # so that every subword makes a difference to every other
}


def write_encoder(folder: Path, kind: str, *, window: int = 24, seed: int = 0) -> Path:
    """An encoder of the `kind` wordpiece, byte-level or unigram, that reads `window` subwords at a time."""
    from tokenizers.processors import TemplateProcessing
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, RobertaConfig, RobertaModel

    tokenizer = {"wordpiece": _wordpiece, "byte-level": _byte_level, "unigram": _unigram}[kind]()
    names = ("[CLS]", "[SEP]", "[PAD]", "[UNK]") if kind == "wordpiece" else ("<s>", "</s>", "<pad>", "<unk>")
    first, last, pad, unknown = names
    special = [(token, tokenizer.token_to_id(token)) for token in (first, last)]
    tokenizer.post_processor = TemplateProcessing(single=f"{first} $A {last}", special_tokens=special)
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=pad, unk_token=unknown)
    wrapped.save_pretrained(folder)
    sizes = {**SIZES, "vocab_size": tokenizer.get_vocab_size(), "pad_token_id": tokenizer.token_to_id(pad)}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if kind == "byte-level":  # which counts positions from behind that of the padding
            behind = sizes["pad_token_id"] + 1
            model = RobertaModel(RobertaConfig(**sizes, max_position_embeddings=window + behind))
        else:
            model = BertModel(BertConfig(**sizes, max_position_embeddings=window))
    model.save_pretrained(folder)
    return folder


def _wordpiece() -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    subwords = [*special, *LETTERS, *(f"##{letter}" for letter in LETTERS), *WORDS]
    vocabulary = {subword: number for number, subword in enumerate(dict.fromkeys(subwords))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(special)
    return tokenizer


def _byte_level() -> Any:
    """As RoBERTa has it: a word inside a sentence begins with the sign for the space before it."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([" ".join(WORDS)] * 3, trainer)
    return tokenizer


def _unigram() -> Any:
    """As SentencePiece has it: a word begins with ▁."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    special = ["<s>", "<pad>", "</s>", "<unk>"]
    subwords = [*special, "▁", *LETTERS, *(f"▁{word}" for word in WORDS)]
    scores = [0.0] * len(special) + [-10.0] * (len(LETTERS) + 1) + [-2.0] * len(WORDS)
    tokenizer = Tokenizer(models.Unigram(list(zip(subwords, scores, strict=True)), unk_id=3))
    deleted = normalizers.Replace(Regex("[\x01\u200d\ufe0f]"), "")
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), deleted])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    tokenizer.add_special_tokens(special)
    return tokenizer


def frozen_vectors(
    encoder: Encoder,
    sentences: Sequence[Sentence],
    settings: FeatureSettings,
    progress: Progress | None = None,
) -> np.ndarray:
    """The vectors of all words, as `compute_frozen` yields them."""
    vectors = np.empty(shape_of(encoder, sentences, settings), np.float16)
    for word, rows in compute_frozen(encoder, sentences, settings, progress=progress):
        vectors[word : word + len(rows)] = rows
    return vectors
