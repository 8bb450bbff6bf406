"""A provider on loopback with two keys, and whoever makes its tokens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from signer.oidc.provider import Provider
from tests.oidc.fake_provider import Clock, FakeProvider, fake_provider
from tests.oidc.token_maker import Maker, ec_key, rsa_key


@pytest.fixture(scope="session")
def token_keys() -> Maker:
    """Keys of this run; making RSA keys takes a moment."""
    return Maker("", 0, rsa_key("rsa"), ec_key("ec"), rsa_key("rsa"))


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until the test moves it."""
    return Clock()


@pytest.fixture
def remote(token_keys: Maker) -> Iterator[FakeProvider]:
    """A provider that publishes an RSA and a P-256 key."""
    with fake_provider() as running:
        running.publish(token_keys.rsa, token_keys.ec)
        yield running


@pytest.fixture
def provider(remote: FakeProvider, clock: Clock) -> Provider:
    """Our side of it."""
    return Provider(remote.url, clock=clock)


@pytest.fixture
def maker(remote: FakeProvider, clock: Clock, token_keys: Maker) -> Maker:
    """Whoever makes its tokens."""
    return Maker(remote.url, clock.now, token_keys.rsa, token_keys.ec, token_keys.stranger)
