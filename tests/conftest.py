"""What the tests share: where the real data lies, a small trained model, the command line."""

import io
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from done import Done

if TYPE_CHECKING:
    from bilstm_crf.encoder.encoder import Encoder
    from hub_server import Hub

# The networks of the tests are tiny: a second thread would only wait, longest on a busy machine. Set before
# torch is imported, here and in the programs that the tests start.
os.environ["OMP_NUM_THREADS"] = "1"

# A slow or busy machine is no failure: no property of the project is one of time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

ENCODERS = ["wordpiece", "byte-level", "unigram"]  # the tokenizers of the tiny ones
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the real corpus and vectors; the test is skipped where there is none."""
    folder = Path(os.environ.get("BILSTM_CRF_SHARED", ROOT.parent / "shared"))
    if not (folder / "norne").is_dir():
        pytest.skip("needs the real data: no shared/ beside the checkout, and $BILSTM_CRF_SHARED is not set")
    return folder


@pytest.fixture
def listener() -> Iterator[None]:
    """Somebody who reads what the library tells, as the command line has."""
    from bilstm_crf.util.progress import listening

    with listening():
        yield


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keeps what the tests convert out of the user's cache folder.

    Long waits, above all for compiling, say nothing, since how long they are depends on the machine.
    """
    from bilstm_crf.util import progress

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress, "DELAY", 3600.0)
        patch.setenv("BILSTM_CRF_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the sample's Bokmål that finds some names, trained once; copy it before changing it."""
    from bilstm_crf.config import RunConfig
    from runs import DEV, TINY, TRAIN, start

    folder = tmp_path_factory.mktemp("tiny") / "model"
    start(RunConfig().replace({**TINY, "epochs": 8, "train": TRAIN, "dev": DEV}), folder)
    return folder


@pytest.fixture
def cli(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """Runs `bilstm-crf …` in this process: `cli("tag", "--model", folder, stdin=b"…")`."""
    from bilstm_crf.commands.main import run

    def call(*arguments: object, stdin: bytes = b"") -> Done:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), "utf-8"))
        capsysbinary.readouterr()
        status = run([str(argument) for argument in arguments])
        out, err = capsysbinary.readouterr()
        return Done(status, out, err.decode())

    return call


@pytest.fixture
def threads_as_before() -> Iterator[None]:
    """For tests that call `use_threads`: one lane again at the end, and PyTorch's threads as they were."""
    import torch

    from bilstm_crf.util.threads import use_threads

    before = torch.get_num_threads()
    yield
    use_threads(1)
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`written("wordpiece", window=24, seed=0)`: the folder of a tiny encoder; copy it before changing it."""
    pytest.importorskip("transformers", reason="needs the extra bert")
    from tiny_encoders import write_encoder

    @cache
    def folder(kind: str, *, window: int = 24, seed: int = 0) -> Path:
        return write_encoder(tmp_path_factory.mktemp(kind) / "encoder", kind, window=window, seed=seed)

    return folder


@pytest.fixture(scope="session")
def loaded(written: Callable[..., Path]) -> Callable[..., "Encoder"]:
    """`loaded("wordpiece", window=24, seed=0)`: the tiny encoder itself."""

    from bilstm_crf.encoder.encoder import Encoder

    @cache
    def encoder(kind: str, *, window: int = 24, seed: int = 0) -> "Encoder":
        return Encoder.load(str(written(kind, window=window, seed=seed)))

    return encoder


@pytest.fixture
def wordpiece(written: Callable[..., Path]) -> Path:
    """The folder of a tiny encoder, for tests to which any is right; copy it before changing it."""
    return written("wordpiece")


@pytest.fixture
def own_encoder(wordpiece: Path, tmp_path: Path) -> Path:
    """A copy of it, the test's own: the folder `encoder`."""
    return Path(shutil.copytree(wordpiece, tmp_path / "encoder"))


@pytest.fixture
def features_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the vectors of frozen encoders are kept, the test's own."""
    monkeypatch.setenv("BILSTM_CRF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails a test that asks one."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(params=ENCODERS)
def encoder(request: pytest.FixtureRequest, loaded: Callable[..., "Encoder"]) -> "Encoder":
    """A tiny encoder of each of the three kinds."""
    return loaded(request.param)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator["Hub"]:
    """A hub of the test's own, empty, with a cache of its own, and nobody logged in."""
    pytest.importorskip("huggingface_hub", reason="needs the extra hub")
    from huggingface_hub import constants

    from hub_server import serving

    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with serving() as running:
        # For this process, which has imported huggingface_hub already; and for those that it starts
        monkeypatch.setattr(constants, "ENDPOINT", running.address)
        template = running.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "hf" / "token"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
        yield running
