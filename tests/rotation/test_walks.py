from __future__ import annotations

import pytest

from tests.rotation.walks import walk


@pytest.mark.slow
@pytest.mark.no_cover
def test_a_bad_year_is_noticed_by_nobody() -> None:
    walk(examples=60, steps=30)
