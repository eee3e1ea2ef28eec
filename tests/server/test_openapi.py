"""The OpenAPI document is true: schemathesis makes requests from it, and checks the answers against it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from servers import ROOT, Server


@pytest.mark.slow
def test_schemathesis_finds_no_difference(server: Server, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Wrong requests are refused, right ones answered, as the document says.

    A schema cannot say that offsets lie in a text, or that only files have options in the address. So what it
    allows may still be refused, and that check is left out.
    """
    pytest.importorskip("schemathesis", reason="needs the package schemathesis")
    folder = tmp_path_factory.mktemp("schemathesis")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", "--max-examples", "15", "--seed", "1"),
            *("--phases", "examples,coverage,fuzzing", "--no-color", "--request-timeout", "200"),
            *("--exclude-checks", "positive_data_acceptance"),
            f"http://127.0.0.1:{server.port}/openapi.json",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]


def test_every_address_is_described(server: Server) -> None:
    from bilstm_crf.server.app import Service
    from bilstm_crf.server.settings import Settings

    document = server.ask("GET", "/openapi.json").json
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    service = Service(Settings(), {})
    routes = {(path, method) for path, (method, _) in service.routes.items() if not path.startswith("/page")}
    service.close()
    assert described == routes - {("/", "GET")}
    assert json.dumps(document).count("small") >= 2  # the model's name


def test_its_references_lead_somewhere(server: Server) -> None:
    document = server.ask("GET", "/openapi.json").json

    def references(value: object) -> list[str]:
        if isinstance(value, dict):
            inner = [each for part in value.values() for each in references(part)]
            return inner + ([value["$ref"]] if "$ref" in value else [])
        return [each for part in value for each in references(part)] if isinstance(value, list) else []

    found = references(document)
    assert found
    for reference in found:
        _, *path = reference.split("/")
        part = document
        for key in path:
            part = part[key]
