"""Reports: what `experiment` and `train` left in a folder, as one HTML page and one Markdown file."""
