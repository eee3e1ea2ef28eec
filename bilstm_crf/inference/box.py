"""The model in the box: a trained model for Norwegian that is part of an installation."""

from __future__ import annotations

from pathlib import Path

from bilstm_crf.errors import ModelFolderError

FOLDER = Path(__file__).resolve().parent.parent / "box"


def box_folder() -> Path:
    """Return the folder of the model in the box. Raises ModelFolderError if this installation has none."""
    if not (FOLDER / "model.json").is_file():
        raise ModelFolderError(
            "this installation has no model in the box",
            path=FOLDER,
            hint="--model DIR names another one; in a checkout, `make box` builds it",
        )
    return FOLDER
