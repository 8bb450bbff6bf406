"""What the tests of a stack's events share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rotation.stack import Stack, waiting_stack, without_pauses


@pytest.fixture
def stack() -> Iterator[Stack]:
    """A stack that waits for answers."""
    with waiting_stack() as waiting:
        yield waiting


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let nobody sleep; how long they would have."""
    return without_pauses(monkeypatch)
