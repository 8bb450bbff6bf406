"""The session cookie: what goes in comes out, and nothing more goes in than is needed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signer.errors import IdentityError
from signer.oidc.host_cookie import SESSION_COOKIE, clearing_line, cookie_line
from signer.oidc.seal import Seal, new_key
from signer.oidc.session import Session
from tests.oidc.fake_provider import Clock

SEAL = Seal([new_key()])
HOUR = timedelta(hours=1)

plain = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def session(seal: Seal = SEAL, **changes: object) -> Session:
    begun = Session.of(
        {"sub": "ada", "groups": ["staff"], "email": "ada@example.com"},
        needed=["groups", "tenant"],
        refresh_token="rt-canary",
        now=seal.now(),
        lifetime=HOUR,
    )
    return replace(begun, **changes)  # type: ignore[arg-type]


VALUE = session().to_cookie_value(SEAL)


def code_of(value: str, seal: Seal = SEAL) -> str:
    with pytest.raises(IdentityError) as caught:
        Session.from_cookie_value(seal, value)
    return caught.value.code


def test_only_needed_claims_are_kept() -> None:
    begun = session()
    assert begun.subject == "ada"
    assert begun.claims == {"groups": ["staff"]}
    assert begun.expires_at - begun.checked_at == 3600


@given(
    subject=plain,
    claims=st.dictionaries(plain, st.lists(plain, max_size=3), max_size=4),
    refresh_token=st.none() | plain,
    held=st.lists(plain, max_size=3).map(tuple),
)
def test_a_session_survives_its_cookie(
    subject: str,
    claims: dict[str, list[str]],
    refresh_token: str | None,
    held: tuple[str, ...],
) -> None:
    kept = session(subject=subject, claims=claims, refresh_token=refresh_token, held=held)
    assert Session.from_cookie_value(SEAL, kept.to_cookie_value(SEAL)) == kept


@given(at=st.integers(0, len(VALUE) - 1), other=st.characters(max_codepoint=0x2FFF))
def test_any_changed_character_ends_it(at: int, other: str) -> None:
    if other != VALUE[at]:
        assert code_of(VALUE[:at] + other + VALUE[at + 1 :]) == "seal_broken"


def test_it_ends_with_the_session_and_not_with_the_cookie() -> None:
    clock = Clock()
    seal = Seal([new_key()], clock=clock)
    value = session(seal).to_cookie_value(seal)
    clock.now += 3599
    assert Session.from_cookie_value(seal, value).subject == "ada"
    clock.now += 1
    assert code_of(value, seal) == "seal_expired"


def test_sealing_again_does_not_make_it_longer() -> None:
    clock = Clock()
    seal = Seal([new_key()], clock=clock)
    begun = session(seal)
    clock.now += 1800
    again = Session.from_cookie_value(seal, begun.to_cookie_value(seal)).to_cookie_value(seal)
    clock.now += 1799
    assert Session.from_cookie_value(seal, again).expires_at == begun.expires_at
    clock.now += 1
    assert code_of(again, seal) == "seal_expired"


def test_a_session_that_has_ended_gives_a_cookie_that_has() -> None:
    ended = session(expires_at=SEAL.now() - 1)
    assert code_of(ended.to_cookie_value(SEAL)) == "seal_expired"


@pytest.mark.parametrize("characters", ["a", "\u00e4", "\U0001f600"])
def test_a_session_is_as_large_as_a_cookie_or_refused(characters: str) -> None:
    """Browsers drop a larger cookie without a word."""
    count = 500
    while fits(big := session(claims={"x": characters * count})):
        assert len(f"{SESSION_COOKIE}={big.to_cookie_value(SEAL)}") <= 4096
        count += 50
    assert count * len(characters.encode()) > 2000
    with pytest.raises(IdentityError) as caught:
        big.to_cookie_value(SEAL)
    assert caught.value.code == "session_too_large"
    assert characters * 10 not in str(caught.value)


def fits(big: Session) -> bool:
    try:
        big.to_cookie_value(SEAL)
    except IdentityError:
        return False
    return True


def test_a_log_in_cookie_is_no_session() -> None:
    assert code_of(SEAL.seal("login", {"attempts": []}, lifetime=HOUR)) == "seal_broken"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("subject", None),
        ("subject", 1),
        ("claims", []),
        ("claims", None),
        ("held", "path"),
        ("held", None),
        ("refresh_token", 1),
        ("checked_at", None),
        ("expires_at", None),
        ("expires_at", "never"),
    ],
)
def test_another_versions_content_is_refused(name: str, value: object) -> None:
    data: dict[str, object] = {
        "subject": "ada",
        "claims": {},
        "held": [],
        "checked_at": 1,
        "expires_at": SEAL.now() + 60,
    }
    unchanged = SEAL.seal("session", data, lifetime=HOUR)
    assert Session.from_cookie_value(SEAL, unchanged).subject == "ada"
    text = SEAL.seal("session", {**data, name: value}, lifetime=HOUR)
    assert code_of(text) == "seal_broken"


def test_the_sessions_own_end_counts_too() -> None:
    data: dict[str, object] = {
        "subject": "ada",
        "claims": {},
        "held": [],
        "checked_at": 1,
        "expires_at": SEAL.now() - 1,
    }
    assert code_of(SEAL.seal("session", data, lifetime=HOUR)) == "seal_expired"


def test_no_secret_and_no_claim_is_in_its_repr() -> None:
    begun = session(claims={"email": "ada-canary@example.com"})
    assert "canary" not in repr(begun)
    assert "canary" not in begun.to_cookie_value(SEAL)


def test_its_cookie_cannot_be_read_by_scripts_nor_planted_by_siblings() -> None:
    assert cookie_line(SESSION_COOKIE, "v", max_age=60) == (
        "__Host-signer-session=v; Max-Age=60; Path=/; Secure; HttpOnly; SameSite=Lax"
    )
    assert clearing_line(SESSION_COOKIE) == (
        "__Host-signer-session=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; "
        "Path=/; Secure; HttpOnly; SameSite=Lax"
    )
