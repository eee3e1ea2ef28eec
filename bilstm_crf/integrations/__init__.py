"""The tagger inside other libraries: one module per library, each with an extra of its own."""
