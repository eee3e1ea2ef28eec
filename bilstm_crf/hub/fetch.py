"""Fetch models from the hub into the cache of `huggingface_hub`, and find them there without a network.

`fetch` downloads model.json, then the files that it names, and verifies their SHA-256. Only then does the
branch in the cache point to them: whoever is killed before that leaves the old model, or none.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from bilstm_crf.encoder.loading import files_of, sha256_of_files
from bilstm_crf.errors import BilstmCrfError, DownloadError, InputError, ModelFolderError, UsageError
from bilstm_crf.hub.client import explained, progress_class
from bilstm_crf.hub.files import encoder_files, model_files, require_safetensors
from bilstm_crf.hub.names import Repository, parse_name
from bilstm_crf.model.description import (
    DESCRIPTION,
    MAX_BYTES,
    Description,
    EncoderDescription,
    read_description,
)
from bilstm_crf.util.extras import optional_import
from bilstm_crf.util.files import sha256_of
from bilstm_crf.util.progress import human, note

MOVES = 3  # how often a branch may move while a model is fetched


# ---------------------------------------------------------------- without a network


def find(name: str | Path) -> Path:
    """Return the folder of a model: the folder itself, or where a model of the hub was fetched to.

    Never uses the network. Raises ModelFolderError for a name of the hub that was not fetched, or not
    completely; UsageError for the file of an ensemble.
    """
    place = parse_name(name)
    if isinstance(place, Path):
        require_one_model(place)
        return place
    folder = find_fetched(place)
    if folder is None:
        raise ModelFolderError(
            "no such folder, and no model of the hub that was fetched",
            path=name,
            hint=f"`bilstm-crf model fetch {place}` fetches it from the hub (extra `hub`)",
        )
    return folder


def require_one_model(path: Path) -> None:
    """Raise UsageError for the TOML file of an ensemble."""
    if path.suffix == ".toml":
        raise UsageError(
            f"{path} is an ensemble, expected one model",
            hint="take the models that it names one by one",
        )


def find_fetched(repository: Repository) -> Path | None:
    """Return the folder of a model in the hub's cache; None if it is not there, or not all of it."""
    try:
        from huggingface_hub import try_to_load_from_cache
    except ModuleNotFoundError as error:
        if error.name != "huggingface_hub":
            raise
        return None
    with explained(repository):
        path = try_to_load_from_cache(repository.id, DESCRIPTION, revision=repository.wanted)
    if not isinstance(path, str):
        return None
    folder = Path(path).parent
    return folder if _is_whole(folder) else None


def _is_whole(folder: Path) -> bool:
    try:
        return all((folder / name).is_file() for name in model_files(folder, read_description(folder)))
    except InputError:
        return False


@dataclass(frozen=True)
class Fetched:
    """A model in the hub's cache."""

    name: str  # OWNER/NAME@REVISION
    folder: Path


def list_fetched() -> list[Fetched]:
    """Return the models of this program in the hub's cache; none without the extra `hub`.

    Raises InputError for a cache that is no folder.
    """
    try:
        from huggingface_hub import CacheNotFound, constants, scan_cache_dir
    except ModuleNotFoundError as error:
        if error.name != "huggingface_hub":
            raise
        return []
    try:
        repositories = scan_cache_dir(constants.HF_HUB_CACHE).repos
    except CacheNotFound:
        return []
    except ValueError as error:
        raise InputError("is no folder, expected the hub's cache", path=constants.HF_HUB_CACHE) from error
    return sorted(
        (
            Fetched(f"{each.repo_id}@{name}", revision.snapshot_path)
            for each in repositories
            if each.repo_type == "model"
            for revision in each.revisions
            if _is_whole(revision.snapshot_path)
            for name in sorted(revision.refs) or [revision.commit_hash]
        ),
        key=lambda found: found.name,
    )


# ---------------------------------------------------------------- with one


def find_or_fetch(name: str | Path, revision: str | None = None, *, token: str | None = None) -> Path:
    """Return the folder of a model; one of the hub is fetched unless it is in the cache.

    Raises UsageError for a revision of a folder, two revisions, and an ensemble; otherwise as `fetch`.
    """
    place = parse_name(name)
    if isinstance(place, Path):
        require_one_model(place)
        if revision is not None:
            raise UsageError(
                f"{name} is a folder, and has no revision {revision!r}",
                hint="OWNER/NAME is a model of the hub",
            )
        return place
    if revision is not None:
        place = place.at(revision)
    return find_fetched(place) or fetch(place, token=token)


def fetch(repository: Repository, *, token: str | None = None) -> Path:
    """Download a model, unless it is in the cache already, and return its folder.

    What is in the cache is verified as well, and fetched again if it is damaged. Raises
    MissingPackageError without the extra `hub`, UsageError for a name that cannot be one, ModelFolderError
    for a repository that holds no model of this program, or a pickle in place of safetensors, and
    DownloadError for everything else that goes wrong.
    """
    with optional_import():
        import huggingface_hub  # noqa: F401
    with explained(repository, token):
        for _ in range(MOVES):
            folder = _Download.begin(repository, token).run()
            # Asks for the branch again, and lets it point to this commit in the cache
            if _download(repository.id, DESCRIPTION, repository.wanted, token).parent == folder:
                return folder
    raise DownloadError("changed while it was fetched", path=repository, hint="try again")


def _download(
    repository: str,
    name: str,
    revision: str,
    token: str | None,
    *,
    label: str = DESCRIPTION,
    again: bool = False,
) -> Path:
    from huggingface_hub import hf_hub_download

    return Path(
        hf_hub_download(
            repository,
            name,
            revision=revision,
            token=token,
            force_download=again,
            library_name="bilstm_crf",
            tqdm_class=progress_class(label),
        )
    )


@dataclass(frozen=True)
class _Download:
    """The download of one commit."""

    repository: Repository
    commit: str
    sizes: dict[str, int | None]  # of all files of the commit
    token: str | None

    @classmethod
    def begin(cls, repository: Repository, token: str | None) -> _Download:
        """Ask the hub which commit it is, and what files that has."""
        from huggingface_hub import HfApi

        api = HfApi(token=token, library_name="bilstm_crf")
        info = api.model_info(repository.id, revision=repository.wanted, files_metadata=True)
        if info.sha is None:
            raise DownloadError("the hub names no commit of it", path=repository)
        return cls(repository, info.sha, {each.rfilename: each.size for each in info.siblings or ()}, token)

    def run(self) -> Path:
        """Fetch model.json and the files that it names; return their folder."""
        if DESCRIPTION not in self.sizes:
            raise ModelFolderError("is no model of bilstm_crf: it has no model.json", path=self.repository)
        if (self.sizes[DESCRIPTION] or 0) > MAX_BYTES:
            raise ModelFolderError(f"its model.json has more than {MAX_BYTES:,} bytes", path=self.repository)
        folder = self._get(DESCRIPTION).parent
        description = read_description(folder)
        require_safetensors([description.weights], self.repository)
        encoder = description.encoder
        names = [] if encoder is None or encoder.folder is None else self._names(encoder.folder)
        self._get_weights(description)
        if encoder is not None and names:
            self._get_encoder(folder, encoder, names)
        return folder

    def _names(self, folder: str) -> list[str]:
        """Return the files of an encoder. Raises ModelFolderError where its weights can only be a pickle."""
        names = encoder_files(self.sizes, folder)
        if not any(name.endswith(".safetensors") for name in names):
            others = [name for name in self.sizes if name.startswith(f"{folder}/") and name not in names]
            require_safetensors(others, self.repository)
            raise ModelFolderError(f"its encoder {folder} has no weights", path=self.repository)
        return names

    def _get_weights(self, description: Description) -> None:
        name = description.weights
        for again in (False, True):
            if sha256_of(self._get(name, again=again)) == description.sha256:
                return
        raise self._damaged(name)

    def _get_encoder(self, folder: Path, encoder: EncoderDescription, names: list[str]) -> None:
        for again in (False, True):
            for name in names:
                self._get(name, again=again)
            with contextlib.suppress(InputError):  # a damaged config.json, for example
                if sha256_of_files(files_of(folder / str(encoder.folder))) == encoder.sha256:
                    return
        raise self._damaged(str(encoder.folder))

    def _damaged(self, name: str) -> BilstmCrfError:
        return DownloadError(
            f"{name} is not the file that model.json names: its SHA-256 differs",
            path=self.repository,
            hint="the repository is damaged, or a proxy is in the way",
        )

    def _get(self, name: str, *, again: bool = False) -> Path:
        from huggingface_hub import try_to_load_from_cache

        if name not in self.sizes:
            raise ModelFolderError(f"{name} is missing, but model.json names it", path=self.repository)
        here = isinstance(try_to_load_from_cache(self.repository.id, name, revision=self.commit), str)
        label = f"Downloading  {name}"
        if again or not here:
            note(f"{label}  {human(self.sizes[name])}  from {self.repository}")
        return _download(self.repository.id, name, self.commit, self.token, label=label, again=again)
