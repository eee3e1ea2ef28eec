"""A saved or pushed model is the same model, with a card that the hub can read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("huggingface_hub", reason="needs the extra hub")

import yaml
from huggingface_hub import ModelCard
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from bilstm_crf import Tagger
from bilstm_crf.errors import DownloadError, UsageError
from bilstm_crf.hub.card import front_matter
from bilstm_crf.hub.fetch import find
from bilstm_crf.hub.info import read_info
from bilstm_crf.inference import box
from bilstm_crf.util.files import sha256_of
from done import Done
from hub_server import TOKEN, Hub

MODEL = Path(__file__).resolve().parent.parent / "models" / "version-0.1.0"
NAME = "kari/navn"
TEXT = "Kari Nordmann flytta til Bergen."


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A model whose folder says what it was trained on, and holds another file of the run."""
    folder = Path(shutil.copytree(MODEL, tmp_path / "recorded"))
    files = {
        split: [{"path": f"data/no_bokmaal-ud-{split}.conllu", "sha256": 64 * digit, "sentences": 10}]
        for split, digit in (("train", "1"), ("dev", "2"))
    }
    scores = {"precision": 0.87654321, "recall": 0.8, "f1": 0.8365}
    change(folder, {**description(folder)["provenance"], "data": files, "dev": scores})
    weights = folder / description(folder)["weights"]
    save_file(load_file(weights), weights, metadata={"another": "hash"})
    content = {**description(folder), "sha256": sha256_of(weights)}
    (folder / "model.json").write_text(json.dumps(content), "utf-8")
    (folder / "config.json").write_text("{}", "utf-8")
    return folder


@pytest.fixture(params=["plain", "packed"])
def tagger(request: pytest.FixtureRequest, recorded: Path) -> Tagger:
    if request.param == "plain":
        return Tagger.load(recorded)
    if not (box.FOLDER / "model.json").is_file():
        pytest.skip("needs the model in the box: this checkout has none")
    return Tagger.load()


def change(folder: Path, provenance: dict[str, Any]) -> None:
    content = {**description(folder), "provenance": provenance}
    (folder / "model.json").write_text(json.dumps(content), "utf-8")


def description(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "model.json").read_text("utf-8"))
    return content


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def card(text: str) -> dict[str, Any]:
    _, metadata, body = text.split("---\n", 2)
    assert body.startswith("# ")
    found: dict[str, Any] = yaml.safe_load(metadata)
    return found


# ---------------------------------------------------------------- saving


def test_a_saved_model_has_the_same_bytes(tagger: Tagger, tmp_path: Path) -> None:
    tagger.save_pretrained(tmp_path / "saved")
    assert tagger.folder is not None
    weights = description(tagger.folder)["weights"]
    assert names(tmp_path / "saved") == {"model.json", weights, "README.md"}
    for name in ("model.json", weights):
        assert (tmp_path / "saved" / name).read_bytes() == (tagger.folder / name).read_bytes()
    assert Tagger.from_pretrained(tmp_path / "saved").tag(TEXT).spans == tagger.tag(TEXT).spans


def test_a_model_in_memory_is_saved_as_well(tmp_path: Path) -> None:
    tagger = Tagger(Tagger.load(MODEL).model)
    assert tagger.folder is None
    tagger.save_pretrained(tmp_path / "saved")
    assert Tagger.load(tmp_path / "saved").tag(TEXT).spans == Tagger.load(MODEL).tag(TEXT).spans


def test_saving_replaces_another_model_and_may_be_repeated(recorded: Path, tmp_path: Path) -> None:
    Tagger.load(MODEL).save_pretrained(tmp_path / "saved")
    Tagger.load(recorded).save_pretrained(tmp_path / "saved")
    once = names(tmp_path / "saved")
    tagger = Tagger.load(tmp_path / "saved")
    tagger.save_pretrained(tmp_path / "saved")
    assert names(tmp_path / "saved") == once
    assert len(once) == 3
    assert tagger.tag(TEXT).spans == Tagger.load(recorded).tag(TEXT).spans


# ---------------------------------------------------------------- the card


def test_the_card_has_metadata_that_the_hub_reads(recorded: Path, tmp_path: Path) -> None:
    Tagger.load(recorded).save_pretrained(tmp_path / "saved", license="cc0-1.0", datasets=["kari/tekster"])
    read = ModelCard.load(tmp_path / "saved" / "README.md").data
    assert (read.license, read.library_name, read.pipeline_tag) == (
        "cc0-1.0",
        "bilstm_crf",
        "token-classification",
    )
    assert read.language == ["nb"]
    assert read.datasets == ["kari/tekster"]
    scores = {each.metric_type: each.metric_value for each in read.eval_results}
    assert scores == {"precision": 0.8765, "recall": 0.8, "f1": 0.8365}
    assert {each.dataset_name for each in read.eval_results} == {"no_bokmaal-ud-dev.conllu"}


def test_the_box_is_norwegian_in_both_forms_and_knows_norne(tmp_path: Path) -> None:
    if not (box.FOLDER / "model.json").is_file():
        pytest.skip("needs the model in the box: this checkout has none")
    Tagger.load().save_pretrained(tmp_path / "saved")
    text = (tmp_path / "saved" / "README.md").read_text("utf-8")
    found = card(text)
    assert found["language"] == ["nb", "nn", "no"], "`no` is a text, not false"
    assert found["datasets"] == ["NbAiLab/norne"]
    assert "license" not in found, "only its owner knows"
    assert text.endswith((box.FOLDER / "README.md").read_text("utf-8")), "a written card is kept"


def test_a_card_with_metadata_is_used_as_it_stands(recorded: Path, tmp_path: Path) -> None:
    tagger = Tagger.load(shutil.copytree(recorded, tmp_path / "own"))
    written = "---\nlicense: mit\n---\n# Navn\n"
    (tmp_path / "own" / "README.md").write_text(written, "utf-8")
    tagger.save_pretrained(tmp_path / "saved")
    assert (tmp_path / "saved" / "README.md").read_text("utf-8") == written
    with pytest.raises(UsageError, match="license"):
        tagger.save_pretrained(tmp_path / "saved", license="cc0-1.0")


@pytest.mark.parametrize("bad", ["", "nb\nlicense: mit"])
def test_a_bad_value_is_refused(bad: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="language"):
        Tagger.load(MODEL).save_pretrained(tmp_path / "saved", language=[bad])
    with pytest.raises(UsageError, match="license"):
        Tagger.load(MODEL).save_pretrained(tmp_path / "saved", license=bad)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
keys = st.sampled_from(["language", "model-index", "name", "no"])
values = st.recursive(
    texts | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3) | st.dictionaries(keys, inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=60)
@given(st.dictionaries(keys, values, min_size=1))
def test_metadata_is_read_as_it_was_meant(content: dict[str, Any]) -> None:
    """PyYAML is the oracle; of the keys, `no` is the one that it reads as false."""
    text = front_matter(content)
    lines = text.split("\n")
    assert (lines[0], lines[-2:]) == ("---", ["---", ""])
    assert same(yaml.safe_load("\n".join(lines[1:-2])), content)


def same(read: Any, meant: Any) -> bool:
    if isinstance(meant, dict):
        return all(same(read[False if key == "no" else key], value) for key, value in meant.items())
    if isinstance(meant, list):
        return len(read) == len(meant) and all(map(same, read, meant))
    # PyYAML reads 1e16 as a text; the hub's parser as a number
    return bool(read == meant or (isinstance(meant, float) and float(read) == meant))


# ---------------------------------------------------------------- pushing


def test_a_pushed_model_comes_back(tagger: Tagger, hub: Hub) -> None:
    commit = tagger.push_to_hub(NAME, token=TOKEN, message="Første", license="mit")
    repo = hub.repos[NAME]
    assert repo.branches["main"] == commit
    assert repo.messages == ["Første"]
    assert not repo.private
    assert tagger.folder is not None
    weights = description(tagger.folder)["weights"]
    assert {*repo.commits[commit]} == {".gitattributes", "README.md", "model.json", weights}
    assert card(repo.commits[commit]["README.md"].decode())["license"] == "mit"
    again = Tagger.from_pretrained(NAME, revision=commit)
    assert again.tag(TEXT).spans == tagger.tag(TEXT).spans
    assert TOKEN not in repo.commits[commit]["model.json"].decode()
    assert hub.tokens_elsewhere == {None}, "the token goes to the hub alone"


def test_a_second_push_replaces_the_first(recorded: Path, hub: Hub) -> None:
    Tagger.load(MODEL).push_to_hub(NAME, token=TOKEN)
    old = hub.repos[NAME].commits[hub.repos[NAME].branches["main"]]
    hub.repos[NAME].commit({**old, "notes.txt": b"by hand"})
    commit = Tagger.load(recorded).push_to_hub(NAME, token=TOKEN)
    weights = description(recorded)["weights"]
    expected = {".gitattributes", "README.md", "model.json", weights, "notes.txt"}
    assert {*hub.repos[NAME].commits[commit]} == expected
    assert Tagger.load(recorded).push_to_hub(NAME, token=TOKEN)


def test_a_push_can_be_private_and_on_a_branch(hub: Hub) -> None:
    commit = Tagger.load(MODEL).push_to_hub(NAME, token=TOKEN, private=True, revision="v2")
    repo = hub.repos[NAME]
    assert repo.private
    assert repo.branches["v2"] == commit != repo.branches["main"]
    assert Tagger.from_pretrained(f"{NAME}@v2", token=TOKEN).tag(TEXT).spans
    assert find(f"{NAME}@v2").name == commit


def test_no_folder_of_this_machine_is_published(tmp_path: Path, hub: Hub) -> None:
    folder = Path(shutil.copytree(MODEL, tmp_path / "own"))
    provenance = {
        "data": {"train": [{"path": "/home/kari/secret/train.conllu", "sha256": 64 * "0"}]},
        "config": {"run": {"output": "C:\\Users\\kari\\run"}, "words": {"embeddings": "~/v/sg600.bin"}},
        "preset": "runs/best",
    }
    change(folder, provenance)
    commit = Tagger.load(folder).push_to_hub(NAME, token=TOKEN)
    pushed = hub.repos[NAME].commits[commit]
    assert json.loads(pushed["model.json"])["provenance"] == {
        "data": {"train": [{"path": "train.conllu", "sha256": 64 * "0"}]},
        "config": {"run": {"output": "run"}, "words": {"embeddings": "sg600.bin"}},
        "preset": "runs/best",
    }
    assert b"kari/secret" not in b"".join(pushed.values())
    assert str(tmp_path).encode() not in b"".join(pushed.values())


def test_a_push_without_the_right_says_so_and_prints_no_token(hub: Hub) -> None:
    hub.echo_token = True
    for token in ("hf_" + 3 * "wrong", 3 * "another-hub"):
        with pytest.raises(DownloadError, match="refuses") as caught:
            Tagger.load(MODEL).push_to_hub(NAME, token=token)
        assert token not in repr(caught.getrepr(style="long"))
        assert "hf auth login" in str(caught.value.hint)
    assert hub.repos == {}


def test_only_a_name_of_the_hub_can_be_pushed_to(hub: Hub) -> None:
    for bad in ("navn", "./runs/navn", "kari/navn/mer"):
        with pytest.raises(UsageError, match="no name"):
            Tagger.load(MODEL).push_to_hub(bad, token=TOKEN)
    assert hub.requests == []


# ---------------------------------------------------------------- list and info


def test_the_list_has_the_box_what_was_fetched_and_the_given_folders(
    hub: Hub, tmp_path: Path, cli: Callable[..., Done], monkeypatch: pytest.MonkeyPatch, recorded: Path
) -> None:
    monkeypatch.setattr(box, "FOLDER", tmp_path / "box")
    assert json.loads(cli("model", "list", "--json").out) == []
    shutil.copytree(recorded, tmp_path / "box")
    hub.add(NAME, MODEL)
    hub.add("ola/andre", tmp_path / "box")
    hub.repos["ola/andre"].branches["v1"] = hub.repos["ola/andre"].branches["main"]
    for name in (NAME, "ola/andre", "ola/andre@v1"):
        assert cli("model", "fetch", name).status == 0
    asked = len(hub.requests)
    done = cli("model", "list", MODEL, tmp_path / "no model", "--json")
    assert done.status == 1
    assert "no model: no such folder" in done.err
    rows = {row["name"]: row for row in json.loads(done.out)}
    assert [*rows] == ["box", f"{NAME}@main", "ola/andre@main", "ola/andre@v1", str(MODEL)]
    assert len(hub.requests) == asked
    for name in (f"{NAME}@main", "ola/andre@v1"):
        assert cli("tag", "--model", name, "--text", TEXT).status == 0, "a name as the list has it"
    shown = cli("model", "list").out.decode()
    assert f"{NAME}@main" in shown
    assert "box" in shown


def test_a_cache_that_is_a_file_is_an_error_that_names_it(
    tmp_path: Path, cli: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    constants = pytest.importorskip("huggingface_hub").constants
    (tmp_path / "cache").write_bytes(b"")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    done = cli("model", "list")
    assert done.status == 2
    assert str(tmp_path / "cache") in done.err


def test_info_says_what_model_json_says(recorded: Path, cli: Callable[..., Done]) -> None:
    done = cli("model", "info", recorded, "--json")
    assert done.status == 0, done.err
    found, described = json.loads(done.out), description(recorded)
    model = Tagger.load(recorded).model
    assert found["sha256"] == described["sha256"]
    assert {*found["entity_types"]} == Tagger.load(recorded).entity_types
    assert (found["words"], found["dim"]) == (len(model.vocabulary.words), model.word_table.shape[1])
    assert found["parameters"] == sum(array.size for array in model.weights.values())
    sizes = [(recorded / name).stat().st_size for name in ("model.json", described["weights"])]
    assert found["bytes"] == sum(sizes)
    assert found["dev"]["f1"] == described["provenance"]["dev"]["f1"]
    assert [each["sha256"] for each in found["data"]] == [
        each["sha256"] for split in ("train", "dev") for each in described["provenance"]["data"][split]
    ]
    assert found["needs"] == []
    shown = cli("model", "info", recorded).out.decode()
    for part in ("entity types", described["sha256"], "no_bokmaal-ud-train.conllu", "needs"):
        assert part in shown
    assert "packed" not in shown


def test_info_of_a_packed_model_counts_its_n_grams_and_dates_its_scores(cli: Callable[..., Done]) -> None:
    if not (box.FOLDER / "model.json").is_file():
        pytest.skip("needs the model in the box: this checkout has none")
    assert all(b"packed" in cli("model", command, box.FOLDER).out for command in ("list", "info"))
    subwords = Tagger.load().model.subwords
    assert subwords is not None
    assert read_info(box.FOLDER).ngrams == len(subwords.ngrams)


@pytest.mark.parametrize("content", [b"", b"\x08" + 7 * b"\x00" + b"{}      ", 100 * b"\xff"])
def test_damaged_weights_give_one_error(content: bytes, tmp_path: Path, cli: Callable[..., Done]) -> None:
    folder = Path(shutil.copytree(MODEL, tmp_path / "own"))
    (folder / description(folder)["weights"]).write_bytes(content)
    done = cli("model", "info", folder)
    assert done.status == (0 if content.startswith(b"\x08") else 2)
    assert "Traceback" not in done.err
