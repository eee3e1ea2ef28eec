"""Sentences of the library conllu, in and out."""

from __future__ import annotations

from pathlib import Path

import pytest

from bilstm_crf import Tagger
from bilstm_crf.formats import read
from bilstm_crf.inference.tokenlists import sentences_of
from bilstm_crf.labels import ENCODINGS
from runs import DEV

conllu = pytest.importorskip("conllu", reason="needs the extra conllu")

TEXT = """# newdoc id = a
1-2\tdu's\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No
1\tKari\t_\t_\t_\t_\t_\t_\t_\t_
2\tNordmann\t_\t_\t_\t_\t_\t_\t_\tname=O|x=y
2.1\tbur\t_\t_\t_\t_\t_\t_\t_\t_

1\tOslo\t_\t_\t_\t_\t_\t_\t_\t_

# newdoc
1\tBergen\t_\t_\t_\t_\t_\t_\t_\t_

"""


def test_the_sample_is_tagged_as_from_the_file(tiny_model: Path) -> None:
    tagger = Tagger.load(tiny_model)
    given = conllu.parse(Path(DEV).read_text("utf-8"))
    before = [sentence.serialize() for sentence in given]
    tagged = tagger.tag_tokenlists(given, misc_key="ner")
    assert [sentence.serialize() for sentence in given] == before
    for sentence, spans in zip(tagged, tagger.predict(list(read(DEV))), strict=True):
        words = [token for token in sentence if isinstance(token["id"], int)]
        expected = ENCODINGS["iob"].encode(spans, len(words))
        assert [token["misc"]["ner"] for token in words] == expected
        assert isinstance(sentence, conllu.TokenList)


def test_only_words_get_labels_and_the_rest_stays(tiny_model: Path) -> None:
    first, *_ = Tagger.load(tiny_model).tag_tokenlists(conllu.parse(TEXT))
    assert [token["form"] for token in first] == ["du's", "Kari", "Nordmann", "bur"]
    assert [list(token["misc"] or {}) for token in first] == [["SpaceAfter"], ["name"], ["name", "x"], []]


def test_newdoc_begins_a_document() -> None:
    sentences = sentences_of(conllu.parse(TEXT))
    assert [sentence.tokens for sentence in sentences] == [["Kari", "Nordmann"], ["Oslo"], ["Bergen"]]
    documents = [sentence.document for sentence in sentences]
    assert documents[0] == documents[1] == "a"
    assert documents[2] not in (None, "a")
