"""docs/scale.md: its programs run on real shards, are killed, and continue; its Python example runs too."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import runpy
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bilstm_crf.inference import box
from bilstm_crf.inference.shards import RECORD

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "scale.md").read_text("utf-8")
CONSOLE = "".join(re.findall(r"```console\n(.*?)```", PAGE, flags=re.DOTALL))
TYPED = dict(re.findall(r"^\$ python examples/(\w+)_tag\.py (.*)$", CONSOLE, flags=re.MULTILINE))
(PYTHON,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
LIBRARIES = {"ray": "ray", "spark": "pyspark", "datasets": "datasets"}
NAMES = ["Kari Nordmann", "Ola Hansen", "Åse Lund", "Erna Solberg"]
PLACES = ["Bergen", "Oslo", "Tromsø", "Ål 😀"]
ROWS = 600
SHARDS = {*(f"{number}.jsonl" for number in range(5)), "5.jsonl.gz", "6.parquet"}


def write_shards(folder: Path) -> None:
    """Write shards of invented text, of each kind."""
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    folder.mkdir()
    for number, name in enumerate(sorted(SHARDS)):
        texts = [f"{NAMES[row % 4]} bur i {PLACES[(row + number) % 4]}. " * (row % 40) for row in range(ROWS)]
        rows = [{"id": row, "text": text or None} for row, text in enumerate(texts)]
        content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
        if name.endswith(".parquet"):
            parquet.write_table(pyarrow.Table.from_pylist(rows), folder / name)
        else:
            (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)


def start(program: str, folder: Path) -> subprocess.Popen[str]:
    """Start a program as the page says, as the leader of its own group, as in a terminal."""
    arguments = shlex.split(TYPED[program])
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",
        "RAY_AUTH_MODE": "disabled",
    }
    command = [sys.executable, ROOT / "examples" / f"{program}_tag.py", *arguments]
    return subprocess.Popen(
        command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def kill_all(process: subprocess.Popen[str]) -> None:
    """Kill a program and its workers at once, as when the machine loses power: some would outlive it."""
    for number in [process.pid, *descendants(process.pid)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def descendants(process: int) -> list[int]:
    children = [path.read_text() for path in Path(f"/proc/{process}/task").glob("*/children")]
    numbers = [int(number) for each in children for number in each.split()]
    return numbers + [each for number in numbers for each in descendants(number)]


def wait_for_another(process: subprocess.Popen[str], out: Path, count: int) -> None:
    """Wait until more than `count` shards are finished."""
    while len(finished(out)) <= count:
        if process.poll() is not None:
            pytest.fail(f"ended before a shard was finished:\n{process.communicate()[1]}")
        time.sleep(0.01)


def finished(out: Path) -> dict[str, os.stat_result]:
    return {each.name: each.stat() for each in out.glob("[0-9].*")}


def require_same(before: dict[str, os.stat_result], out: Path) -> None:
    """Fail if a finished shard was touched."""
    now = finished(out)
    for name, status in before.items():
        assert (now[name].st_ino, now[name].st_mtime_ns) == (status.st_ino, status.st_mtime_ns)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the shards, and what one process makes of them by the page's Python example."""
    if not (box.FOLDER / "model.json").is_file():
        pytest.skip("needs the model in the box: this checkout has none")
    write_shards(tmp_path / "corpus")
    with contextlib.chdir(tmp_path):
        exec(PYTHON, {})
    (tmp_path / "tagged").rename(tmp_path / "expected")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("program", TYPED)
def test_a_run_that_is_killed_and_interrupted_continues(program: str, folder: Path) -> None:
    pytest.importorskip(LIBRARIES[program], reason=f"needs the extra {program}")
    out = folder / "tagged"
    before: dict[str, os.stat_result] = {}
    (folder / "corpus" / "bad.jsonl").write_bytes(b"{\n")
    for end, status in (("kill -9", -signal.SIGKILL), ("Ctrl-C", 130)):
        process = start(program, folder)
        wait_for_another(process, out, len(before))
        if end == "kill -9":
            kill_all(process)
        else:
            os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate()
        assert process.returncode == status, err
        require_same(before, out)
        before = finished(out)
        assert before.keys() < SHARDS
    process = start(program, folder)
    _, err = process.communicate()
    assert process.returncode == 1, err
    assert "bad.jsonl  line 1" in err
    require_same(before, out)
    assert {each.name for each in out.iterdir()} == {*SHARDS, RECORD}
    for name in SHARDS:
        assert (out / name).read_bytes() == (folder / "expected" / name).read_bytes()


@pytest.mark.parametrize("program", TYPED)
def test_the_help_needs_no_library_and_fits_in_80_columns(
    program: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, LIBRARIES[program], None)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "argv", [f"{program}_tag.py", "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "examples" / f"{program}_tag.py"), run_name="__main__")
    assert ended.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert {"INPUT", "--workers"} <= set(" ".join(lines).split())
    assert len(lines) <= 90
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("program", TYPED)
def test_without_the_library_an_error_names_the_extra(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, LIBRARIES[program], None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "a.jsonl").touch()
    monkeypatch.setattr(sys, "argv", [f"{program}_tag.py", *shlex.split(TYPED[program])])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "examples" / f"{program}_tag.py"), run_name="__main__")
    assert ended.value.code == 2
    assert f"bilstm_crf[{program}]" in capsys.readouterr().err
