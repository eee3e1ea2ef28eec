"""Sentences of the library `conllu` (extra `conllu`): in as `TokenList`, out as copies with labels."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bilstm_crf.labels import ENCODINGS
from bilstm_crf.sentence import Sentence, TokenSpan

if TYPE_CHECKING:
    from conllu import Token, TokenList


def words_of(sentence: TokenList) -> list[Token]:
    """Return the tokens that are words: no multi-word tokens (`3-4`), no empty nodes (`5.1`)."""
    return [token for token in sentence if isinstance(token["id"], int)]


def sentences_of(given: Sequence[TokenList]) -> list[Sentence]:
    """Return the words of each sentence, with documents that begin at `# newdoc`."""
    document: str | None = None
    sentences = []
    for number, each in enumerate(given):
        for key in ("newdoc id", "newdoc"):
            if key in each.metadata:
                document = each.metadata[key] or str(number)
        words = [token["form"] for token in words_of(each)]
        sentences.append(Sentence(words, document=document, id=each.metadata.get("sent_id")))
    return sentences


def labelled(
    given: Sequence[TokenList], spans: Sequence[Sequence[TokenSpan]], misc_key: str
) -> list[TokenList]:
    """Return copies of the sentences with the spans as labels (IOB2) in MISC."""
    copies = [copy.deepcopy(each) for each in given]
    for each, found in zip(copies, spans, strict=True):
        words = words_of(each)
        for token, label in zip(words, ENCODINGS["iob"].encode(list(found), len(words)), strict=True):
            token["misc"] = {**(token["misc"] or {}), misc_key: label}
    return copies
