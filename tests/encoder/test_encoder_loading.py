"""Loading an encoder: from a folder without a network, from the hub's cache, or not, with a reason."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from bilstm_crf.encoder.encoder import Encoder
from bilstm_crf.encoder.settings import FeatureSettings
from bilstm_crf.encoder.windows import split_words
from bilstm_crf.errors import DownloadError, InputError, UsageError


@pytest.fixture
def folder(own_encoder: Path) -> Path:
    return own_encoder


def configure(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.usefixtures("no_network")
def test_a_folder_is_loaded_silently_without_a_network(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder.parent)
    for name in (str(folder), "./encoder", "encoder"):
        assert Encoder.load(name).name == name
    assert capfd.readouterr() == ("", "")


def test_an_encoder_knows_its_sizes_and_special_pieces(encoder: Encoder) -> None:
    assert (encoder.dim, encoder.hidden_states, encoder.window, encoder.room) == (32, 4, 24, 22)
    vocabulary = encoder.tokenizer.get_vocab()
    first, last = ("[CLS]", "[SEP]") if "[CLS]" in vocabulary else ("<s>", "</s>")
    assert encoder.prefix == [vocabulary[first]]
    assert encoder.suffix == [vocabulary[last]]
    assert encoder.padding == vocabulary["[PAD]" if "[PAD]" in vocabulary else "<pad>"]
    assert not encoder.training
    assert {parameter.dtype for parameter in encoder.parameters()} == {torch.float32}


def test_a_window_is_what_the_positions_have_room_for(encoder: Encoder) -> None:
    """One subword more fails: RoBERTa's table of positions is longer than its window."""
    ids = torch.full((1, encoder.window), encoder.unknown)
    assert encoder(ids, torch.ones_like(ids), FeatureSettings()).shape == (1, 24, 32)
    ids = torch.full((1, encoder.window + 1), encoder.unknown)
    with pytest.raises((IndexError, RuntimeError)):
        encoder(ids, torch.ones_like(ids), FeatureSettings())


@pytest.mark.parametrize(("limit", "window"), [(20, 20), (512, 24), (10**30, 24)])
def test_the_tokenizers_limit_counts_where_it_is_one(folder: Path, limit: int, window: int) -> None:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "model_max_length": limit}))
    assert Encoder.load(str(folder)).window == window


@pytest.mark.parametrize("limit", [1, 2])
def test_a_window_with_room_for_no_word_is_refused(folder: Path, limit: int) -> None:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "model_max_length": limit}))
    with pytest.raises(InputError, match=f"reads {limit} subwords at a time, of which 2 are special"):
        Encoder.load(str(folder))


def test_weights_in_float16_are_loaded_as_float32(folder: Path) -> None:
    path = folder / "model.safetensors"
    halves = {name: tensor.half() for name, tensor in load_file(path).items()}
    save_file(halves, path, {"format": "pt"})
    configure(folder, dtype="float16")
    loaded = Encoder.load(str(folder))
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}


def test_the_hash_is_of_all_that_decides_the_vectors(folder: Path) -> None:
    seen = {Encoder.load(str(folder)).sha256}
    (folder / "README.md").write_text("no part of it")
    moved = folder.rename(folder.with_name("moved"))
    assert Encoder.load(str(moved)).sha256 in seen
    tensors = load_file(moved / "model.safetensors")
    tensors["encoder.layer.0.output.dense.bias"][0] += 1e-3
    save_file(tensors, moved / "model.safetensors", {"format": "pt"})
    seen.add(Encoder.load(str(moved)).sha256)
    configure(moved, layer_norm_eps=1e-5)
    seen.add(Encoder.load(str(moved)).sha256)
    tokenizer = (moved / "tokenizer.json").read_text()
    (moved / "tokenizer.json").write_text(tokenizer.replace('"clean_text": true', '"clean_text": false'))
    seen.add(Encoder.load(str(moved)).sha256)
    assert len(seen) == 4


# Beside a configuration of BERT, whose tokenizer reads vocab.txt
VOCABULARIES = {
    "a vocabulary of another kind": ("sentencepiece.bpe.model", "▁Kari" * 100),
    "a vocabulary in JSON": ("vocab.json", '{"a": 0}'),
    "special subwords alone": ("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"),
    "an empty vocabulary": ("vocab.txt", ""),
    "a page for a vocabulary": ("vocab.txt", "<html>\n404\n</html>\n"),
    "nothing for unknown words": ("vocab.txt", "a\nb\n"),
}


def wrong(folder: Path, kind: str) -> None:
    """Makes a good folder one that is not."""
    weights = folder / "model.safetensors"
    if kind == "no configuration":
        (folder / "config.json").unlink()
    elif kind == "no JSON":
        (folder / "config.json").write_text("{")
    elif kind == "no object":
        (folder / "config.json").write_text("[]")
    elif kind == "unknown kind":
        configure(folder, model_type="norbert9")
    elif kind == "no weights":
        weights.unlink()
    elif kind == "half the weights":
        weights.write_bytes(weights.read_bytes()[:5000])
    elif kind == "a tensor too few":
        tensors = load_file(weights)
        del tensors["encoder.layer.0.output.dense.weight"]
        save_file(tensors, weights, {"format": "pt"})
    elif kind == "other sizes":
        configure(folder, intermediate_size=40)
    elif kind == "lost shard":
        weights.unlink()
        index = {"metadata": {}, "weight_map": {"embeddings.weight": "model-00001-of-00001.safetensors"}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    elif kind == "no tokenizer":
        for path in folder.glob("tokenizer*"):
            path.unlink()
    elif kind in VOCABULARIES:
        for path in folder.glob("tokenizer*"):
            path.unlink()
        name, content = VOCABULARIES[kind]
        (folder / name).write_text(content)
    elif kind == "slow tokenizer":
        (folder / "tokenizer.json").unlink()
        (folder / "spiece.model").write_bytes(b"no SentencePiece")
        (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "AlbertTokenizer"}')
    elif kind == "a model of pictures":
        from transformers import ViTConfig, ViTModel

        sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
        ViTModel(ViTConfig(**sizes, image_size=8, patch_size=4)).save_pretrained(folder)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("no configuration", "no config.json"),
        ("no JSON", "cannot be read as JSON"),
        ("no object", "config.json: is not the configuration of an encoder"),
        ("unknown kind", "norbert9"),
        ("no weights", "has no weights: none of model.safetensors"),
        ("half the weights", "cannot be loaded as an encoder: SafetensorError"),
        (
            "a tensor too few",
            "the weights lack 1 of the model's tensors, for example encoder.layer.0.output.dense.weight",
        ),
        ("other sizes", "the tensor encoder.layer.0.intermediate.dense.bias has the shape (48,)"),
        ("lost shard", "is missing, but model.safetensors.index.json names it"),
        ("no tokenizer", "has no tokenizer: none of tokenizer.json"),
        ("a vocabulary of another kind", "its tokenizer, a BertTokenizer, has only special subwords"),
        ("a vocabulary in JSON", "its tokenizer, a BertTokenizer, has only special subwords"),
        ("special subwords alone", "its tokenizer, a BertTokenizer, has only special subwords"),
        ("an empty vocabulary", "Missing [UNK] token"),
        ("a page for a vocabulary", "Missing [UNK] token"),
        ("nothing for unknown words", "Missing [UNK] token"),
        ("slow tokenizer", "has no fast tokenizer"),
        ("a model of pictures", "is not an encoder of text"),
    ],
)
def test_a_folder_that_is_no_whole_encoder_says_why(
    kind: str, expected: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong(folder, kind)
    capfd.readouterr()
    with pytest.raises(InputError) as caught:
        Encoder.load(str(folder))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_tokenizer_of_another_model_is_noticed(folder: Path, written: Callable[..., Path]) -> None:
    shutil.copy(written("byte-level") / "tokenizer.json", folder)
    with pytest.raises(InputError, match="its tokenizer has a subword"):
        split_words(Encoder.load(str(folder)), [["Kari", "bur", "i", "Oslo"]])


def test_an_encoder_decoder_is_none(folder: Path) -> None:
    from transformers import T5Config

    T5Config(d_model=8, num_layers=1, num_heads=1).save_pretrained(folder)
    with pytest.raises(UsageError, match=r"encoder-decoder model \(t5\)"):
        Encoder.load(str(folder))


def test_what_is_no_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file, expected the folder"):
        Encoder.load(str(tmp_path / "file"))
    for name in ("./nowhere", str(tmp_path / "nowhere"), "~/no such folder"):
        with pytest.raises(InputError, match="no such folder"):
            Encoder.load(name)


CODE = """
from transformers import BertConfig, BertModel

class OwnConfig(BertConfig):
    model_type = "own"

class OwnModel(BertModel):
    config_class = OwnConfig
"""


def test_code_of_its_own_is_run_only_when_trusted(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    expected = Encoder.load(str(folder))
    configure(folder, model_type="own", auto_map={"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"})
    (folder / "own.py").write_text(CODE)
    with pytest.raises(UsageError, match="brings its own Python code") as caught:
        Encoder.load(str(folder))
    assert "--trust-remote-code" in str(caught.value.hint)
    found = Encoder.load(str(folder), trust_remote_code=True)
    assert type(found.model).__name__ == "OwnModel"
    ids = torch.tensor([[2, 7, 8, 3]])
    torch.testing.assert_close(found(ids, ids, FeatureSettings()), expected(ids, ids, FeatureSettings()))
    copied = tmp_path / "copy"
    assert found.save_copy(copied) == found.sha256
    Encoder.load(str(copied), trust_remote_code=True)
    (folder / "own.py").write_text(CODE + "# changed\n")
    assert Encoder.load(str(folder), trust_remote_code=True).sha256 != found.sha256


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's cache, empty, and no network."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def test_a_name_of_the_hub_is_found_in_its_cache(hub: Path, folder: Path) -> None:
    (hub / "models--someone--tiny" / "refs").mkdir(parents=True)
    (hub / "models--someone--tiny" / "refs" / "main").write_text("0123abcd")
    snapshot = hub / "models--someone--tiny" / "snapshots" / "0123abcd"
    shutil.copytree(folder, snapshot)
    found = Encoder.load("someone/tiny")
    assert found.name == "someone/tiny"
    assert found.sha256 == Encoder.load(str(folder)).sha256


def test_a_name_that_cannot_be_fetched_says_what_to_do(hub: Path) -> None:
    with pytest.raises(DownloadError, match="someone/tiny is no folder") as caught:
        Encoder.load("someone/tiny")
    assert "--encoder PATH" in str(caught.value.hint)


def test_a_name_that_can_be_no_name_of_the_hub_says_so(hub: Path) -> None:
    with pytest.raises(UsageError, match="neither a folder nor a name on the Hugging Face hub"):
        Encoder.load("a/b/c")


def test_without_transformers_the_message_says_what_to_install() -> None:
    program = """
import sys
sys.modules["transformers"] = None
import bilstm_crf.encoder.cache, bilstm_crf.encoder.scalar_mix
from bilstm_crf.encoder.encoder import Encoder
from bilstm_crf.errors import UsageError
try:
    Encoder.load("someone/tiny")
except UsageError as error:
    print(error, error.hint)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "transformers, which is not installed" in done.stdout
    assert "bilstm_crf[encoder]" in done.stdout
