"""The provider's keys in trouble: outages, floods of unknown names, slow, huge and odd answers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from signer.errors import IdentityError, RemoteError, SignerError
from signer.oidc.keyset import KeySet, read_key_set
from signer.oidc.provider import Provider
from signer.oidc.tokens import TokenVerifier
from tests.oidc.fake_provider import Clock, FakeProvider, Page, hang_up, nobody_home, page, trickle
from tests.oidc.forging import odd_keys
from tests.oidc.token_maker import AUDIENCE, Maker, compact, rs256

HOUR = 3600


@pytest.fixture
def verifier(provider: Provider, clock: Clock) -> TokenVerifier:
    return TokenVerifier(provider, audience=AUDIENCE, clock=clock)


def lasting(maker: Maker, **header: object) -> str:
    """A token that outlives the outage."""
    claims = maker.claims(exp=maker.now + 10 * HOUR)
    return compact(maker.header(**header), claims, rs256(maker.rsa))


def code_of(verifier: TokenVerifier, token: str) -> str:
    try:
        verifier.verify(token)
    except SignerError as error:
        return error.code
    return "fine"


OUTAGES: dict[str, Page] = {
    "500": page({}, status=500),
    "404": page({}, status=404),
    "a redirect": page({}, status=302),
    "hangs up": hang_up,
    "no JSON": page(b"<html>"),
    "no keys": page({"keys": []}),
    "keys of no use": page({"keys": [{"kty": "oct", "k": "AAAA"}]}),
    "too large": page(b" " * (1 << 19)),
}


@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES.keys())
def test_in_an_outage_the_keys_serve_an_hour_longer_and_then_none_does(
    verifier: TokenVerifier, maker: Maker, remote: FakeProvider, clock: Clock, outage: Page
) -> None:
    began, token = clock.now, lasting(maker)
    assert code_of(verifier, token) == "fine"
    remote.pages["/keys"] = outage
    outcomes = []
    for minutes in range(1, 181):
        clock.now = began + minutes * 60
        outcomes.append(code_of(verifier, token))
    assert outcomes == ["fine"] * 119 + ["keys_unavailable"] * 61
    remote.publish(maker.rsa)
    clock.now += 60
    assert code_of(verifier, token) == "fine"


def test_an_unknown_kid_in_an_outage_is_the_tokens_fault_while_keys_are_held(
    verifier: TokenVerifier, maker: Maker, remote: FakeProvider, clock: Clock
) -> None:
    assert code_of(verifier, lasting(maker)) == "fine"
    remote.pages["/keys"] = hang_up
    clock.now += 90
    assert code_of(verifier, lasting(maker, kid="new")) == "token_key"


def test_the_whole_provider_gone_is_one_typed_error(maker: Maker, clock: Clock) -> None:
    with nobody_home() as url:
        verifier = TokenVerifier(Provider(url, clock=clock), audience=AUDIENCE, clock=clock)
        token = compact(maker.header(), maker.claims(iss=url), rs256(maker.rsa))
        with pytest.raises(RemoteError) as caught:
            verifier.verify(token)
    assert caught.value.code == "keys_unavailable"
    assert caught.value.evidence["cause"] == "provider_unavailable"


def test_a_withdrawn_key_ends_with_the_next_fetch(
    verifier: TokenVerifier, maker: Maker, remote: FakeProvider, clock: Clock
) -> None:
    assert code_of(verifier, lasting(maker)) == "fine"
    remote.publish(maker.ec)
    clock.now += HOUR - 1
    assert code_of(verifier, lasting(maker)) == "fine"
    clock.now += 1
    assert code_of(verifier, lasting(maker)) == "token_key"


def test_a_new_key_is_found_at_once_and_the_next_after_a_minute(
    verifier: TokenVerifier, maker: Maker, remote: FakeProvider, clock: Clock
) -> None:
    remote.publish(maker.ec)
    assert code_of(verifier, maker.es256()) == "fine"
    clock.now += 60
    remote.publish(maker.ec, maker.rsa)
    assert code_of(verifier, maker.token()) == "fine"
    renamed = {**maker.rsa.as_dict(private=False), "kid": "newer"}
    remote.publish(maker.ec, renamed)
    assert code_of(verifier, maker.headed(kid="newer")) == "token_key"
    clock.now += 60
    assert code_of(verifier, maker.headed(kid="newer")) == "fine"


def test_a_new_key_is_found_for_tokens_that_name_none(
    verifier: TokenVerifier, maker: Maker, remote: FakeProvider, clock: Clock
) -> None:
    token = compact(maker.header(kid=None), maker.claims(), rs256(maker.stranger))
    assert code_of(verifier, maker.token()) == "fine"
    remote.publish(maker.rsa, maker.stranger)
    assert code_of(verifier, token) == "token_signature"
    clock.now += 60
    assert code_of(verifier, token) == "fine"


def test_ten_thousand_unknown_kids_cause_one_fetch_a_minute(
    verifier: TokenVerifier, maker: Maker, remote: FakeProvider, clock: Clock
) -> None:
    """Counted at the server: 100 tokens in each of 100 moments, nine seconds apart."""
    assert code_of(verifier, lasting(maker)) == "fine"
    began = clock.now
    token = compact(
        maker.header(kid="KID"), maker.claims(exp=began + 10 * HOUR), lambda _: b"x" * 256
    )
    _, payload, signature = token.split(".")
    for moment in range(100):
        clock.now = began + moment * 9
        for number in range(100):
            head = compact(maker.header(kid=f"{moment}-{number}"), b"", lambda _: b"").split(".")[0]
            assert code_of(verifier, f"{head}.{payload}.{signature}") == "token_key"
    # At 0 s nothing, the first fetch was then; later the first moment of each minute.
    assert 2 <= remote.count("/keys") <= 1 + 99 * 9 // 60
    assert code_of(verifier, lasting(maker)) == "fine"


def test_a_flood_in_an_outage_asks_no_more_often(
    verifier: TokenVerifier, maker: Maker, remote: FakeProvider, clock: Clock
) -> None:
    assert code_of(verifier, lasting(maker)) == "fine"
    remote.pages["/keys"] = hang_up
    began, before = clock.now, remote.count("/keys")
    for second in range(0, 600, 3):
        clock.now = began + second
        assert code_of(verifier, lasting(maker, kid=f"{second}")) == "token_key"
    assert 9 <= remote.count("/keys") - before <= 10


def test_with_nothing_held_it_asks_every_five_seconds(
    verifier: TokenVerifier, maker: Maker, remote: FakeProvider, clock: Clock
) -> None:
    remote.pages["/keys"] = hang_up
    began = clock.now
    for tenths in range(300):
        clock.now = began + tenths / 10
        assert code_of(verifier, lasting(maker)) == "keys_unavailable"
    assert remote.count("/keys") == 6


@pytest.mark.parametrize("kid", ["rsa", "unknown"])
def test_sixty_four_threads_cause_one_fetch(
    verifier: TokenVerifier, maker: Maker, remote: FakeProvider, kid: str
) -> None:
    rows = {"keys": [maker.rsa.as_dict(private=False)]}
    remote.pages["/keys"] = page(rows, after=0.3)
    token, start = maker.headed(kid=kid), threading.Barrier(64)

    def ask(_: int) -> str:
        start.wait()
        return code_of(verifier, token)

    with ThreadPoolExecutor(64) as pool:
        outcomes = set(pool.map(ask, range(64)))
    assert outcomes == {"fine" if kid == "rsa" else "token_key"}
    assert remote.count("/keys") == 1
    assert remote.count("/.well-known/openid-configuration") == 1


def test_threads_that_hold_keys_do_not_wait_for_a_slow_provider(
    verifier: TokenVerifier, maker: Maker, remote: FakeProvider, clock: Clock
) -> None:
    token = lasting(maker)
    assert code_of(verifier, token) == "fine"
    fetching, end = threading.Event(), threading.Event()

    def slow(_: object) -> None:
        fetching.set()
        end.wait(2)

    remote.pages["/keys"] = slow
    clock.now += HOUR
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(code_of, verifier, token)
        assert fetching.wait(5)
        assert [code_of(verifier, token) for _ in range(100)] == ["fine"] * 100
        assert not first.done()
        end.set()
        assert first.result() == "fine"
    assert remote.count("/keys") == 2


def test_a_server_that_trickles_is_given_up(provider: Provider, remote: FakeProvider) -> None:
    remote.pages["/keys"] = trickle
    began = time.monotonic()
    with pytest.raises(RemoteError) as caught:
        list(provider.keys.matching("RS256", "rsa"))
    assert caught.value.evidence["cause"] == "remote_timeout"
    assert time.monotonic() - began < 8


def test_a_huge_key_set_is_given_up(provider: Provider, maker: Maker, remote: FakeProvider) -> None:
    rows = json.dumps({"keys": [maker.rsa.as_dict(private=False)]}).encode()
    remote.pages["/keys"] = page(rows + b" " * (1 << 18))
    with pytest.raises(RemoteError) as caught:
        list(provider.keys.matching("RS256", "rsa"))
    assert caught.value.evidence["cause"] == "remote_too_large"


def test_a_clock_set_back_far_makes_old_keys_unusable(
    verifier: TokenVerifier, maker: Maker, remote: FakeProvider, clock: Clock
) -> None:
    """What was fetched in the future might be years old by the time that looks fresh again."""
    assert code_of(verifier, lasting(maker)) == "fine"
    remote.pages["/keys"] = hang_up
    clock.now -= 59
    assert code_of(verifier, lasting(maker)) == "fine"
    clock.now -= 500
    assert code_of(verifier, lasting(maker)) == "keys_unavailable"
    remote.publish(maker.rsa)
    clock.now += 5
    assert code_of(verifier, replace(maker, now=clock.now).token()) == "fine"


def test_keys_that_must_not_verify_are_left_out(maker: Maker) -> None:
    rows = [*odd_keys(maker), maker.rsa.as_dict(private=False)]
    names = {key.kid for key in read_key_set(json.dumps({"keys": rows}).encode())}
    assert names == {"rsa", "rs512", "off", "p384"}


def test_a_key_set_has_a_hundred_keys_at_most(maker: Maker) -> None:
    row = maker.rsa.as_dict(private=False)
    assert len(read_key_set(json.dumps({"keys": [row] * 100}).encode())) == 100
    with pytest.raises(RemoteError) as caught:
        read_key_set(json.dumps({"keys": [row] * 101}).encode())
    assert caught.value.code == "keys_malformed"


def test_nothing_private_is_kept_of_a_key(maker: Maker) -> None:
    """A provider that publishes its private key by mistake must not have it spread from here."""
    row = maker.rsa.as_dict(private=True)
    key = read_key_set(json.dumps({"keys": [row]}).encode())[0]
    assert {name for name, _ in key.parameters} == {"kty", "n", "e"}


@pytest.mark.parametrize(
    "row",
    [
        None,
        7,
        "key",
        [],
        {},
        {"kty": "RSA"},
        {"kty": "RSA", "n": 5, "e": "AQAB"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": "RSA", "n": "A" * 9000, "e": "AQAB"},
        {"kty": "RSA", "n": "_" * 2048, "e": "AQAB"},
        {"kty": "RSA", "n": "_" * 401, "e": "AQAB"},
        {"kty": "RSA", "n": "+" * 400, "e": "AQAB"},
        {"kty": "EC", "crv": "P-256", "x": "AA"},
        {"kty": "EC", "crv": ["P-256"], "x": "AA", "y": "AA"},
        {"kty": ["RSA"], "n": "_" * 400, "e": "AQAB"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA"},
        {"kty": "RSA", "n": "_" * 400, "e": "AQAB", "kid": 1},
        {"kty": "RSA", "n": "_" * 400, "e": "AQAB", "alg": 1},
        {"kty": "RSA", "n": "_" * 400, "e": "AQAB", "use": ["sig"]},
        {"kty": "RSA", "n": "_" * 400, "e": "AQAB", "key_ops": "verify"},
    ],
    ids=lambda row: ascii(row)[:60],
)
def test_an_odd_key_is_passed_over(maker: Maker, row: object) -> None:
    rows = [row, maker.rsa.as_dict(private=False)]
    assert [key.kid for key in read_key_set(json.dumps({"keys": rows}).encode())] == ["rsa"]
    with pytest.raises(RemoteError):
        read_key_set(json.dumps({"keys": [row]}).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys":{}}',
        b'{"keys":[',
        b'{"keys":[],"keys":[]}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
    ids=lambda body: repr(body)[:30],
)
def test_what_is_no_key_set_is_refused(body: bytes) -> None:
    with pytest.raises(RemoteError) as caught:
        read_key_set(body)
    assert caught.value.code == "keys_malformed"


def test_a_key_that_cannot_be_imported_refuses_and_does_not_break(
    verifier: TokenVerifier, maker: Maker, remote: FakeProvider
) -> None:
    even = {"kty": "RSA", "kid": "rsa", "n": "_" * 341 + "4", "e": "Ag"}
    remote.publish(even)
    with pytest.raises(IdentityError) as caught:
        verifier.verify(maker.token())
    assert caught.value.code == "token_signature"


def test_the_address_is_asked_for_at_each_fetch(remote: FakeProvider, clock: Clock) -> None:
    """Providers move their keys; the discovery document says where to."""
    addresses = iter([f"{remote.url}/old", f"{remote.url}/keys"])
    moving: Callable[[], str] = lambda: next(addresses)  # noqa: E731
    keys = KeySet(moving, clock=clock)
    with pytest.raises(RemoteError):
        list(keys.matching("RS256", "rsa"))
    clock.now += 5
    assert [key.kid for key in keys.matching("RS256", "rsa")] == ["rsa"]
    assert remote.asked == ["/old", "/keys"]
