"""What the tests share: where the real data lies, where it is there."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the real corpus and vectors; the test is skipped where there is none."""
    folder = Path(os.environ.get("BILSTM_CRF_SHARED", ROOT.parent / "shared"))
    if not (folder / "norne").is_dir():
        pytest.skip("needs the real data: no shared/ beside the checkout, and $BILSTM_CRF_SHARED is not set")
    return folder
