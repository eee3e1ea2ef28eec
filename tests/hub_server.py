"""A hub on 127.0.0.1: as much of the Hugging Face hub's API as `huggingface_hub` needs for models.

Files of git are kept in a commit, those of LFS by their SHA-256, and a download of the latter is redirected.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from file_server import listening

TOKEN = "hf_" + "secretsecretsecret"
NO_REPOSITORY, NO_REVISION, NO_FILE = (404, "RepoNotFound"), (404, "RevisionNotFound"), (404, "EntryNotFound")


class RefusedError(Exception):
    """An answer with an error code."""


@dataclass
class Repo:
    """`commits`: the files of each, in order; `branches`: the commit of each."""

    private: bool = False
    gated: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def commit(self, files: dict[str, bytes], branch: str = "main") -> str:
        """Make a commit of all these files and return its hash."""
        oid = hashlib.sha1(f"{len(self.commits)} {sorted(files)}".encode()).hexdigest()
        self.commits[oid] = dict(files)
        self.branches[branch] = oid
        return oid

    def find(self, revision: str) -> str:
        oid = self.branches.get(revision, revision)
        if oid not in self.commits:
            raise RefusedError(*NO_REVISION)
        return oid


@dataclass
class Hub:
    """The server's state: change it to make the hub misbehave."""

    address: str = ""
    repos: dict[str, Repo] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)  # by SHA-256
    requests: list[tuple[str, str]] = field(default_factory=list)  # method and path
    tokens: set[str | None] = field(default_factory=set)  # that came with them
    tokens_elsewhere: set[str | None] = field(default_factory=set)  # that the other host was sent
    statuses: dict[str, int] = field(default_factory=dict)  # answer this to paths that contain the key
    break_off: list[int] = field(
        default_factory=list
    )  # close the connection of a download after so many bytes
    on_download: Callable[[str], None] = lambda path: None  # called before the file is sent
    echo_token: bool = False  # repeat what the client sent in an error

    @property
    def other_host(self) -> str:
        """The same server by another name, as the hub keeps large files elsewhere."""
        return self.address.replace("127.0.0.1", "localhost")

    def add(self, name: str, folder: Path, **flags: Any) -> Repo:
        """Make a repository with all files below a folder."""
        repo = self.repos.setdefault(name, Repo(**flags))
        files = {
            str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()
        }
        repo.commit(files)
        return repo

    def downloads(self) -> list[str]:
        """Return the names of the files that were sent."""
        return [
            path.rpartition("/")[2]
            for method, path in self.requests
            if method == "GET" and "/api/" not in path
        ]


class _Handler(http.server.BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        pass

    def serve(self) -> None:
        path = unquote(urlsplit(self.path).path)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        self.hub.requests.append((self.command, path))
        at_other_host = (self.headers.get("Host") or "").startswith("localhost")
        self.token = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
        (self.hub.tokens_elsewhere if at_other_host else self.hub.tokens).add(self.token)
        try:
            for part, status in self.hub.statuses.items():
                if part in path:
                    raise RefusedError(status, "")
            for pattern, name in ROUTES:
                method, _, pattern = pattern.partition(" ")
                found = re.fullmatch(pattern, path)
                if found and self.command in method.split("|"):
                    getattr(self, name)(body, *found.groups())
                    return
            raise RefusedError(404, "")
        except RefusedError as refused:
            status, code = refused.args
            said = f"no: {self.token}" if self.hub.echo_token else "no"
            self.send(status, {"error": said}, {"X-Error-Code": code, "X-Error-Message": said})

    do_GET = do_HEAD = do_POST = do_PUT = serve  # noqa: N815

    def send(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def repo(self, name: str) -> Repo:
        repo = self.hub.repos.get(name)
        if repo is None or (repo.private and self.token != TOKEN):
            raise RefusedError(*NO_REPOSITORY)
        if repo.gated and self.token != TOKEN:
            raise RefusedError(403, "GatedRepo")
        return repo

    # ------------------------------------------------------------ reading

    def model_info(self, _: bytes, name: str, revision: str | None = None) -> None:
        repo = self.repo(name)
        oid = repo.find(revision or "main")
        siblings = [{"rfilename": each, "size": len(data)} for each, data in repo.commits[oid].items()]
        self.send(
            200, {"id": name, "modelId": name, "sha": oid, "private": repo.private, "siblings": siblings}
        )

    def resolve(self, _: bytes, name: str, revision: str, file: str) -> None:
        repo = self.repo(name)
        oid = repo.find(revision)
        data = repo.commits[oid].get(file)
        headers = {"X-Repo-Commit": oid}
        if data is None:
            raise RefusedError(*NO_FILE)
        if not file.endswith(".safetensors"):
            self.download(data, file, {**headers, "ETag": f'"{hashlib.sha1(data).hexdigest()}"'})
            return
        sha256 = hashlib.sha256(data).hexdigest()
        self.hub.large[sha256] = data
        linked = {"X-Linked-Etag": f'"{sha256}"', "X-Linked-Size": str(len(data))}
        self.send(302, b"", {**headers, **linked, "Location": f"{self.hub.other_host}/large/{sha256}/{file}"})

    def get_large(self, _: bytes, sha256: str, file: str) -> None:
        self.download(self.hub.large[sha256], file, {"ETag": f'"{sha256}"'})

    def download(self, data: bytes, file: str, headers: dict[str, str]) -> None:
        first = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        if self.command == "GET":
            self.hub.on_download(file)
        if self.command == "GET" and self.hub.break_off and file.endswith(".safetensors"):
            part = data[first : first + self.hub.break_off.pop(0)]
            self.send_response(206 if first else 200)
            self.send_header("Content-Length", str(len(data) - first))
            self.end_headers()
            self.wfile.write(part)
            self.wfile.flush()
            self.close_connection = True
            return
        if first:
            headers = {**headers, "Content-Range": f"bytes {first}-{len(data) - 1}/{len(data)}"}
        self.send(206 if first else 200, data[first:], headers)

    # ------------------------------------------------------------ writing

    def writable(self) -> None:
        if self.token != TOKEN:
            raise RefusedError(401, "")

    def create(self, body: bytes) -> None:
        self.writable()
        asked = json.loads(body)
        name = f"{asked['organization']}/{asked['name']}"
        there = name in self.hub.repos
        if not there:
            self.hub.repos[name] = Repo(private=asked.get("visibility") == "private")
            self.hub.repos[name].commit({".gitattributes": b""})
        self.send(409 if there else 200, {"url": f"{self.hub.address}/{name}", "name": name})

    def branch(self, _: bytes, name: str, branch: str) -> None:
        self.writable()
        repo = self.repo(name)
        there = branch in repo.branches
        repo.branches.setdefault(branch, repo.branches["main"])
        self.send(409 if there else 200, {})

    def preupload(self, body: bytes, name: str, _: str) -> None:
        self.writable()
        self.repo(name)
        modes = [
            {"path": each["path"], "shouldIgnore": False,
             "uploadMode": "lfs" if each["path"].endswith(".safetensors") else "regular"}
            for each in json.loads(body)["files"]
        ]  # fmt: skip
        self.send(200, {"files": modes})

    def batch(self, body: bytes, name: str) -> None:
        self.writable()
        objects = [
            {**each, "actions": {"upload": {"href": f"{self.hub.other_host}/large/{each['oid']}"}}}
            for each in json.loads(body)["objects"]
        ]
        self.send(200, {"transfer": "basic", "objects": objects})

    def put_large(self, body: bytes, sha256: str) -> None:
        assert hashlib.sha256(body).hexdigest() == sha256
        self.hub.large[sha256] = body
        self.send(200, {})

    def commit(self, body: bytes, name: str, branch: str) -> None:
        self.writable()
        repo = self.repo(name)
        files = dict(repo.commits[repo.find(branch)])
        for line in body.splitlines():
            key, value = json.loads(line).values()
            if key == "header":
                repo.messages.append(value["summary"])
            elif key == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif key == "lfsFile":
                files[value["path"]] = self.hub.large[value["oid"]]
            elif key == "deletedFile":
                del files[value["path"]]
        oid = repo.commit(files, branch)
        self.send(200, {"commitUrl": f"{self.hub.address}/{name}/commit/{oid}", "commitOid": oid})

    def validate(self, body: bytes) -> None:
        """Check metadata as the hub does, as far as that is known."""
        content = json.loads(body)["content"]
        data = yaml.safe_load(content.split("---\n")[1])
        bad = [name for name in ("language", "license", "tags") if data.get(name) is False]
        self.send(400 if bad else 200, {"errors": [{"message": name} for name in bad], "warnings": []})


NAME = r"([\w.-]+/[\w.-]+)"
ROUTES = [
    ("POST /api/repos/create", "create"),
    ("POST /api/validate-yaml", "validate"),
    (f"GET /api/models/{NAME}", "model_info"),
    (f"GET /api/models/{NAME}/revision/(.+)", "model_info"),
    (f"POST /api/models/{NAME}/branch/(.+)", "branch"),
    (f"POST /api/models/{NAME}/preupload/(.+)", "preupload"),
    (f"POST /api/models/{NAME}/commit/(.+)", "commit"),
    (rf"POST /{NAME}\.git/info/lfs/objects/batch", "batch"),
    (f"GET|HEAD /{NAME}/resolve/([^/]+)/(.+)", "resolve"),
    ("GET|HEAD /large/([0-9a-f]{64})/(.+)", "get_large"),
    ("PUT /large/([0-9a-f]{64})", "put_large"),
]


@contextlib.contextmanager
def serving() -> Iterator[Hub]:
    """Run a hub for the block."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    with listening(handler) as hub.address:
        yield hub
