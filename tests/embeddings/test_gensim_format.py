"""gensim's own format is read as gensim reads it, and nothing that a pickle names is ever run."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import pickle
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bilstm_crf.embeddings import names
from bilstm_crf.embeddings.read import load_file
from bilstm_crf.errors import InputError
from done import Done

WORDS = ["og", "i", "Oslo", "blåbær"]
ROWS = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
SENTENCES = [WORDS, WORDS[::-1]] * 5


def keyed_vectors() -> Any:
    from gensim.models import KeyedVectors

    vectors = KeyedVectors(6, dtype=np.float32)
    vectors.add_vectors(WORDS, ROWS)
    return vectors


def models() -> dict[str, Any]:
    """Whole models of gensim; what is wanted of them is `wv`."""
    from gensim.models import FastText, Word2Vec

    options: dict[str, Any] = {"vector_size": 6, "min_count": 1, "epochs": 1, "workers": 1, "seed": 1}
    return {
        "word2vec": Word2Vec(SENTENCES, **options),
        "fasttext": FastText(SENTENCES, bucket=50, **options),
        "without n-grams": FastText(SENTENCES, bucket=0, max_n=0, **options),
    }


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("kind", ["float32", "float16", "float64", ">f4", "by columns"])
def test_a_table_of_any_protocol_and_type_is_read(protocol: int, kind: str, tmp_path: Path) -> None:
    vectors = keyed_vectors()
    rows = np.asfortranarray(ROWS) if kind == "by columns" else ROWS.astype(kind)
    vectors.vectors = rows
    vectors.save(str(tmp_path / "a.kv"), pickle_protocol=protocol)
    found = load_file(tmp_path / "a.kv")
    assert list(found.words) == WORDS
    np.testing.assert_array_equal(found.matrix, rows.astype(np.float32))


@pytest.mark.parametrize("separately", [False, True])
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("name", ["word2vec", "fasttext", "without n-grams"])
def test_models_and_their_vectors_are_what_gensim_gives(
    name: str, whole: bool, separately: bool, tmp_path: Path
) -> None:
    model = models()[name]
    wanted = {
        word: np.array(model.wv[word]) for word in [*WORDS, *(["Ålesund"] if name == "fasttext" else [])]
    }
    options = {"sep_limit": 1} if separately else {}
    (model if whole else model.wv).save(str(tmp_path / "a.model"), **options)
    assert (len(list(tmp_path.glob("*.npy"))) > 0) == separately
    found = load_file(tmp_path / "a.model")
    assert list(found.words) == model.wv.index_to_key
    for word in WORDS:
        np.testing.assert_array_equal(found.matrix[found.index[word]], wanted[word])
    if name == "fasttext":
        assert found.ngrams is not None
        np.testing.assert_allclose(found.from_ngrams("Ålesund"), wanted["Ålesund"], rtol=1e-6)


def test_the_layout_of_gensim_3_is_read(tmp_path: Path) -> None:
    from gensim.models import KeyedVectors

    old = KeyedVectors.__new__(KeyedVectors)
    old.__dict__.update(
        index2word=WORDS, syn0=ROWS, vector_size=6, vocab={word: {"count": 1} for word in WORDS}
    )
    (tmp_path / "a.model").write_bytes(pickle.dumps(old, protocol=2))
    found = load_file(tmp_path / "a.model")
    assert list(found.words) == WORDS
    np.testing.assert_array_equal(found.matrix, ROWS)


# ---------------------------------------------------------------- hostile pickles


class Runs:
    """A pickle of it calls `function(*arguments)` for whoever unpickles it."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


def hidden(thing: Any) -> Any:
    vectors = keyed_vectors()
    vectors.extra = thing
    return vectors


HOSTILE: dict[str, Callable[[Path], Any]] = {
    "os.system": lambda mark: Runs(os.system, f"touch {mark}"),
    "mkdir": lambda mark: Runs(os.mkdir, str(mark)),
    "eval": lambda mark: Runs(eval, f"open({str(mark)!r}, 'w')"),
    "exec": lambda mark: Runs(exec, f"open({str(mark)!r}, 'w')"),
    "open": lambda mark: Runs(open, str(mark), "w"),
    "in a list": lambda mark: [1, (2, {"a": Runs(os.mkdir, str(mark))})],
    "beside real vectors": lambda mark: hidden(Runs(os.mkdir, str(mark))),
    "through getattr": lambda mark: Runs(getattr, Runs(__import__, "os"), "mkdir"),
    "through numpy": lambda mark: Runs(np.savetxt, str(mark), [1]),
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("protocol", range(6))
def test_a_hostile_pickle_is_refused_and_not_run(
    protocol: int, make: Callable[[Path], Any], tmp_path: Path
) -> None:
    mark = tmp_path / "ran"
    (tmp_path / "a.bin").write_bytes(pickle.dumps(make(mark), protocol=protocol))
    with pytest.raises(InputError, match=r"refused|expected word vectors") as caught:
        load_file(tmp_path / "a.bin")
    assert not mark.exists()
    if protocol >= 2:
        assert "save_word2vec_format" in str(caught.value.hint)


def test_no_name_makes_a_pickle_run(tmp_path: Path, cli: Callable[..., Done]) -> None:
    mark = tmp_path / "ran"
    content = pickle.dumps(Runs(os.mkdir, str(mark)))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("model.bin", content)
    packed = [
        content,
        gzip.compress(content),
        bz2.compress(content),
        lzma.compress(content),
        stream.getvalue(),
    ]
    for suffix in [*names.SUFFIXES, ".npy", ".pkl", ".pickle", ".ftz", ""]:
        for data in packed:
            (tmp_path / f"a{suffix}").write_bytes(data)
            done = cli("embeddings", "info", tmp_path / f"a{suffix}")
            assert done.status == 2, done.err
            assert f"a{suffix}" in done.err
    assert not mark.exists()


def test_a_companion_that_is_a_pickle_is_refused(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    vectors = keyed_vectors()
    vectors.save(str(tmp_path / "a.kv"), separately=["vectors"])
    objects = np.array([Runs(os.mkdir, str(mark))], dtype=object)
    for content in (pickle.dumps(Runs(os.mkdir, str(mark))), npy(objects)):
        (tmp_path / "a.kv.vectors.npy").write_bytes(content)
        with pytest.raises(InputError, match=r"a\.kv\.vectors\.npy cannot be read"):
            load_file(tmp_path / "a.kv")
    assert not mark.exists()


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


SHAPES: dict[str, bytes] = {
    "a key that hashes for ever": b"\x80\x04}" + b")" + b"\x85" * 100_000 + b"K\x01s.",
    "deep": b"\x80\x04" + b")" + b"\x85" * 100_000 + b".",
    "a huge number in its memo": b"\x80\x02Nr\xff\xff\xff\x7f.",
    "a string of terabytes": b"\x80\x04\x8d" + (1 << 42).to_bytes(8, "little") + b"og.",
    "an empty stack": b"\x80\x04R.",
    "marks that do not match": b"\x80\x04(((u.",
    "a call of a string": b"\x80\x04X\x02\x00\x00\x00os)R.",
    "a state for a string": b"\x80\x04X\x02\x00\x00\x00os}b.",
    "a state for a name": b"\x80\x02cgensim\nKeyedVectors\nq\x00}X\x04\x00\x00\x00nameK\x05sb)R.",
    "a call with a string": b"\x80\x02cgensim\nKeyedVectors\nX\x02\x00\x00\x00osR.",
    "persistent": b"\x80\x04K\x01Q.",
    "an extension": b"\x80\x04\x82\x01.",
    "unknown memo": b"\x80\x04h\x07.",
}


@pytest.mark.parametrize("content", SHAPES.values(), ids=SHAPES.keys())
def test_a_pickle_of_any_shape_is_one_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.kv").write_bytes(content)
    with pytest.raises(InputError, match="a pickle"):
        load_file(tmp_path / "a.kv")


def test_calls_do_not_copy_their_arguments(tmp_path: Path) -> None:
    calls = 200
    content = b"\x80\x02(" + b"N" * 100_000 + b"tq\x01cgensim\nA\nq\x02" + b"h\x02h\x01R" * calls + b"."
    (tmp_path / "a.kv").write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="expected gensim"):
            load_file(tmp_path / "a.kv")
        assert tracemalloc.get_traced_memory()[1] < calls * 100_000  # of 8 bytes each
    finally:
        tracemalloc.stop()


def altered(**attributes: Any) -> Any:
    vectors = keyed_vectors()
    vectors.__dict__.update(attributes)
    return vectors


BAD: dict[str, tuple[Callable[[], Any], str]] = {
    "no words": (lambda: altered(index_to_key=None), "no list of words"),
    "a word that is a huge number": (lambda: altered(index_to_key=[1 << 20_000]), "no list of words"),
    "other numbers of words and rows": (lambda: altered(index_to_key=["og"]), "shape"),
    "a table that is a list": (lambda: altered(vectors=[[1.0]]), "no table"),
    "a table of one axis": (lambda: altered(vectors=ROWS[0]), "no table|shape"),
    "a table of whole numbers": (lambda: altered(vectors=np.ones((4, 6), int)), "no table"),
    "a value that is no number": (lambda: altered(vectors=np.full((4, 6), np.nan, np.float32)), "no numbers"),
    "n-grams of another kind": (lambda: altered(bucket=5, compatible_hash=False), "gensim before"),
    "absurd buckets": (lambda: altered(bucket=1 << 40, compatible_hash=True), "bucket"),
    "a dict of arrays": (lambda: dict(zip(WORDS, ROWS, strict=True)), "expected gensim's KeyedVectors"),
    "an array": (lambda: ROWS, "expected gensim's KeyedVectors"),
}


@pytest.mark.parametrize(("make", "message"), BAD.values(), ids=BAD.keys())
def test_what_is_no_table_of_vectors_is_one_error(
    make: Callable[[], Any], message: str, tmp_path: Path
) -> None:
    (tmp_path / "a.kv").write_bytes(pickle.dumps(make(), protocol=4))
    with pytest.raises(InputError, match=message):
        load_file(tmp_path / "a.kv")
