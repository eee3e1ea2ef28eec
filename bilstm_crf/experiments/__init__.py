"""Experiments as data: TOML files say what to train and score; runs, statistics and tables come out."""
