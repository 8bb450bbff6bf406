"""What clients are told of errors: a status, a code, and nothing that is not theirs to know."""

from __future__ import annotations

import json
from http import HTTPStatus

import pytest

from signer.errors import (
    ConfigurationError,
    CredentialError,
    GrantError,
    IdentityError,
    RemoteError,
    RequestError,
    SignerError,
    SigningError,
)
from signer.problems import problem_of

CANARY = "canary-71c2"


@pytest.mark.parametrize(
    ("error", "status", "code", "cause"),
    [
        (RequestError("items", "wrong"), 400, "items", None),
        (RequestError("method", "wrong"), 405, "method", None),
        (GrantError("item_wildcard", "wrong"), 400, "item_wildcard", None),
        (GrantError("grant_not_given", "wrong"), 403, "grant_not_given", None),
        (IdentityError("session_ended", "wrong"), 401, "session_ended", None),
        (IdentityError("token_expired", "wrong"), 401, "token_expired", None),
        (GrantError("grant_too_many", CANARY), 500, "internal", "grant_too_many"),
        (GrantError("grant_lifetime", CANARY), 500, "internal", "grant_lifetime"),
        (GrantError("grant_cookies_too_large", CANARY), 500, "internal", "grant_cookies_too_large"),
        (IdentityError("session_too_large", CANARY), 500, "internal", "session_too_large"),
        (RequestError("front_end", CANARY), 500, "internal", "front_end"),
        (GrantError("login_required", "wrong"), 401, "login_required", None),
        (ConfigurationError("setting", CANARY), 500, "internal", "setting"),
        (
            CredentialError("credential_stale", CANARY),
            503,
            "signing_unavailable",
            "credential_stale",
        ),
        (SigningError("kms_denied", CANARY), 503, "signing_unavailable", "kms_denied"),
        (RemoteError("remote_timeout", CANARY), 503, "unavailable", "remote_timeout"),
    ],
)
def test_each_kind_has_its_status(
    error: SignerError, status: int, code: str, cause: str | None
) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.code, problem.cause) == (status, code, cause)
    content = json.loads(problem.to_json())
    assert set(content) == {"type", "title", "status", "code", "detail"}
    assert content["type"] == f"urn:cloudfront-issuer:{code}"
    assert content["status"] == status
    assert CANARY not in problem.to_json()
    assert problem.headers["Content-Type"] == "application/problem+json"
    assert content["title"] == HTTPStatus(status).phrase
    assert problem.headers["Cache-Control"] == "no-store"
    assert problem.headers["X-Content-Type-Options"] == "nosniff"


def test_what_a_client_can_mend_is_told_with_the_advice() -> None:
    problem = problem_of(RequestError("method", "this path takes GET", advice="use that"))
    assert problem.detail == "This path takes GET; use that."


def test_who_must_log_in_is_told_how() -> None:
    field = "WWW-Authenticate"
    assert problem_of(IdentityError("token_issuer", "no")).headers[field].endswith('invalid_token"')
    assert problem_of(RequestError("login_required", "no")).headers[field] == "Bearer"
    assert field not in problem_of(RequestError("items", "no")).headers


def test_what_passes_is_told_when_to_try_again() -> None:
    assert problem_of(RemoteError("remote_status", "no")).headers["Retry-After"] == "10"


def test_an_unforeseen_error_is_told_by_its_place_and_never_by_its_text() -> None:
    def fail() -> None:
        raise KeyError(CANARY)

    with pytest.raises(KeyError) as caught:
        fail()
    problem = problem_of(caught.value)
    assert (problem.status, problem.code) == (500, "internal")
    assert problem.cause
    assert problem.cause.startswith(f"KeyError at {__name__}:")
    assert CANARY not in repr(problem)
    assert problem_of(KeyError(CANARY)).cause == "KeyError at ?"
