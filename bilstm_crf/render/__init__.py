"""One renderer: tables and documents come in; text, Markdown, LaTeX, CSV and HTML go out."""
