#!/usr/bin/env python3
"""`python train.py …` is `bilstm-crf train …`."""

import sys

from bilstm_crf.commands.main import run

sys.exit(run(["train", *sys.argv[1:]]))
