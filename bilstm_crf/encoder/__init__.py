"""Contextual word vectors from a Hugging Face encoder, beside or instead of the static ones.

    sentences ─► subwords, context ─► windows ─► encoder ─► word vectors ─► cache

Only this package imports `transformers`, which is an extra.
"""
