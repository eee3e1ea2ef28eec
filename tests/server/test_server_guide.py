"""docs/server.md: its examples run, against a real server."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from servers import ROOT, Server

DOCS = ROOT / "docs"
GUIDE = (DOCS / "server.md").read_text("utf-8")
CONSOLE = re.findall(r"```console\n(.*?)```", GUIDE, flags=re.DOTALL)
CURL = [line[2:] for block in CONSOLE for line in block.splitlines() if line.startswith("$ curl")]
PYTHON = re.findall(r"```python\n(.*?)```", GUIDE, flags=re.DOTALL)


def test_every_curl_command_is_answered(server: Server, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    sample = ROOT / "data" / "sample" / "nob" / "no_bokmaal-ud-dev.conllu"
    (tmp_path / "in.conllu").write_bytes(sample.read_bytes())
    (tmp_path / "in.txt").write_text("Kari Nordmann bur i Bergen.\n", "utf-8")
    assert len(CURL) > 5
    for line in CURL:
        arguments = shlex.split(line.replace("localhost:8000", f"localhost:{server.port}"))
        done = subprocess.run([*arguments, "--fail"], cwd=tmp_path, capture_output=True)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        assert done.stdout or "-o " in line
    assert (tmp_path / "out.conllu").read_text("utf-8").count("name=") > 10
    assert (tmp_path / "names.xlsx").read_bytes().startswith(b"PK")


def test_the_shown_answer_has_the_form_of_a_real_one(server: Server) -> None:
    shown = re.search(r'^\{"model".*?\},', GUIDE, flags=re.MULTILINE)
    assert shown is not None
    value = json.loads(shown[0].removesuffix(",") + "]}]}")
    answer = server.tag(text="Kari Nordmann flytta til Bergen.").json
    assert answer.keys() == value.keys()
    assert answer["results"][0]["entities"][0].keys() == value["results"][0]["entities"][0].keys()


def test_the_python_example_prints_names(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = PYTHON
    exec(example.replace("localhost:8000", f"localhost:{server.port}"), {})
    assert re.search(r"^[A-Z_]+ \w+", capsys.readouterr().out)


def test_every_status_is_one_that_the_description_or_the_guard_knows(server: Server) -> None:
    source = "".join(path.read_text("utf-8") for path in (ROOT / "bilstm_crf" / "server").glob("*.py"))
    raised = set(re.findall(r"ProblemError\(\s*(4\d\d|503)", source))
    told = set(re.findall(r"\b(4\d\d|503)\b", GUIDE))
    assert raised <= told


def test_every_link_leads_to_a_file() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", GUIDE):
        assert (DOCS / target).exists(), target
