"""Models with character n-grams: the vector of a word that is not in the table is the one gensim gives."""

from __future__ import annotations

import gzip
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bilstm_crf.embeddings.coverage import coverage
from bilstm_crf.embeddings.read import load_file
from bilstm_crf.errors import InputError
from vector_files import write

UNSEEN = ["Nordmannslia", "blåbærsyltetøyglass", "a", "Å", "17.5.1905", "😀"]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model in Facebook's format, written by gensim."""
    from gensim.models import FastText
    from gensim.models.fasttext import save_facebook_model

    words = ["Oslo", "Bergen", "blåbær", "og", "i", "syltetøy", "flytta"]
    chosen = random.Random(0)
    sentences = [[chosen.choice(words) for _ in range(8)] for _ in range(30)]
    trained = FastText(sentences, vector_size=6, min_count=1, bucket=500, epochs=1, workers=1, seed=1)
    path = tmp_path_factory.mktemp("fasttext") / "model.bin"
    save_facebook_model(trained, str(path))
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_every_vector_is_the_one_that_gensim_gives(model: Path, packed: bool, tmp_path: Path) -> None:
    from gensim.models.fasttext import load_facebook_vectors

    content = model.read_bytes()
    ours = load_file(write(tmp_path / "named.txt", gzip.compress(content) if packed else content))
    theirs = load_facebook_vectors(str(model))
    assert ours.words == theirs.index_to_key
    assert isinstance(ours.matrix, np.memmap)
    np.testing.assert_array_equal(ours.matrix, theirs.vectors)
    assert ours.ngrams is not None
    for word in UNSEEN:
        np.testing.assert_allclose(ours.from_ngrams(word), theirs[word], rtol=1e-6)


def test_reading_imports_no_package_for_training(model: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from bilstm_crf.embeddings.read import load_file\n"
        "vectors = load_file(Path(sys.argv[1])); assert vectors.find('Nordmannslia') is not None\n"
        "assert not {'gensim', 'scipy', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(model)], check=True)


def test_a_word_without_n_grams_has_no_vector(model: Path) -> None:
    vectors = load_file(model)
    assert vectors.ngrams is not None
    assert vectors.from_ngrams("") is None


def test_gensims_own_format_gives_the_same(model: Path, tmp_path: Path) -> None:
    from gensim.models.fasttext import load_facebook_vectors

    theirs = load_facebook_vectors(str(model))
    theirs.save(str(tmp_path / "a.kv"))
    vectors = load_file(tmp_path / "a.kv")
    np.testing.assert_array_equal(vectors.matrix, theirs.vectors)
    assert vectors.source is not None
    assert vectors.source.format == "gensim"
    assert vectors.ngrams is not None
    np.testing.assert_allclose(vectors.from_ngrams(UNSEEN[0]), theirs[UNSEEN[0]], rtol=1e-6)


def test_gensims_own_format_is_memory_mapped_where_its_table_has_a_file(tmp_path: Path) -> None:
    from gensim.models import KeyedVectors

    saved = KeyedVectors(3, dtype=np.float32)
    saved.add_vectors(["og", "i"], np.arange(6, dtype=np.float32).reshape(2, 3))
    saved.save(str(tmp_path / "a.kv"), separately=["vectors"])
    vectors = load_file(tmp_path / "a.kv")
    assert isinstance(vectors.matrix, np.memmap)
    assert vectors.words == ["og", "i"]
    (tmp_path / "a.kv.vectors.npy").unlink()
    with pytest.raises(InputError, match=r"a\.kv\.vectors\.npy cannot be read") as caught:
        load_file(tmp_path / "a.kv")
    assert "beside it" in str(caught.value.hint)


def test_a_model_cut_anywhere_is_an_error(model: Path, tmp_path: Path) -> None:
    content = model.read_bytes()
    # The output matrix comes last and is not needed, so the tail may be missing.
    needed = len(content) - 7 * 6 * 4 - 17
    for cut in [8, 30, 60, 90, 120, 170, needed // 2, needed - 1]:
        with pytest.raises(InputError, match="fastText model that is cut short"):
            load_file(write(tmp_path / str(cut), content[:cut]))


def test_a_classifier_is_no_word_vectors(model: Path, tmp_path: Path) -> None:
    content = bytearray(model.read_bytes())
    content[8 + 7 * 4] = 3  # the setting `model`: supervised
    with pytest.raises(InputError, match="a fastText classifier"):
        load_file(write(tmp_path / "a.bin", bytes(content)))


def test_coverage_counts_types_and_tokens_by_the_way_they_were_found(model: Path) -> None:
    counted = coverage({"Oslo": 5, "FLYTTA": 2, "Tromsø": 3, "": 1}, load_file(model))
    assert counted.types == {"exact": 1, "lower-cased": 1, "subword": 1, "none": 1}
    assert counted.tokens == {"exact": 5, "lower-cased": 2, "subword": 3, "none": 1}
    assert counted.line().startswith(
        "tokens 45.5 % exact, 18.2 % lower-cased, 27.3 % subword, 9.1 % none; types"
    )
    assert "5 (45.5 %)" in counted.table()


def test_the_real_model_is_looked_up_as_gensim_does(shared: Path, tmp_path: Path) -> None:
    from gensim.models.fasttext import load_facebook_vectors

    path = tmp_path / "subword.bin"
    path.symlink_to(shared / "embeddings" / "subword-sg50.fasttext.bin")
    ours, theirs = load_file(path), load_facebook_vectors(str(path))
    assert len(ours) == 14_644  # with the end of a line, `</s>`
    assert ours.ngrams is not None
    for word in [*UNSEEN, "Stortingspresidentens"]:
        if word not in ours.index:
            np.testing.assert_allclose(ours.from_ngrams(word), theirs[word], rtol=1e-5, atol=1e-7)
