"""Our own side through the same driver: Tagger in a process, without reading and writing."""

from __future__ import annotations

import argparse

import common
from bilstm_crf import Tagger


def load(arguments: argparse.Namespace) -> common.Tag:
    """A trained model; tags lists of words, each thread computing alone."""
    return Tagger.load(arguments.model, threads=arguments.threads).tag


if __name__ == "__main__":
    common.main("bilstm_crf", None, load)
