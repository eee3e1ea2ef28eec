"""A saved model predicts the same wherever it is copied, and says what is wrong when it is damaged."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save

from bilstm_crf import Tagger
from bilstm_crf.corpus.labelled import read_labelled
from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.errors import InputError, ModelFolderError
from bilstm_crf.features.vocabulary import Vocabulary
from bilstm_crf.formats import read
from bilstm_crf.inference.network import Network, load_loops
from bilstm_crf.labels import LabelSet
from bilstm_crf.model import model_folder
from bilstm_crf.model.model_folder import further_rows, load_model, save_model
from bilstm_crf.model.network import BiLSTMCRF, TrainableModel
from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.training.build import build_model
from bilstm_crf.training.pretrained import Pretrained
from done import Done
from runs import ROOT, TEST, small_config


@pytest.fixture
def copy(tiny_model: Path, tmp_path: Path) -> Path:
    """The model's folder, somewhere else, to be changed, with nothing but what a model needs."""
    folder = tmp_path / "copied model"
    folder.mkdir()
    for path in (tiny_model / "model.json", weights_of(tiny_model)):
        shutil.copy(path, folder)
    return folder


def weights_of(folder: Path) -> Path:
    (path,) = folder.glob("weights-*.safetensors")
    return path


def describe(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Changes model.json by hand."""
    description = json.loads((folder / "model.json").read_text("utf-8"))
    change(description)
    (folder / "model.json").write_text(json.dumps(description), "utf-8")


def test_a_copied_folder_gives_the_same_predictions(tiny_model: Path, copy: Path) -> None:
    sentences = list(read(TEST))
    predicted = Tagger.load(copy).predict(sentences)
    assert predicted == Tagger.load(tiny_model).predict(sentences)
    assert sum(map(len, predicted)) > 5


def test_saving_what_was_loaded_gives_the_same_bytes(copy: Path, tmp_path: Path) -> None:
    model = load_model(copy)
    save_model(model, tmp_path / "again", None)
    assert weights_of(tmp_path / "again").read_bytes() == weights_of(copy).read_bytes()
    assert (tmp_path / "again" / "model.json").read_bytes() == (copy / "model.json").read_bytes()


def test_the_word_table_is_stored_in_float16_and_the_rest_in_float32(copy: Path) -> None:
    tensors = load_file(weights_of(copy))
    assert tensors.pop("embedding.weight").dtype == torch.float16
    for text in ("words", "characters"):
        assert tensors.pop(text).dtype == torch.uint8
    assert {each.dtype for each in tensors.values()} == {torch.float32}


def test_loading_leaves_the_callers_random_numbers_alone(copy: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    load_model(copy)
    assert torch.equal(torch.rand(2), expected)


# ---------------------------------------------------------------- words beyond the training words


def vectors_of(*words: str, dim: int = 20) -> WordVectors:
    random = np.random.default_rng(1)
    return WordVectors("test", list(words), random.standard_normal((len(words), dim)).astype(np.float32))


def untrained(tmp_path: Path, vectors: WordVectors | None, **changes: Any) -> TrainableModel:
    config = small_config(tmp_path, **changes)
    return build_model(
        config, read_labelled(config.data.train, LabelSet.named("full")).sentences, Pretrained(vectors)
    )


def vectors_in(model: model_folder.Model, words: list[str]) -> np.ndarray:
    """The vectors that the network reads for these words."""
    encoded = model.vocabulary.encode([words])
    no_characters = dataclasses.replace(model.architecture, characters=False)
    network = Network(dataclasses.replace(model, architecture=no_characters))
    return network.representations(encoded, load_loops(0))[encoded.tokens]


def test_words_of_the_vectors_that_training_never_saw_are_found_without_the_vectors(tmp_path: Path) -> None:
    vectors = vectors_of("Abisko", "abisko", "kari", "A0b", "A1b", "i")
    model = untrained(tmp_path, vectors)
    save_model(model, tmp_path / "model", vectors)
    loaded = load_model(tmp_path / "model")
    for word, row in (("Abisko", 0), ("ABISKO", 1), ("A7b", 3)):
        (number,) = loaded.vocabulary.encode([[word]]).word_ids
        assert number > len(model.vocabulary.words)
        assert np.array_equal(
            vectors_in(loaded, [word])[0], vectors.matrix[row].astype(np.float16).astype(np.float32)
        )
    assert "A1b" not in loaded.vocabulary.words, "no look-up can reach a word with the digit 1"


def test_a_saved_model_predicts_what_the_trained_one_did(tmp_path: Path) -> None:
    vectors = vectors_of("Abisko", "Narvik", "Lofoten", "i", "og", "A\u030ase", "TV2", "TV0", "2019")
    model = untrained(tmp_path, vectors)
    save_model(model, tmp_path / "model", vectors)
    words = ["Abisko", "ligger", "i", "Lofthus", "Åse", "TV2", "TV3", "1999", "2019", "Ａbisko"]
    sentences = [Sentence(words), *read(TEST)]
    loaded = load_model(tmp_path / "model")
    assert np.array_equal(vectors_in(model, words), vectors_in(loaded, words))
    assert Tagger.load(tmp_path / "model").predict(sentences) == Tagger(model).predict(sentences)


def test_a_model_that_does_not_speak_of_digits_looks_them_up_as_noughts(copy: Path) -> None:
    """Those of version 0.1.0, whose format is the same."""
    before = Tagger.load(copy).predict(list(read(TEST)))
    describe(copy, lambda d: d.pop("digits"))
    tagger = Tagger.load(copy)
    assert tagger.model.vocabulary.digits == "zero"
    assert tagger.predict(list(read(TEST))) == before


def test_a_model_of_version_0_1_0_tags_as_it_did() -> None:
    """Its predictions were written down with that version."""
    tagger = Tagger.load(ROOT / "tests" / "models" / "version-0.1.0")
    words = [
        "Kari",
        "Nordmann",
        "bur",
        "i",
        "Oslo",
        "i",
        "2019",
        ",",
        "og",
        "Stortinget",
        "møttes",
        "17.",
        "mai",
    ]
    found = tagger.tag_tokens([*words, "."]).token_spans
    assert found == [TokenSpan(0, 2, "PER"), TokenSpan(4, 5, "ORG"), TokenSpan(9, 10, "ORG")]
    predicted = tagger.predict(list(read(TEST))[:12])
    assert predicted == [
        [(8, 9, "LOC")], [], [], [(1, 2, "LOC")], [], [(11, 14, "PER")], [], [(4, 6, "ORG")], [],
        [(1, 2, "PER"), (7, 8, "LOC")], [(1, 2, "PER")], [(0, 1, "ORG"), (2, 3, "ORG")],
    ]  # fmt: skip


def test_only_as_many_words_are_saved_as_there_is_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = vectors_of("Qabisko", "Qnarvik", "Qlofoten")
    model = untrained(tmp_path, vectors)
    monkeypatch.setattr(model_folder, "MAX_WORD_BYTES", 2 * 20 * (len(model.vocabulary.words) + 1 + 2))
    save_model(model, tmp_path / "model", vectors)
    words = load_model(tmp_path / "model").vocabulary.words
    assert [word in words for word in vectors.words] == [True, True, False]


def test_attached_vectors_give_words_that_the_folder_had_no_room_for(copy: Path, tmp_path: Path) -> None:
    file = tmp_path / "vectors.vec"
    numbers = " ".join(["0.5"] * 20)
    file.write_text(f"2 20\nQsvolvær {numbers}\nKabelvåg {numbers}\n", "utf-8")
    tagger = Tagger.load(copy, embeddings=str(file))
    known = len(tagger.model.vocabulary.words)
    encoded = tagger.model.vocabulary.encode([["Qsvolvær", "Kabelvåg", "Stamsund"]])
    assert encoded.word_ids.tolist() == [known + 1, known + 2, 0]
    assert len(tagger.tag_tokens(["Qsvolvær", "og", "Kabelvåg"])) == 3


def test_attached_vectors_of_another_dimension_are_an_error(copy: Path, tmp_path: Path) -> None:
    file = tmp_path / "vectors.vec"
    file.write_text("1 3\nQsvolvær 1 2 3\n", "utf-8")
    with pytest.raises(InputError, match="3 dimensions"):
        Tagger.load(copy, embeddings=str(file))


def test_attached_vectors_of_another_training_are_an_error(tmp_path: Path) -> None:
    """The model's own are in order, in any format and with more words than it holds."""
    vectors = vectors_of("Abisko", "Narvik", "Lofoten", "i", "og")
    save_model(untrained(tmp_path, vectors), tmp_path / "model", vectors)
    others = np.random.default_rng(2).standard_normal(vectors.matrix.shape)
    for name, matrix in (("own.vec", vectors.matrix), ("other.vec", others)):
        lines = [f"{word} {' '.join(map(str, row))}" for word, row in zip(vectors.words, matrix, strict=True)]
        (tmp_path / name).write_text("\n".join(["5 20", *lines]), "utf-8")
    Tagger.load(tmp_path / "model", embeddings=str(tmp_path / "own.vec"))
    with pytest.raises(InputError, match="5 shared words") as caught:
        Tagger.load(tmp_path / "model", embeddings=str(tmp_path / "other.vec"))
    assert caught.value.exit_status == 2


def test_a_training_word_with_a_line_end_does_not_shift_the_words_after_it(tmp_path: Path) -> None:
    vocabulary = Vocabulary.of_corpus([Sentence(["New\nYork", "Oslo"])], ["O"])
    model = untrained(tmp_path, None)
    table = torch.arange(3 * 20, dtype=torch.float32).reshape(3, 20)
    network = BiLSTMCRF(model.architecture, len(vocabulary.characters), 1, table)
    save_model(
        dataclasses.replace(model, vocabulary=vocabulary, weights=network.weights()),
        tmp_path / "model",
        None,
    )
    loaded = load_model(tmp_path / "model").vocabulary
    for each in (vocabulary, loaded):
        assert each.encode([["New\nYork", "Oslo", "new\nyork"]]).word_ids.tolist() == [1, 2, 0]


def test_vectors_whose_words_are_all_known_bring_no_further_rows(tmp_path: Path) -> None:
    model = untrained(tmp_path, None)
    assert list(further_rows(model.vocabulary, vectors_of(*list(model.vocabulary.words)[:3]))) == []


def test_ngrams_that_were_fitted_travel_with_the_model(tmp_path: Path) -> None:
    vectors = vectors_of("Narvik", "Narvika", "Lofoten", "i", "og").with_subwords(100)
    model = untrained(tmp_path, vectors)
    assert vectors.ngrams is not None
    save_model(model, tmp_path / "model", vectors)
    loaded = load_model(tmp_path / "model")
    (found,) = vectors_in(loaded, ["Narvikfolk"])
    assert np.array_equal(found, vectors.from_ngrams("Narvikfolk").astype(np.float16).astype(np.float32))
    sentences = [Sentence(["Narviks", "folk", "i", "Lofotens", "漢字"]), *read(TEST)]
    assert Tagger(loaded).predict(sentences) == Tagger(model).predict(sentences)
    save_model(loaded, tmp_path / "again", None)
    assert weights_of(tmp_path / "again").read_bytes() == weights_of(tmp_path / "model").read_bytes()


def test_training_may_see_words_as_their_ngrams_make_them(tmp_path: Path) -> None:
    """As tagging sees what the vectors lack; a word of unknown n-grams keeps the vector that it has."""
    vectors = vectors_of("Narvik", "Narvika", "Lofoten", "i", "og").with_subwords(100)
    model = untrained(tmp_path, vectors, subword_dropout=0.5)
    seen = model.network.embedding.get_buffer("vectors_0")
    assert (model.network.embedding.get_buffer("probability_0") == 0.5).all()
    assert vectors.ngrams is not None
    unmade = 0
    for word, number in model.vocabulary.words.items():
        made = vectors.from_ngrams(word)
        unmade += made is None
        expected = model.network.embedding.weight[number] if made is None else torch.from_numpy(made)
        assert torch.equal(seen[number], expected)
    assert 0 < unmade < len(model.vocabulary.words)


def test_attached_vectors_leave_the_models_own_ngrams_in_use(tmp_path: Path) -> None:
    vectors = vectors_of("Narvik", "Narvika", "Lofoten", "i", "og").with_subwords(100)
    save_model(untrained(tmp_path, vectors), tmp_path / "model", vectors)
    file = tmp_path / "vectors.vec"
    file.write_text(f"1 20\nQsvolvær {' '.join(['0.5'] * 20)}\n", "utf-8")
    vocabulary = Tagger.load(tmp_path / "model", embeddings=str(file)).model.vocabulary
    known = len(vocabulary.words)
    ids = vocabulary.encode([["Qsvolvær", "Narvikfolk", "漢字"]]).word_ids
    assert ids.tolist() == [known + 1, known + 2, 0]


def test_ngrams_and_their_vectors_must_agree(tmp_path: Path) -> None:
    vectors = vectors_of("Narvik", "Lofoten").with_subwords(100)
    save_model(untrained(tmp_path, vectors), tmp_path / "model", vectors)
    resign(tmp_path / "model", lambda tensors: tensors.update({"subwords.scales": torch.zeros(3)}))
    with pytest.raises(ModelFolderError, match=r"subwords.scales is float32 \(3\), expected float32 \("):
        load_model(tmp_path / "model")


# ---------------------------------------------------------------- damage


def resign(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Changes the tensors and makes the hash right again, as someone with a purpose could."""
    path = weights_of(folder)
    tensors = load_file(path)
    change(tensors)
    path.write_bytes(save(tensors))
    describe(folder, lambda d: d.update(sha256=hashlib.sha256(path.read_bytes()).hexdigest()))


def set_words(words: str) -> Callable[[dict[str, torch.Tensor]], object]:
    return lambda tensors: tensors.update(words=torch.tensor(list(words.encode()), dtype=torch.uint8))


def relabel(type_: str) -> Callable[[Path], None]:
    """Gives the first entity type another name."""

    def change(description: dict[str, Any]) -> None:
        description["labels"][1:3] = [f"B-{type_}", f"I-{type_}"]

    return lambda folder: describe(folder, change)


def nested(depth: int) -> list[Any]:
    return [nested(depth - 1)] if depth else []


def says(**values: Any) -> Callable[[Path], None]:
    return lambda folder: describe(folder, lambda description: description.update(values))


def sizes(**values: Any) -> Callable[[Path], None]:
    return lambda folder: describe(folder, lambda description: description["architecture"].update(values))


def convert(name: str, dtype: torch.dtype) -> Callable[[Path], None]:
    return lambda folder: resign(folder, lambda tensors: tensors.update({name: tensors[name].to(dtype)}))


def flatten(name: str) -> Callable[[Path], None]:
    return lambda folder: resign(folder, lambda tensors: tensors.update({name: tensors[name].flatten()}))


def spoil(name: str, number: float) -> Callable[[Path], None]:
    """One of many thousand numbers."""
    return lambda folder: resign(folder, lambda tensors: tensors[name].view(-1)[-1:].fill_(number))


def link(path: Path, target: Path | str) -> None:
    path.unlink()
    path.symlink_to(target)


def twice(tensors: dict[str, torch.Tensor]) -> None:
    """The second word becomes the first one."""
    first, _, *others = bytes(tensors["words"].numpy()).decode().split("\n")
    set_words("\n".join([first, first, *others]))(tensors)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (lambda f: shutil.rmtree(f), "no such folder"),
    "empty folder": (lambda f: [p.unlink() for p in f.iterdir()], "it has no model.json"),
    "no model.json": (lambda f: (f / "model.json").unlink(), "it has no model.json"),
    "no weights": (lambda f: weights_of(f).unlink(), "is missing, but model.json names it"),
    "a file": (lambda f: (shutil.rmtree(f), f.write_text("a file")), "is a file, expected the folder"),
    "weights renamed": (lambda f: weights_of(f).rename(f / "weights.safetensors"), "is missing"),
    "model.json a folder": (lambda f: ((f / "model.json").unlink(), (f / "model.json").mkdir()), "Is a dir"),
    "weights a folder": (lambda f: (w := weights_of(f), w.unlink(), w.mkdir()), "Is a directory"),
    "empty JSON": (lambda f: (f / "model.json").write_bytes(b""), "cannot be read as JSON"),
    "garbage JSON": (lambda f: (f / "model.json").write_bytes(b"\xff\xfe{"), "cannot be read as JSON"),
    "deep JSON": (lambda f: (f / "model.json").write_bytes(b"[" * 99_999), "cannot be read as JSON"),
    "a list": (lambda f: (f / "model.json").write_bytes(b"[]"), "is not a model of bilstm_crf"),
    "foreign JSON": (lambda f: (f / "model.json").write_bytes(b'{"vocab": 3}'), "is not a model of"),
    "newer format": (says(format=6, version="9.1"), "format 6 .*9.1"),
    "unknown digits": (says(digits="both"), "digits is 'both'"),
    "older format": (says(format=1), "has format 1"),
    "no format": (lambda f: describe(f, lambda d: d.pop("format")), "has format None"),
    "no labels": (lambda f: describe(f, lambda d: d.pop("labels")), "lacks the field labels"),
    "labels null": (says(labels=None), "labels is None, expected a list"),
    "labels a string": (says(labels="abc"), "labels is 'abc', expected a list"),
    "labels shortened": (lambda f: describe(f, lambda d: d["labels"].pop()), "not the labels of iob"),
    "a type gone": (lambda f: describe(f, lambda d: d["labels"].__delitem__(slice(-2, None))), "not fit"),
    "labels turned": (lambda f: describe(f, lambda d: d["labels"].reverse()), "entity type '' is empty"),
    "no O": (says(labels=[]), "not the labels of iob"),
    "encoding": (says(encoding="bilou"), "encoding is 'bilou'"),
    "another encoding": (says(encoding="iobes"), "labels of iobes"),
    "hidden": (sizes(hidden=22), "does not fit"),
    "hidden 0": (sizes(hidden=0), "hidden is 0, exp"),
    "hidden vast": (sizes(hidden=2 * 10**6), "does not"),
    "hidden a word": (sizes(hidden="x"), "hidden is 'x'"),
    "layers": (sizes(layers=2), "does not fit"),
    "ensemble": (sizes(ensemble_size=2), "does not fit"),
    "unknown size": (sizes(heads=8), "has no field .heads"),
    "dim": (says(dim=21), "does not fit"),
    "label set": (says(label_set={"name": "full", "types": 5}), "types is 5"),
    "weights elsewhere": (says(weights="model.json"), "is damaged"),
    "weights NUL": (says(weights="a\0b"), "expected the name of a file"),
    "not safetensors": (
        lambda f: (weights_of(f).write_bytes(b"PK\3\4"), describe(f, lambda d: d.update(sha256=hashlib.sha256(
            b"PK\3\4").hexdigest()))), "is no safetensors file"),
    "a word too few": (lambda f: resign(f, set_words("i\nog")), "2 words, but"),
    "words not UTF-8": (lambda f: resign(f, lambda t: t["words"].fill_(255)), "does not fit"),
    "a character too few": (lambda f: resign(f, lambda t: t.update(characters=t["characters"][1:])), "fit"),
    "no table": (lambda f: resign(f, lambda t: t.pop("embedding.weight")), "does not fit"),
    "a tensor too few": (lambda f: resign(f, lambda t: t.pop("members.0.crf.transitions")), "does not fit"),
    "a tensor too many": (lambda f: resign(f, lambda t: t.update(x=torch.zeros(1))), "does not fit"),
    "labels twice": (lambda f: describe(f, lambda d: d["labels"].extend(d["labels"][1:3])), "not the labels"),
    "a label with a line end": (relabel("X\n9\tINJECTED\t_"), "entity type .* control characters"),
    "a label with a control character": (relabel("X\x1b[2J"), "entity type .* control characters"),
    "a label with a bar": (relabel("A|B"), "entity type"),
    "half a surrogate pair": (relabel("\ud83d"), "entity type"),
    "an entity type with a blank": (says(label_set={"name": "x", "types": {"PER": "A B"}}), "'PER' is 'A B'"),
    "dropout huge": (sizes(dropout=1e308), "dropout is 1e"),
    "dropout vast": (sizes(dropout=10**400), "dropout is"),
    "dropout NaN": (sizes(dropout=float("nan")), "dropout"),
    "dropout text": (sizes(dropout="0.5"), "a number"),
    "head a number": (sizes(head=5), "head is 5, expected"),
    "head unknown": (sizes(head="crf2"), "head is 'crf2'"),
    "mask unknown": (sizes(input_dropout="x"), "input_drop"),
    "characters null": (sizes(characters=None), "true or f"),
    "hidden true": (sizes(hidden=True), "hidden is True"),
    "layers vast": (sizes(layers=2**62), "layers is 46.*, expected"),
    "an encoder's size": (sizes(contextual_dim=9**9), "does"),
    "layers of an encoder": (sizes(contextual_layers=3), "mix.weights is missing"),
    "memory": (sizes(document_memory=5), "is missing"),
    "architecture a list": (says(architecture=[]), "architecture is ..,"),
    "words a text": (says(words="many"), "words is 'many', .* number"),
    "words fewer": (says(words=3), "words, but model.json says 3"),
    "dim negative": (says(dim=-1), "dim is -1"),
    "provenance null": (says(provenance=None), "provenance is None"),
    "format true": (says(format=2.0), "has format 2.0"),
    "sha256 short": (says(sha256="12"), "64 hexadecimal"),
    "weights outside": (says(weights="../x"), "file in this folder"),
    "weights a long name": (says(weights="x" * 999), "file in this folder"),
    "huge JSON": (lambda f: os.truncate(f / "model.json", 1 << 34), "more than 16,000,000 bytes"),
    "deep value": (says(labels=nested(700)), "labels|nested"),
    "model.json a pipe": (lambda f: ((f / "model.json").unlink(), os.mkfifo(f / "model.json")), "is a pipe"),
    "model.json a device": (lambda f: link(f / "model.json", "/dev/zero"), "is a pipe or a device"),
    "weights a pipe": (lambda f: (w := weights_of(f), w.unlink(), os.mkfifo(w)), "is a pipe or a device"),
    "weights a device": (lambda f: link(weights_of(f), "/dev/zero"), "is a pipe or a device"),
    "weights a loop": (lambda f: link(weights_of(f), weights_of(f)), "cannot be read: Too many"),
    "table of float32": (convert("embedding.weight", torch.float32), "float32 .*float16"),
    "weights of float64": (convert("members.0.to_labels.bias", torch.float64), "float64"),
    "weights of whole numbers": (convert("members.0.crf.transitions", torch.int64), "transitions is int64"),
    "words of float32": (convert("words", torch.float32), "words is float32"),
    "NaN in the table": (spoil("embedding.weight", float("nan")), "holds NaN or inf"),
    "infinity in the CRF": (spoil("members.0.crf.transitions", float("-inf")), "NaN or inf"),
    "NaN in the LSTM": (spoil("members.0.lstm.weight_hh_l0", float("nan")), "NaN or inf"),
    "1-d transitions": (flatten("members.0.crf.transitions"), "transitions is float32 .289."),
    "1-d LSTM": (flatten("members.0.lstm.weight_ih_l0"), "is float32 .[0-9]+., expected float32 .40, 70."),
    "1-d convolution": (flatten("char_cnn.convolution.weight"), "expected float32 .50, 30, 3."),
    "2-d words": (lambda f: resign(f, lambda t: t.update(words=t["words"][None])), "words is uint8 .1, "),
    "a word twice": (lambda f: resign(f, twice), "words holds .* twice"),
    "a character twice": (lambda f: resign(f, lambda t: t["characters"][:2].fill_(97)), "holds 'a' twice"),
    "flat table": (lambda f: resign(f, lambda t: t.update({"embedding.weight": torch.zeros(9)})), "not fit"),
    **{f"weights cut to {n}": (lambda f, n=n: os.truncate(weights_of(f), n), "is damaged")
       for n in (0, 1, 7, 8, 100, 5000)},
    **{f"model.json cut to {n}": (lambda f, n=n: os.truncate(f / "model.json", n), "cannot be read as JSON")
       for n in (0, 1, 40, 300)},
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_said_in_one_line(damage: str, copy: Path) -> None:
    harm, message = DAMAGE[damage]
    harm(copy)
    with pytest.raises(ModelFolderError, match=message) as caught:
        load_model(copy)
    said = str(caught.value)
    assert said.startswith(str(copy))
    assert said.isprintable()
    assert len(said) - len(str(copy)) < 250


@pytest.mark.parametrize("damage", ["no folder", "a file", "garbage JSON", "weights cut to 100", "hidden"])
def test_the_command_line_says_it_with_status_2(damage: str, copy: Path, cli: Callable[..., Done]) -> None:
    DAMAGE[damage][0](copy)
    done = cli("tag", "--model", copy, TEST)
    assert (done.status, done.out) == (2, b"")
    assert done.err.startswith(f"error: {copy}")
    assert len(done.err.splitlines()) <= 2


@pytest.mark.parametrize("place", [0, 9, 200, 5000, -1])
def test_one_flipped_bit_is_found(place: int, copy: Path) -> None:
    content = bytearray(weights_of(copy).read_bytes())
    content[place] ^= 1
    weights_of(copy).write_bytes(content)
    with pytest.raises(ModelFolderError, match="is damaged"):
        load_model(copy)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("part", ["model.json", "weights", "folder"])
def test_what_may_not_be_read_is_said(part: str, copy: Path) -> None:
    path = {"model.json": copy / "model.json", "weights": weights_of(copy), "folder": copy}[part]
    path.chmod(0)
    try:
        with pytest.raises(ModelFolderError, match="Permission denied"):
            load_model(copy)
    finally:
        path.chmod(0o755)
