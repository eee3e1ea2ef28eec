"""Save a model as the hub has it, and push it there."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bilstm_crf.encoder.loading import is_local
from bilstm_crf.errors import UsageError
from bilstm_crf.hub.card import CardOptions, write_card
from bilstm_crf.hub.client import explained, own_bars
from bilstm_crf.hub.files import CARD, OLD, model_files, require_safetensors
from bilstm_crf.hub.info import read_info
from bilstm_crf.hub.names import Repository, parse_repository
from bilstm_crf.hub.redact import without_folder
from bilstm_crf.model.description import DESCRIPTION, read_description
from bilstm_crf.model.model_folder import Model, copy_model, save_model
from bilstm_crf.util.extras import optional_import
from bilstm_crf.util.files import read_json, write_json, write_whole


@dataclass(frozen=True)
class Source:
    """A model to save: in memory, and in the folder that it was loaded from, if it was."""

    model: Model
    folder: Path | None


def save_copy(
    source: Source,
    folder: Path,
    options: CardOptions,
    *,
    embed_encoder: bool = False,
    repository: str | None = None,
) -> None:
    """Write a model's folder with its card.

    The files of the source's folder are copied, byte for byte. `embed_encoder` writes a copy of an encoder
    that model.json would only name. Raises ModelFolderError for weights that are no safetensors, UsageError
    for bad metadata, OSError for a folder that cannot be written.
    """
    if source.folder is None or (embed_encoder and _only_named(source)):
        spec = source.model.contextual
        if spec is not None and embed_encoder and not spec.tuned:
            require_safetensors((f"encoder/{path.name}" for path in spec.encoder.files), spec.encoder.name)
        save_model(source.model, folder, None, embed_encoder=embed_encoder)
    elif folder.resolve() != source.folder.resolve():
        model_files(source.folder, read_description(source.folder))  # refuses pickles
        copy_model(source.folder, folder)
    _write_card(source, folder, options, repository)


def _only_named(source: Source) -> bool:
    """Return whether the folder of a model names an encoder that is not in it."""
    encoder = None if source.folder is None else read_description(source.folder).encoder
    return encoder is not None and encoder.folder is None


def _write_card(source: Source, folder: Path, options: CardOptions, repository: str | None) -> None:
    info = read_info(source.folder or folder)
    name = repository.rpartition("/")[2] if repository else folder.resolve().name
    text = write_card(info, name, repository, options)
    with write_whole(folder / CARD) as stream:
        stream.write(text.encode("utf-8", "backslashreplace"))


@dataclass(frozen=True)
class Push:
    """The destination of a push, and its options."""

    repository: Repository
    private: bool | None = None  # of a new repository; None: as the account has it
    token: str | None = None
    message: str | None = None

    @classmethod
    def to(cls, repo_id: str, revision: str | None, **others: Any) -> Push:
        """Return the push to a repository and branch. Raises UsageError for what is none."""
        given = parse_repository(repo_id)
        return cls(given if revision is None else given.at(revision), **others)

    def run(self, source: Source, options: CardOptions) -> str:
        """Upload the model in one commit, and return that commit.

        The repository is created if there is none. Weights and encoders of an earlier push are removed.
        Raises MissingPackageError without the extra `hub`; UsageError for a model whose encoder is a folder
        of this machine; DownloadError where the hub refuses or cannot be reached.
        """
        with optional_import():
            import huggingface_hub  # noqa: F401
        with tempfile.TemporaryDirectory() as place, explained(self.repository, self.token), own_bars():
            folder = Path(place)
            _require_encoder(source)
            save_copy(source, folder, options, repository=self.repository.id)
            _hide_folders(folder / DESCRIPTION)
            return self._commit(folder)

    def _commit(self, folder: Path) -> str:
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

        api = HfApi(token=self.token, library_name="bilstm_crf")
        name, branch = self.repository.id, self.repository.wanted
        api.create_repo(name, private=self.private, exist_ok=True)
        if self.repository.revision is not None:
            api.create_branch(name, branch=branch, exist_ok=True)
        names = [CARD, *model_files(folder, read_description(folder))]
        there = [each.rfilename for each in api.model_info(name, revision=branch).siblings or ()]
        old = sorted(each for each in there if OLD.fullmatch(each) and each not in names)
        changes = [
            *(CommitOperationAdd(path_in_repo=each, path_or_fileobj=folder / each) for each in names),
            *(CommitOperationDelete(path_in_repo=each) for each in old),
        ]
        message = self.message or "Upload a model of bilstm_crf"
        done: str = api.create_commit(name, changes, commit_message=message, revision=branch).oid
        return done


def _require_encoder(source: Source) -> None:
    """Raise UsageError for a model whose encoder others could not find."""
    described = None if source.folder is None else read_description(source.folder).encoder
    here = source.model.contextual
    if described is not None:
        name, copied = described.name, described.folder is not None
    elif here is not None:
        name, copied = here.encoder.name, here.tuned
    else:
        return
    if not copied and (is_local(name) or without_folder(name) != name):
        raise UsageError(
            f"the model's encoder is the folder {name}, which is on this machine only",
            hint="save_pretrained(folder, embed_encoder=True) copies it into the model; push that one",
        )


def _hide_folders(path: Path) -> None:
    """Leave the folders of this machine out of a model.json: of absolute paths, the last part stays."""
    content = read_json(path)
    parts = {name: _without_folders(content[name]) for name in ("provenance", "encoder") if name in content}
    write_json(path, {**content, **parts})


def _without_folders(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_folders(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_folders(each) for each in value]
    return without_folder(value) if isinstance(value, str) else value
