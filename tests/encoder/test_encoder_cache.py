"""The cache of frozen features: computed once, never half, never another's."""

from __future__ import annotations

import copy
import fcntl
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bilstm_crf.encoder import cache
from bilstm_crf.encoder.cache import cached_vectors, default_folder, key_of
from bilstm_crf.encoder.encoder import Encoder
from bilstm_crf.encoder.settings import FeatureSettings
from bilstm_crf.errors import InputWarning, UsageError
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.threads import use_threads
from tiny_encoders import frozen_vectors

TEXTS = ["Kari bur i Oslo .", "ikke", "", "blåbær og nordmann i Oslo"]
SENTENCES = [Sentence(text.split(), document="1") for text in TEXTS] * 3
SETTINGS = FeatureSettings()


@pytest.fixture
def tiny(loaded: Callable[..., Encoder]) -> Encoder:
    return loaded("wordpiece")


def refuse(*_: object, **__: object) -> Iterator[Any]:
    raise AssertionError("computed again")


def vectors_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


@pytest.mark.parametrize("layers", ["last", "mix"])
def test_the_second_call_computes_nothing(
    layers: Any, tiny: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = FeatureSettings(layers=layers)
    first = cached_vectors(tiny, SENTENCES, settings, folder=tmp_path)
    np.testing.assert_array_equal(first, frozen_vectors(tiny, SENTENCES, settings))
    assert isinstance(first, np.memmap)
    assert not first.flags.writeable
    monkeypatch.setattr(cache, "compute_frozen", refuse)
    np.testing.assert_array_equal(cached_vectors(tiny, SENTENCES, settings, folder=tmp_path), first)


def test_two_cores_change_no_bit(tiny: Encoder, tmp_path: Path, threads_as_before: None) -> None:
    sentences = [Sentence(["Ås"] * length) for length in (1, 80, 3, 40, 0, 200, 7)]
    use_threads(2)
    found = cached_vectors(tiny, sentences, SETTINGS, folder=tmp_path)
    np.testing.assert_array_equal(found, frozen_vectors(tiny, sentences, SETTINGS))


def test_whatever_decides_the_vectors_is_in_the_key(tiny: Encoder, loaded: Callable[..., Encoder]) -> None:
    def changed(**values: Any) -> list[Sentence]:
        other = copy.deepcopy(SENTENCES)
        for name, value in values.items():
            setattr(other[1], name, value)
        return other

    with_context = FeatureSettings(context=1)
    keys = [
        key_of(tiny, SENTENCES, SETTINGS),
        key_of(loaded("wordpiece", seed=1), SENTENCES, SETTINGS),
        key_of(tiny, SENTENCES, FeatureSettings("mean")),
        key_of(tiny, SENTENCES, FeatureSettings("first", "mix")),
        key_of(tiny, SENTENCES, FeatureSettings("first", "2")),
        key_of(tiny, SENTENCES, FeatureSettings(precision="bfloat16")),
        key_of(tiny, SENTENCES, with_context),
        key_of(tiny, changed(document="2"), with_context),
        key_of(tiny, SENTENCES, FeatureSettings(context=99)),
        key_of(tiny, SENTENCES, FeatureSettings(context=1, context_unit="document")),
        key_of(tiny, changed(tokens=["Ikke"]), SETTINGS),
        key_of(tiny, changed(tokens=["ik", "ke"]), SETTINGS),
        key_of(tiny, SENTENCES[1:] + SENTENCES[:1], SETTINGS),
        key_of(tiny, [Sentence(["Kari bur i Oslo ."]), *SENTENCES[1:]], SETTINGS),
    ]
    assert len(set(keys)) == len(keys)
    nothing = changed(labels=["B-PER"], document="2", id="7", path="b.conllu", line=12)
    assert key_of(tiny, nothing, SETTINGS) == keys[0]


@pytest.mark.parametrize(
    "damage",
    [
        "cut off",
        "cut into",
        "longer",
        "one bit of a vector",
        "another key",
        "without a checksum",
        "another shape",
        "a page",
        "a zip's beginning",
        "empty",
    ],
)
def test_a_damaged_or_foreign_file_is_computed_anew(damage: str, tiny: Encoder, tmp_path: Path) -> None:
    expected = np.array(cached_vectors(tiny, SENTENCES, SETTINGS, folder=tmp_path))
    (path,) = tmp_path.glob("*.f2")
    whole = path.read_bytes()
    wrong = {
        "cut off": whole[:-36],
        "cut into": whole[:-100],
        "longer": whole + b"\0",
        "one bit of a vector": whole[:-100] + bytes([whole[-100] ^ 1]) + whole[-99:],
        "another key": whole[:-36] + bytes(32) + whole[-4:],
        "without a checksum": whole[:-4],
        "a page": b"<html>" + whole,
        "a zip's beginning": b"PK\x03\x04" + whole[4:],
        "empty": b"",
    }
    path.write_bytes(wrong.get(damage, whole))
    if damage == "another shape":
        path.write_bytes(bytes(3 * 32 * 2))
    with pytest.warns(InputWarning, match="computed again"):
        found = cached_vectors(tiny, SENTENCES, SETTINGS, folder=tmp_path)
    np.testing.assert_array_equal(found, expected)
    assert path.read_bytes() == whole


def _compute(encoder: Encoder, folder: Path) -> None:
    torch.set_num_threads(1)
    cached_vectors(encoder, SENTENCES, SETTINGS, folder=folder)


@pytest.mark.parametrize("locks", [True, False])
def test_processes_at_once_all_get_it_and_one_file_stays(
    locks: bool, tiny: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads_as_before: None
) -> None:
    """Also where the file system knows no locks; forks have one thread, whatever there was before."""
    use_threads(2)
    if not locks:

        def no_lock(*_: object) -> None:
            raise OSError("not supported")

        monkeypatch.setattr(fcntl, "flock", no_lock)
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_compute, args=(tiny, tmp_path)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 3
    (name,) = vectors_in(tmp_path)
    monkeypatch.setattr(cache, "compute_frozen", refuse)
    found = cached_vectors(tiny, SENTENCES, SETTINGS, folder=tmp_path)
    np.testing.assert_array_equal(found, frozen_vectors(tiny, SENTENCES, SETTINGS))
    assert name == f"{key_of(tiny, SENTENCES, SETTINGS)}.f2"


def _stop_in_the_middle(encoder: Encoder, folder: Path) -> None:
    torch.set_num_threads(1)

    def wait(done: int, total: int) -> None:
        (folder / "in the middle").touch()
        time.sleep(60)

    cached_vectors(encoder, SENTENCES, SETTINGS, folder=folder, progress=wait)


def test_a_killed_computation_leaves_nothing_that_is_taken_for_whole(tiny: Encoder, tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=_stop_in_the_middle, args=(tiny, tmp_path))
    process.start()
    while not (tmp_path / "in the middle").exists():
        assert process.is_alive()
        time.sleep(0.01)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    (tmp_path / "in the middle").unlink()
    (left,) = vectors_in(tmp_path)
    assert left.startswith(".")
    found = cached_vectors(tiny, SENTENCES, SETTINGS, folder=tmp_path)
    np.testing.assert_array_equal(found, frozen_vectors(tiny, SENTENCES, SETTINGS))
    assert vectors_in(tmp_path) == [f"{key_of(tiny, SENTENCES, SETTINGS)}.f2"]


def test_a_failed_computation_leaves_nothing(tiny: Encoder, tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached_vectors(tiny, SENTENCES, SETTINGS, folder=tmp_path, progress=interrupt)
    assert vectors_in(tmp_path) == []


def test_progress_goes_from_some_words_to_all(tiny: Encoder, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    many = SENTENCES * 20
    cached_vectors(tiny, many, SETTINGS, folder=tmp_path, progress=lambda *at: seen.append(at))
    words = sum(map(len, many))
    assert len(seen) > 2
    assert seen == sorted(seen)
    assert seen[-1] == (words, words)


def test_no_words_need_no_file(tiny: Encoder, tmp_path: Path) -> None:
    assert cached_vectors(tiny, [Sentence([])], SETTINGS, folder=tmp_path).shape == (0, 32)
    assert vectors_in(tmp_path) == []


def test_a_layer_that_there_is_not_is_said_before_anything_is_kept(tiny: Encoder, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"encoder.layers is 4, .* has 3 layers"):
        cached_vectors(tiny, SENTENCES, FeatureSettings(layers="4"), folder=tmp_path)
    assert vectors_in(tmp_path) == []


def test_a_place_that_cannot_be_written_to_is_named(tiny: Encoder, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UsageError, match="file/features") as caught:
        cached_vectors(tiny, SENTENCES, SETTINGS, folder=tmp_path / "file" / "features")
    assert "BILSTM_CRF_CACHE" in str(caught.value.hint)


def test_the_users_folder_is_where_the_environment_says(
    tiny: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BILSTM_CRF_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_folder() == tmp_path / "xdg" / "bilstm_crf" / "encoder"
    monkeypatch.setenv("BILSTM_CRF_CACHE", str(tmp_path / "own"))
    cached_vectors(tiny, SENTENCES, SETTINGS)
    assert len(vectors_in(tmp_path / "own")) == 1
