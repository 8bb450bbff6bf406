"""What the tests of a stack's events share, and those of what AWS's services promise."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ministack_cloud import Cloud, running_cloud
from tests.rotation.aws_worlds import FakeWorld, World
from tests.rotation.stack import Stack, waiting_stack, without_pauses

ON_MINISTACK = pytest.param("ministack", marks=[pytest.mark.ministack])


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """MiniStack, for the tests of a module."""
    with running_cloud() as running:
        yield running


@pytest.fixture(params=["fake", "fake-one-a-page", ON_MINISTACK])
def aws(request: pytest.FixtureRequest) -> World:
    """The stores, on the strict fakes and on MiniStack."""
    if request.param == "ministack":
        cloud: Cloud = request.getfixturevalue("cloud")
        return World(*(cloud.client(name) for name in ("cloudfront", "secretsmanager", "kms")))
    return FakeWorld.new(page_size=1 if request.param == "fake-one-a-page" else 100)


@pytest.fixture
def stack() -> Iterator[Stack]:
    """A stack that waits for answers."""
    with waiting_stack() as waiting:
        yield waiting


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let nobody sleep; how long they would have."""
    return without_pauses(monkeypatch)
