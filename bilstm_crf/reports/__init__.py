"""Reports: what `experiment` and `train` left behind, as one HTML page and one Markdown file."""
