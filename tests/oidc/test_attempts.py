"""The log-in cookie's content: this version's, or none."""

from __future__ import annotations

from datetime import timedelta

import pytest

from signer.errors import IdentityError
from signer.oidc.attempts import Attempt, opened, sealed
from signer.oidc.seal import Seal, new_key

SEAL = Seal([new_key()])
MINUTE = timedelta(minutes=1)


def test_an_attempt_survives_its_cookie_and_shows_no_secret() -> None:
    attempt = Attempt.new("/films/", now=SEAL.now())
    assert opened(sealed([attempt], SEAL), SEAL) == [attempt]
    shown = repr(attempt)
    assert not any(secret in shown for secret in (attempt.state, attempt.nonce, attempt.verifier))


def test_the_challenge_is_that_of_rfc_7636() -> None:
    """Appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    attempt = Attempt("s", "n", verifier, "/", 0)
    assert attempt.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.parametrize("cookie", [None, ""])
def test_no_cookie_is_no_attempt(cookie: str | None) -> None:
    assert opened(cookie, SEAL) == []


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"attempts": None},
        {"attempts": {}},
        {"attempts": [None]},
        {"attempts": ["s"]},
        {"attempts": [["s", "n", "v", "/"]]},
        {"attempts": [["s", "n", "v", "/", "soon"]]},
        {"attempts": [["s", "n", None, "/", 1]]},
    ],
    ids=str,
)
def test_another_versions_content_is_refused(content: dict[str, object]) -> None:
    with pytest.raises(IdentityError) as caught:
        opened(SEAL.seal("login", content, lifetime=MINUTE), SEAL)
    assert caught.value.code == "seal_broken"


def test_a_session_cookie_is_no_log_in_cookie() -> None:
    attempt = Attempt.new("/", now=SEAL.now())
    row = [attempt.state, attempt.nonce, attempt.verifier, "/", attempt.expires_at]
    with pytest.raises(IdentityError):
        opened(SEAL.seal("session", {"attempts": [row]}, lifetime=MINUTE), SEAL)
