"""A saved model's folder as bytes, for programs that keep models inside their own files."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from bilstm_crf.errors import ModelFolderError
from bilstm_crf.model.description import DESCRIPTION, read_description
from bilstm_crf.util.files import write_whole


def read_files(folder: Path) -> dict[str, bytes]:
    """Return the content of all files of a saved model, by their paths in its folder.

    Raises ModelFolderError for a folder without a model, and for one that cannot be read.
    """
    described = read_description(folder)
    paths = [folder / DESCRIPTION, folder / described.weights]
    if described.encoder is not None and described.encoder.folder is not None:
        paths += sorted(each for each in (folder / described.encoder.folder).rglob("*") if each.is_file())
    try:
        return {each.relative_to(folder).as_posix(): each.read_bytes() for each in paths}
    except OSError as error:
        raise ModelFolderError(f"cannot be read: {error}", path=folder) from error


def write_files(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the files of `read_files` into a folder; a model that is there already is replaced.

    `model.json` is written last, so that a folder never describes files that it lacks. The files may come
    from anyone. Raises ModelFolderError for a path that leads out of the folder, and if there is no
    `model.json`.
    """
    if DESCRIPTION not in files:
        raise ModelFolderError(f"the files of a model lack {DESCRIPTION}", path=folder)
    for name in files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
            raise ModelFolderError(f"a model has a file {name!a}, outside its folder", path=folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in sorted(files, key=lambda name: name == DESCRIPTION):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with write_whole(target) as stream:
            stream.write(files[name])
    _remove_others(folder, {PurePosixPath(name).parts[0] for name in files})


def _remove_others(folder: Path, kept: set[str]) -> None:
    """Remove weights and encoders of a model that was here before."""
    for old in [*folder.glob("weights-*.safetensors"), *folder.glob("encoder-*")]:
        if old.name not in kept:
            if old.is_dir() and not old.is_symlink():
                shutil.rmtree(old, ignore_errors=True)
            else:
                old.unlink(missing_ok=True)
