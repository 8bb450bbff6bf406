"""Whatever is sent: claims that can be carried on, or a typed error, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from signer.errors import IdentityError, SignerError
from signer.oidc.attempts import find
from signer.oidc.compact import base64url_decode, base64url_encode, take_apart
from signer.oidc.login import LoginFlow
from signer.oidc.provider import Provider
from signer.oidc.seal import Seal, new_key
from signer.oidc.session import Session
from signer.oidc.strict_json import read_object
from signer.oidc.tokens import TokenVerifier
from tests.oidc.browsing import REDIRECT_URI, query_of
from tests.oidc.fake_provider import Clock, fake_provider
from tests.oidc.token_maker import AUDIENCE, CLIENT_ID, Maker, compact, rs256

SEAL = Seal([new_key()])

any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
HEADER = ("alg", "kid", "typ", "jwk", "jku", "x5c", "x5u", "x5t", "cty", "zip", "enc", "epk", "url")
CLAIMS = (
    "iss",
    "aud",
    "sub",
    "exp",
    "nbf",
    "iat",
    "azp",
    "at_hash",
    "token_use",
    "nonce",
    "groups",
)

Bench = tuple[Maker, TokenVerifier, LoginFlow]


@pytest.fixture(scope="module")
def bench(token_keys: Maker) -> Iterator[Bench]:
    clock = Clock()
    with fake_provider() as remote:
        maker = replace(token_keys, issuer=remote.url, now=clock.now, audience=CLIENT_ID)
        remote.publish(maker.rsa, maker.ec)
        provider = Provider(remote.url, clock=clock)
        flow = LoginFlow(
            provider, client_id=CLIENT_ID, redirect_uri=REDIRECT_URI, seal=SEAL, clock=clock
        )
        verifier = TokenVerifier(provider, audience=CLIENT_ID, client_id=CLIENT_ID, clock=clock)
        yield maker, verifier, flow


def outcome(verifier: TokenVerifier, token: str) -> dict[str, object] | str:
    """Claims, or the code of the error; as a bearer token and as an id token."""
    found: dict[str, object] | str = ""
    for verify in (verifier.verify, lambda text: verifier.verify_id(text, nonce=None)):
        try:
            found = verify(token)
        except SignerError as error:
            found = found or error.code
    return found


@given(name=st.sampled_from(CLAIMS) | st.text(), value=any_json)
@example("groups", "\ud800")
@example("groups", float("inf"))
@example("groups", 10**5000)
@example("aud", [CLIENT_ID, CLIENT_ID])
def test_claims_that_pass_fit_into_a_session(bench: Bench, name: str, value: object) -> None:
    maker, verifier, _ = bench
    found = outcome(
        verifier, compact(maker.header(), encoded_claims(maker, name, value), rs256(maker.rsa))
    )
    if isinstance(found, str):
        assert found.startswith("token_")
        return
    begun = Session.of(
        found, needed=[name], refresh_token=None, now=SEAL.now(), lifetime=timedelta(hours=1)
    )
    try:
        value_of_cookie = begun.to_cookie_value(SEAL)
    except IdentityError as error:
        assert error.code == "session_too_large"  # noqa: PT017 - one of two good outcomes
        return
    assert Session.from_cookie_value(SEAL, value_of_cookie) == begun


def encoded_claims(maker: Maker, name: str, value: object) -> bytes:
    """Claims in JSON, written without any of its rules where Python allows it."""
    try:
        return json.dumps({**maker.claims(), name: value}).encode()
    except ValueError:  # a number longer than Python writes
        return json.dumps({**maker.claims(), name: 0}).encode().replace(b": 0}", b": 1e9999}")


@given(name=st.sampled_from(HEADER) | st.text(), value=any_json)
@example("alg", "none")
@example("jwk", {"kty": "oct", "k": "AA"})
def test_whatever_the_header_says_the_key_is_the_providers(
    bench: Bench, name: str, value: object
) -> None:
    """The same odd header with another's signature never passes."""
    maker, verifier, _ = bench
    header = {**maker.header(), name: value}
    found = outcome(verifier, compact(header, maker.claims(), rs256(maker.rsa)))
    assert found == maker.claims() or isinstance(found, str)
    forged = outcome(verifier, compact(header, maker.claims(), rs256(maker.stranger)))
    assert isinstance(forged, str)
    assert forged.startswith("token_")


@given(st.text() | st.text("ey.AW-_=", max_size=60))
def test_any_text_is_a_typed_error(bench: Bench, text: str) -> None:
    found = outcome(bench[1], text)
    assert isinstance(found, str)
    assert found.startswith("token_")


@given(position=st.integers(0, 700), other=st.characters())
def test_any_changed_character_is_refused(bench: Bench, position: int, other: str) -> None:
    maker, verifier, _ = bench
    token = maker.token()
    at = position % len(token)
    if other != token[at]:
        assert isinstance(outcome(verifier, token[:at] + other + token[at + 1 :]), str)


@given(
    query=st.dictionaries(
        st.sampled_from(["state", "code", "error", "iss", "session_state"]) | st.text(), st.text()
    ),
    cookie=st.none() | st.text(),
    known=st.booleans(),
)
def test_any_callback_is_a_typed_error(
    bench: Bench, query: dict[str, str], cookie: str | None, known: bool
) -> None:
    """The provider has no token endpoint's answer, so that none can succeed."""
    flow = bench[2]
    if known:
        begun = flow.begin("/")
        query = {**query, "state": query_of(begun.location)["state"]}
        cookie = begun.cookie
    with pytest.raises(SignerError) as caught:
        flow.finish(query, cookie)
    assert caught.value.code.startswith(("login_", "provider_"))
    assert flow.remaining(query, cookie) is None


@given(st.binary())
def test_base64url_has_one_spelling(octets: bytes) -> None:
    text = base64url_encode(octets)
    assert base64url_decode(text) == octets
    assert base64url_decode(text + "=") is None


@given(st.text("AQgw-_+/=\n", max_size=8))
def test_what_decodes_is_what_would_be_written(text: str) -> None:
    octets = base64url_decode(text)
    assert octets is None or base64url_encode(octets) == text


@given(st.dictionaries(st.text(), any_json))
def test_objects_are_read_as_they_are_or_not_at_all(document: dict[str, object]) -> None:
    found = read_object(json.dumps(document))
    assert found is None or found == document
    try:
        json.dumps(document, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:
        assert found is None
    else:
        assert found == document


def test_a_token_taken_apart_shows_nothing_of_itself(token_keys: Maker) -> None:
    token = replace(token_keys, issuer="https://canary.example", now=1).token()
    assert token[:10] not in repr(take_apart(token))
    assert "canary" not in repr(take_apart(token))
    assert AUDIENCE not in repr(take_apart(token))


@pytest.mark.parametrize("state", [None, 1, b"state", [], ""])
def test_a_state_that_is_no_text_finds_nothing(bench: Bench, state: object) -> None:
    assert find([], state) is None
    assert bench[2].remaining({"state": state}, bench[2].begin("/").cookie)  # type: ignore[dict-item]
