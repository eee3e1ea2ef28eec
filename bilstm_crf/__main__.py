"""`python -m bilstm_crf` is `bilstm-crf`."""

import sys

from bilstm_crf.commands.main import run

sys.exit(run())
