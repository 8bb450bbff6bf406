from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from signer import PrivateKey
from tests.integrations.backends import MAKERS, Backend, environment, make_credential


@pytest.fixture
def make_backend(
    tmp_path: Path, p256_key: PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Backend]:
    credential = make_credential(tmp_path, p256_key)

    def make(name: str) -> Backend:
        maker = MAKERS[name]
        # Django's settings are read once in a process, whatever the environment says later.
        if name != "django":
            for variable, value in environment(credential).items():
                monkeypatch.setenv(variable, value)
        return maker(credential, p256_key, monkeypatch)

    return make


@pytest.fixture(params=list(MAKERS))
def backend(make_backend: Callable[[str], Backend], request: pytest.FixtureRequest) -> Backend:
    return make_backend(request.param)
