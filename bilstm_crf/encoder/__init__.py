"""Contextual word vectors from a Hugging Face encoder, beside or instead of the static ones.

    sentences ─► pieces ─► windows ─► encoder ─► word vectors ─► cache
                              │
                           context

The only room that imports `transformers`, an extra; docs/architecture.md shows where it stands.
"""
