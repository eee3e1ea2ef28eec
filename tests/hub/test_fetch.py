"""Fetching from a hub on this machine: what comes, what is refused, and what is left after a failure."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file

from bilstm_crf import Tagger
from bilstm_crf.errors import DownloadError, ModelFolderError, UsageError
from bilstm_crf.hub.fetch import fetch, find, list_fetched
from bilstm_crf.hub.names import Repository
from bilstm_crf.util.files import sha256_of
from done import Done
from hub_server import TOKEN, Hub
from runs import DEV

MODEL = Path(__file__).resolve().parent.parent / "models" / "version-0.1.0"
NAME = "kari/navn"
REPOSITORY = Repository(NAME)
TEXT = "Kari Nordmann flytta til Bergen."


@pytest.fixture
def own_model(tmp_path: Path) -> Path:
    """A copy of a model, the test's own."""
    return Path(shutil.copytree(MODEL, tmp_path / "own"))


def description(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "model.json").read_text("utf-8"))
    return content


def change(folder: Path, **values: Any) -> None:
    (folder / "model.json").write_text(json.dumps({**description(folder), **values}), "utf-8")


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ---------------------------------------------------------------- what comes


def test_only_the_files_that_model_json_names_are_downloaded(hub: Hub, own_model: Path) -> None:
    (own_model / "README.md").write_text("# A card\n", "utf-8")
    (own_model / "pytorch_model.bin").write_bytes(pickle.dumps("anything"))
    (own_model / "weights-000000000000.safetensors").write_bytes(b"of an earlier push")
    hub.add(NAME, own_model)
    folder = fetch(REPOSITORY)
    assert files(folder) == {
        each: (MODEL / each).read_bytes() for each in sorted(os.listdir(MODEL)) if "." in each
    }
    assert {*hub.downloads()} == {*files(folder)}
    assert hub.tokens == {None}


def test_a_fetched_model_tags_as_the_one_in_the_folder(hub: Hub, cli: Callable[..., Done]) -> None:
    hub.add(NAME, MODEL)
    expected = Tagger.load(MODEL).tag(TEXT).spans
    assert expected
    assert Tagger.from_pretrained(NAME).tag(TEXT).spans == expected
    asked = len(hub.requests)
    assert Tagger.from_pretrained(f"hf:{NAME}").tag(TEXT).spans == expected
    by_folder, by_name = (cli("tag", "--model", each, "--text", TEXT) for each in (MODEL, NAME))
    assert (by_name.status, by_name.out) == (0, by_folder.out)
    assert len(hub.requests) == asked, "what is here needs no network"


def test_the_command_prints_the_folder_and_verifies(hub: Hub, cli: Callable[..., Done]) -> None:
    hub.add(NAME, MODEL)
    done = cli("model", "fetch", NAME)
    assert done.status == 0, done.err
    folder = Path(done.out.decode().strip())
    assert folder == find(NAME)
    assert "verified" in done.err
    sent = len(hub.downloads())
    assert cli("model", "fetch", NAME).out == done.out
    assert len(hub.downloads()) == sent, "nothing but the list of files was asked for"


def test_a_revision_is_a_branch_a_tag_or_a_commit(hub: Hub, own_model: Path) -> None:
    first = hub.add(NAME, own_model).branches["main"]
    change(own_model, temperature=2.0)
    second = hub.add(NAME, own_model).branches["main"]
    hub.repos[NAME].branches["v1"] = first
    assert description(fetch(REPOSITORY))["temperature"] == 2.0
    for name in (f"{NAME}@v1", f"{NAME}@{first}"):
        assert Tagger.from_pretrained(name).model.temperature == 1.0
        assert find(name).name == first
    assert Tagger.from_pretrained(NAME, revision="v1").folder == find(f"{NAME}@v1")
    assert find(NAME).name == second


def test_fetching_again_brings_the_newer_model(hub: Hub, own_model: Path) -> None:
    hub.add(NAME, own_model)
    old = fetch(REPOSITORY)
    change(own_model, temperature=2.0)
    hub.add(NAME, own_model)
    assert find(NAME) == old
    assert fetch(REPOSITORY) != old
    assert Tagger.from_pretrained(NAME).model.temperature == 2.0


def test_a_branch_that_moves_meanwhile_gives_one_of_its_models(hub: Hub, own_model: Path) -> None:
    hub.add(NAME, own_model)

    def move(path: str) -> None:
        if path.endswith(".safetensors"):
            hub.on_download = lambda path: None
            change(own_model, temperature=3.0)
            hub.add(NAME, own_model)

    hub.on_download = move
    assert description(fetch(REPOSITORY))["temperature"] == 3.0
    assert description(find(NAME))["temperature"] == 3.0


def test_a_private_model_comes_with_the_token_only(hub: Hub) -> None:
    hub.add(NAME, MODEL, private=True)
    with pytest.raises(DownloadError, match="private") as caught:
        fetch(REPOSITORY, token="hf_wrongwrongwrong")
    assert "hf_wrong" not in str(caught.value)
    assert fetch(REPOSITORY, token=TOKEN).is_dir()
    assert hub.tokens_elsewhere == {None}


# ---------------------------------------------------------------- without a network


@pytest.mark.usefixtures("no_network")
def test_a_name_that_was_not_fetched_is_an_error_without_a_network(
    hub: Hub, cli: Callable[..., Done]
) -> None:
    commands: list[tuple[object, ...]] = [
        ("tag", "--text", TEXT, "--model", NAME),
        ("evaluate", DEV, "--model", NAME),
        ("errors", DEV, "--model", NAME),
        ("pseudonymise", DEV, "--mapping", "m.csv", "--model", NAME),
        ("model", "card", "--model", NAME),
        ("model", "pack", "-o", "small", "--model", NAME),
        ("model", "info", NAME),
        ("model", "list", NAME),
    ]
    for command in commands:
        done = cli(*command)
        assert done.status in (1, 2), command
        assert f"{NAME}: no such folder" in done.err, done.err
    assert f"bilstm-crf model fetch {NAME}" in cli(*commands[0]).err
    assert hub.requests == []


def test_what_was_fetched_is_not_changed(hub: Hub, cli: Callable[..., Done]) -> None:
    hub.add(NAME, MODEL)
    folder = fetch(REPOSITORY)
    done = cli("model", "calibrate", "--model", NAME, "--dev", DEV)
    assert done.status == 2
    assert "expected a folder" in done.err
    assert files(folder) == files(MODEL)


def test_a_folder_wins_over_a_fetched_model_of_its_name(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add(NAME, MODEL)
    fetch(REPOSITORY)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(MODEL, tmp_path / NAME)
    assert find(NAME) == Path(NAME)
    assert find(f"hf:{NAME}") != Path(NAME)


def test_without_the_package_a_wrong_path_is_still_a_wrong_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ModelFolderError, match="no such folder") as caught:
        find("runs/gone")
    assert "model fetch runs/gone" in str(caught.value.hint)
    assert list_fetched() == []
    with pytest.raises(UsageError) as missing:
        fetch(REPOSITORY)
    assert "bilstm_crf[hub]" in str(missing.value.hint)


# ---------------------------------------------------------------- what is refused


def pickled(folder: Path) -> None:
    (folder / "weights.bin").write_bytes(pickle.dumps("anything"))
    change(folder, weights="weights.bin")


def pickled_encoder(folder: Path) -> None:
    (folder / "encoder-0123456789ab").mkdir()
    for name in ("config.json", "pytorch_model.bin", "tokenizer.json"):
        (folder / "encoder-0123456789ab" / name).write_bytes(b"{}")
    settings = {"layers": "last", "pooling": "first", "context": 0}
    encoder = {"name": "x", "sha256": 64 * "0", "folder": "encoder-0123456789ab", "tuned": True}
    change(folder, encoder={**encoder, "settings": settings})


FAULTS: dict[str, tuple[Callable[[Path], Any], type[Exception], str]] = {
    "no model.json": (lambda f: (f / "model.json").unlink(), ModelFolderError, "model.json"),
    "a model of another program": (lambda f: change(f, model="other"), ModelFolderError, "not a model"),
    "a pickle": (pickled, ModelFolderError, "safetensors"),
    "an encoder as a pickle": (pickled_encoder, ModelFolderError, "pytorch_model.bin is not allowed"),
    "weights elsewhere": (lambda f: change(f, weights="../x.safetensors"), ModelFolderError, "weights"),
    "no weights": (lambda f: change(f, weights="w.safetensors"), ModelFolderError, "is missing"),
    "other weights": (lambda f: change(f, sha256=64 * "0"), DownloadError, "SHA-256"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_repository_gives_one_error_and_no_model(
    fault: str, hub: Hub, own_model: Path, cli: Callable[..., Done]
) -> None:
    spoil, error, message = FAULTS[fault]
    spoil(own_model)
    hub.add(NAME, own_model)
    with pytest.raises(error, match=message) as caught:
        fetch(REPOSITORY)
    assert NAME in str(caught.value) or "models--kari--navn" in str(caught.value)
    assert not [name for name in hub.downloads() if name.endswith(".bin")]
    with pytest.raises(ModelFolderError):
        find(NAME)
    done = cli("model", "fetch", NAME)
    assert done.status in (1, 2)
    assert done.out == b""
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("kari/andre", DownloadError, "no such model"),
        (f"{NAME}@v9", DownloadError, "no revision 'v9'"),
        ("hf:navn", UsageError, "no name of a model"),
        ("hf:https://kari:hf_abcdefghijkl@example.com/a", UsageError, "no name of a model"),
        ("a--b/c", UsageError, "no name of a model"),
        ("ensemble.toml", UsageError, "ensemble"),
    ],
)
def test_a_wrong_name_says_so(name: str, error: type[Exception], message: str, hub: Hub) -> None:
    hub.add(NAME, MODEL)
    with pytest.raises(error, match=message) as caught:
        Tagger.from_pretrained(name)
    assert "hf_abc" not in str(caught.value)


def test_a_folder_has_no_revision(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no revision"):
        Tagger.from_pretrained(MODEL, revision="v1")
    with pytest.raises(UsageError, match="names a revision"):
        Tagger.from_pretrained(f"{NAME}@v1", revision="v2")


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_hub_that_refuses_is_an_error_without_the_token(
    status: int, hub: Hub, monkeypatch: pytest.MonkeyPatch, cli: Callable[..., Done], caplog: Any
) -> None:
    hub.add(NAME, MODEL)
    hub.statuses["/api/models"] = status
    hub.echo_token = True
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    done = cli("model", "fetch", NAME)
    assert done.status == 1
    assert TOKEN in hub.tokens
    assert TOKEN not in done.err + caplog.text
    with pytest.raises(DownloadError) as caught:
        fetch(REPOSITORY)
    assert TOKEN not in repr(caught.getrepr(style="long", showlocals=False))


def test_offline_mode_is_kept(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    hub.add(NAME, MODEL)
    fetch(REPOSITORY)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(DownloadError, match="HF_HUB_OFFLINE"):
        fetch(REPOSITORY)
    assert Tagger.from_pretrained(NAME).tag(TEXT).spans


# ---------------------------------------------------------------- interruptions


def test_a_connection_that_breaks_is_resumed(hub: Hub, caplog: Any) -> None:
    hub.add(NAME, MODEL)
    hub.break_off = [1000, 500]
    folder = fetch(REPOSITORY)
    assert files(folder) == files(MODEL)


def test_a_damaged_file_in_the_cache_is_fetched_again(hub: Hub) -> None:
    hub.add(NAME, MODEL)
    weights = fetch(REPOSITORY) / description(MODEL)["weights"]
    whole = weights.read_bytes()
    os.truncate(os.path.realpath(weights), 100)
    with pytest.raises(ModelFolderError):
        Tagger.from_pretrained(NAME)
    assert (fetch(REPOSITORY) / weights.name).read_bytes() == whole


def test_a_killed_download_leaves_the_old_model_and_the_next_one_is_whole(hub: Hub, own_model: Path) -> None:
    """The hub kills the process that fetches the second version, while it waits for the weights."""
    hub.add(NAME, own_model)
    old = fetch(REPOSITORY)
    weights = own_model / description(own_model)["weights"]
    save_file(load_file(weights), weights, metadata={"version": "2"})
    change(own_model, sha256=sha256_of(weights))
    hub.add(NAME, own_model)
    hub.on_download = lambda path: path == weights.name and process.send_signal(signal.SIGKILL)
    command = [sys.executable, "-m", "bilstm_crf", "model", "fetch", NAME]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    process.communicate(timeout=100)
    assert process.returncode == -signal.SIGKILL
    hub.on_download = lambda path: None
    assert find(NAME) == old
    assert files(old) == files(MODEL)
    assert files(fetch(REPOSITORY)) == files(own_model)
    assert find(NAME) != old
