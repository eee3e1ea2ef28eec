"""Scores: gold and predicted spans come in; tables, intervals and a signature for each score go out."""
