from __future__ import annotations

from itertools import groupby

import pytest

from tests.cdk.stages import STAGES
from tests.cdk.templates import Json, template_of


@pytest.fixture(params=STAGES)
def any_stage(request: pytest.FixtureRequest) -> Json:
    """The template of each configuration: for what always holds."""
    return template_of(**STAGES[request.param])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that change or end a deployed stack behind those that look at it."""

    def number(item: pytest.Item) -> int:
        mark = item.get_closest_marker("last")
        return mark.args[0] if mark else 0

    blocks = [list(block) for _, block in groupby(items, key=lambda item: item.path)]
    items[:] = [item for block in blocks for item in sorted(block, key=number)]
