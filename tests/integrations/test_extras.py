"""An integration without its library: an error that names the extra."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
sys.modules[sys.argv[2]] = None
from bilstm_crf.errors import MissingPackageError
try:
    __import__("bilstm_crf.integrations." + sys.argv[1])
except MissingPackageError as error:
    print(error.hint)
"""


@pytest.mark.parametrize(("module", "library"), [("spacy", "spacy"), ("presidio", "presidio_analyzer")])
def test_an_error_names_the_extra(module: str, library: str) -> None:
    command = [sys.executable, "-c", PROGRAM, module, library]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout == f'pip install "bilstm_crf[{module}]"\n', done.stderr
