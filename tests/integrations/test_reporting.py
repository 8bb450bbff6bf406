"""What the log is told of errors: the operator's, and no viewer's."""

from __future__ import annotations

import pytest

from signer.errors import CredentialError, GrantError
from signer.integrations.reporting import answered


def test_a_viewers_mistake_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert answered(GrantError("item_wildcard", "no")).status == 400
    assert not caplog.records


def test_an_operators_is(caplog: pytest.LogCaptureFixture) -> None:
    problem = answered(CredentialError("credential_stale", "too old"))
    assert (problem.status, problem.cause) == (503, "credential_stale")
    assert "answered 503: credential_stale: too old" in caplog.text
