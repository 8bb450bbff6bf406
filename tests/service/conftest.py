from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from signer import PrivateKey
from signer.dev.identity import ACCOUNTS, IdentityProvider
from signer.service import Service
from tests.service.browsing import (
    Browser,
    Clock,
    environment,
    logging_in,
    provider_running,
    service_of,
)


@pytest.fixture(scope="package")
def running_provider() -> Iterator[IdentityProvider]:
    with provider_running() as running:
        yield running


@pytest.fixture
def provider(running_provider: IdentityProvider) -> Iterator[IdentityProvider]:
    yield running_provider
    for name, groups in ACCOUNTS.items():
        running_provider.set_groups(name, *groups)


@pytest.fixture
def clock() -> Clock:
    return Clock(time.time())


@pytest.fixture
def variables(tmp_path: Path, p256_key: PrivateKey, provider: IdentityProvider) -> dict[str, str]:
    return environment(tmp_path, p256_key, **logging_in(provider, tmp_path))


@pytest.fixture
def service(variables: dict[str, str], clock: Clock) -> Service:
    return service_of(variables, clock)


@pytest.fixture
def browser(service: Service) -> Browser:
    return Browser(service)
