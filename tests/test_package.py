"""What `import bilstm_crf` shows."""

from __future__ import annotations

import bilstm_crf


def test_the_tagger_is_listed_before_it_is_imported() -> None:
    assert {*bilstm_crf.__all__} <= {*dir(bilstm_crf)}
