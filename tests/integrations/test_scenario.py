from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integrations.backends import Backend
from tests.integrations.scenario import SCENARIO


@pytest.mark.parametrize("scene", SCENARIO, ids=lambda scene: scene.__name__)
def test_every_backend_does_the_same(backend: Backend, scene: Callable[[Backend], None]) -> None:
    scene(backend)
