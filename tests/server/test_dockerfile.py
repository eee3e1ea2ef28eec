"""The Dockerfile, as far as it can be tested without Docker."""

from __future__ import annotations

import json
import re
import subprocess
import sys

from servers import ROOT, Server

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
LINES = re.sub(r"\\\n", "", DOCKERFILE)


def instruction(name: str) -> str:
    """Return the arguments of the last instruction of a name."""
    return re.findall(rf"^{name} (.*)$", LINES, flags=re.MULTILINE)[-1]


def test_the_health_check_tells_a_server_from_none(server: Server) -> None:
    command = json.loads(instruction("HEALTHCHECK").partition("CMD ")[2])
    assert command[0] == "python"

    def status(port: int) -> int:
        arguments = [sys.executable, *(each.replace(":8000", f":{port}") for each in command[1:])]
        return subprocess.run(arguments, capture_output=True).returncode

    assert status(server.port) == 0
    assert status(1) != 0


def test_it_starts_the_server_with_options_that_exist() -> None:
    from bilstm_crf.commands.serve import command

    shell = json.loads(instruction("ENTRYPOINT"))[2]
    known = {option for parameter in command.params for option in parameter.opts}
    assert set(re.findall(r"--[a-z-]+", shell)) <= known
    assert "exec bilstm-crf serve" in shell  # so that the server is the process that gets signals


def test_it_runs_without_rights_and_serves_what_it_copies() -> None:
    assert LINES.index("\nUSER tagger") < LINES.index("\nENTRYPOINT")
    assert (ROOT / "constraints.txt").is_file()
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    assert ignored[0] == "*"
    assert {"!constraints.txt", "!dist/*.whl"} <= set(ignored)


def test_the_sources_have_whole_seconds_before_they_are_compiled() -> None:
    """The layers of an image keep no more, and numba compiles anew what has another time."""
    assert LINES.index("os.utime") < LINES.index("warm_up(")


def test_the_wheel_holds_every_file_of_the_page() -> None:
    from bilstm_crf.server.app import PAGE

    patterns = re.search(r"^bilstm_crf = (.*)$", (ROOT / "setup.cfg").read_text("utf-8"), re.MULTILINE)
    assert patterns is not None
    assert "server/page/*" in patterns[1]
    page = ROOT / "bilstm_crf" / "server" / "page"
    assert {path.name for path in page.iterdir()} == {*PAGE, "page.html"}
    for path in page.glob("*.js"):
        for imported in re.findall(r'from "\./([^"]+)"', path.read_text("utf-8")):
            assert imported in PAGE
