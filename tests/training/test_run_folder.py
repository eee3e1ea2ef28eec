"""What config.json says of the program that made a run."""

from __future__ import annotations

import subprocess
from pathlib import Path

from bilstm_crf.training.provenance import git_commit

GIT = ("git", "-c", "user.name=Kari", "-c", "user.email=kari@example.org")


def test_the_commit_is_that_of_the_checkout_and_says_where_a_file_was_changed_since(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        done = subprocess.run([*GIT, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    assert git_commit(tmp_path) is None  # as after an installation
    git("init")
    (tmp_path / "a.py").write_text("x = 1\n", "utf-8")
    git("add", "a.py")
    git("commit", "--no-gpg-sign", "-m", "one")
    git("tag", "-a", "v1", "-m", "a tag is no commit's name")
    found = git_commit(tmp_path)
    assert found is not None
    assert git("rev-parse", "HEAD").startswith(found)
    (tmp_path / "a.py").write_text("x = 2\n", "utf-8")
    assert git_commit(tmp_path) == f"{found}-dirty"
    (tmp_path / "inside").mkdir()
    assert git_commit(tmp_path / "inside") is None  # of a checkout around it


def test_a_checkout_that_git_cannot_read_has_no_commit(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("nothing that git knows\n", "utf-8")
    assert git_commit(tmp_path) is None
