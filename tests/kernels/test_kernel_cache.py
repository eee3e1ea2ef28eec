"""Compiled code is kept in a temporary folder only where nobody else could have put it there."""

from __future__ import annotations

import stat
import tempfile
from pathlib import Path

import pytest
from numba import config

from bilstm_crf.errors import InputWarning
from bilstm_crf.kernels import cache


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(config, "CACHE_DIR", "")
    cache.use_temporary_folder.cache_clear()
    return tmp_path


def test_the_folder_is_closed_to_others(temporary: Path) -> None:
    assert cache.use_temporary_folder()
    (folder,) = temporary.iterdir()
    assert str(folder) == config.CACHE_DIR
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    cache.use_temporary_folder.cache_clear()
    assert cache.use_temporary_folder(), "it is used again"


@pytest.mark.parametrize("fault", ["open to others", "a link", "a file", "a parent where all may rename"])
def test_a_folder_that_another_could_have_filled_is_not_used(temporary: Path, fault: str) -> None:
    assert cache.use_temporary_folder()
    (folder,) = temporary.iterdir()
    if fault == "open to others":
        folder.chmod(0o770)
    elif fault == "a parent where all may rename":
        temporary.chmod(0o777)
    else:
        folder.rmdir()
        if fault == "a link":
            (temporary / "elsewhere").mkdir(mode=0o700)
            folder.symlink_to("elsewhere")
        else:
            folder.touch(mode=0o600)
    config.CACHE_DIR = ""
    cache.use_temporary_folder.cache_clear()
    with pytest.warns(InputWarning, match="NUMBA_CACHE_DIR"):
        assert not cache.use_temporary_folder()
    assert not config.CACHE_DIR
    cache.use_temporary_folder.cache_clear()
