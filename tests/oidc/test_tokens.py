"""What passes: genuine tokens in all their forms, Cognito's included; and what must be set."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

import pytest
from joserfc import jwt

from signer.errors import ConfigurationError, IdentityError, RemoteError
from signer.oidc.provider import Provider
from signer.oidc.tokens import TokenVerifier
from tests.oidc.fake_provider import Clock, FakeProvider
from tests.oidc.forging import P256_ORDER
from tests.oidc.token_maker import (
    AUDIENCE,
    CLIENT_ID,
    Maker,
    compact,
    encoded,
    es256,
    rs256,
    rsa_key,
)

Made = Callable[[Maker], str]

GENUINE: dict[str, Made] = {
    "RS256": lambda maker: maker.token(),
    "ES256": lambda maker: maker.es256(),
    "without kid": lambda maker: maker.headed(kid=None),
    "without typ": lambda maker: maker.headed(typ=None),
    "typ in other case": lambda maker: maker.headed(typ="jwt"),
    "an access token of RFC 9068": lambda maker: maker.headed(typ="at+jwt"),
    "its long form": lambda maker: maker.headed(typ="application/at+JWT"),
    "a header with certificates": lambda maker: maker.headed(x5c=["MIIB" * 500]),
    "unknown header members": lambda maker: maker.headed(**{"urn:x": 1}),
    "jku, which nobody follows": lambda maker: maker.headed(jku=f"{maker.issuer}/attacker"),
    "aud in a list": lambda maker: maker.token(aud=["other", AUDIENCE]),
    "exp with a fraction": lambda maker: maker.token(exp=maker.now + 0.5),
    "expired within the leeway": lambda maker: maker.token(exp=maker.now - 59),
    "nbf ahead within the leeway": lambda maker: maker.token(nbf=maker.now + 60),
    "no iat": lambda maker: maker.token(iat=None),
    "names beyond ASCII": lambda maker: maker.token(sub="J\u00f6rg \U0001f600"),
    "sub of 255 characters": lambda maker: maker.token(sub="a" * 255),
}


@pytest.fixture
def verifier(provider: Provider, clock: Clock) -> TokenVerifier:
    return TokenVerifier(provider, audience=AUDIENCE, client_id=CLIENT_ID, clock=clock)


@pytest.mark.parametrize("make", GENUINE.values(), ids=GENUINE.keys())
def test_a_genuine_token_gives_its_claims(
    verifier: TokenVerifier, maker: Maker, make: Made
) -> None:
    claims = verifier.verify(make(maker))
    assert claims["iss"] == maker.issuer
    assert claims["sub"]


def test_a_token_of_another_library_is_read(verifier: TokenVerifier, maker: Maker) -> None:
    token = jwt.encode({"alg": "RS256", "kid": "rsa"}, maker.claims(groups=["a"]), maker.rsa)
    assert verifier.verify(token)["groups"] == ["a"]


def test_the_twin_of_an_ecdsa_signature_is_as_good(verifier: TokenVerifier, maker: Maker) -> None:
    """(r, n - s) is valid by the standard, so nothing here is ever keyed by a token's signature."""

    def twin(text: bytes) -> bytes:
        signature = es256(maker.ec)(text)
        s = int.from_bytes(signature[32:], "big")
        return signature[:32] + (P256_ORDER - s).to_bytes(32, "big")

    assert verifier.verify(maker.es256(twin))["sub"] == "ada"


def test_all_keys_of_one_name_are_tried(
    verifier: TokenVerifier, maker: Maker, remote: FakeProvider
) -> None:
    remote.publish(maker.stranger, maker.ec, maker.rsa)
    assert maker.stranger.kid == maker.rsa.kid
    assert verifier.verify(maker.token())["sub"] == "ada"


def test_algorithms_are_those_configured(provider: Provider, maker: Maker, clock: Clock) -> None:
    only = TokenVerifier(provider, audience=AUDIENCE, algorithms=["ES256"], clock=clock)
    assert only.verify(maker.es256())["sub"] == "ada"
    with pytest.raises(IdentityError) as caught:
        only.verify(maker.token())
    assert caught.value.code == "token_algorithm"


def test_a_time_ends_with_the_leeway(provider: Provider, maker: Maker, clock: Clock) -> None:
    exact = TokenVerifier(provider, audience=AUDIENCE, leeway=0, clock=clock)
    token = maker.token()
    clock.now += 599
    assert exact.verify(token)
    clock.now += 1
    with pytest.raises(IdentityError) as caught:
        exact.verify(token)
    assert caught.value.code == "token_expired"


@pytest.mark.parametrize(
    "settings",
    [
        {"audience": AUDIENCE, "algorithms": ["HS256"]},
        {"audience": AUDIENCE, "algorithms": ["none"]},
        {"audience": AUDIENCE, "algorithms": ["RS256", "HS256"]},
        {"audience": AUDIENCE, "algorithms": []},
        {"audience": AUDIENCE, "algorithms": "RS256"},
        {"audience": AUDIENCE, "leeway": 61},
        {"audience": AUDIENCE, "leeway": -1},
        {"audience": AUDIENCE, "leeway": float("nan")},
        {},
        {"audience": ""},
    ],
    ids=str,
)
def test_unsafe_settings_are_refused(provider: Provider, settings: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        TokenVerifier(provider, **settings)  # type: ignore[arg-type]
    assert caught.value.code == "token_settings"


@pytest.mark.parametrize(
    "settings", [{"client_id": CLIENT_ID}, {"client_id": CLIENT_ID, "audience": None}], ids=str
)
def test_a_bearer_token_must_be_tied_to_the_application(
    provider: Provider, maker: Maker, settings: dict[str, str | None]
) -> None:
    with pytest.raises(ConfigurationError):
        TokenVerifier(provider, **settings).verify(maker.token())  # type: ignore[arg-type]


def test_id_tokens_need_a_client(provider: Provider, maker: Maker) -> None:
    with pytest.raises(ConfigurationError):
        TokenVerifier(provider, audience=AUDIENCE).verify_id(maker.id_token(), nonce="n-1")


def test_without_keys_it_is_not_the_tokens_fault(
    verifier: TokenVerifier, maker: Maker, remote: FakeProvider
) -> None:
    del remote.pages["/keys"]
    with pytest.raises(RemoteError) as caught:
        verifier.verify(maker.token())
    assert caught.value.code == "keys_unavailable"


# Id tokens (OpenID Connect Core, section 3.1.3.7)

ACCESS_TOKEN = "access-token-of-this-test"


def at_hash(access_token: str) -> str:
    return encoded(hashlib.sha256(access_token.encode()).digest()[:16])


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"azp": CLIENT_ID},
        {"aud": [CLIENT_ID, "other"], "azp": CLIENT_ID},
        {"aud": [CLIENT_ID]},
        {"at_hash": at_hash(ACCESS_TOKEN)},
        {"token_use": "id"},
    ],
    ids=str,
)
def test_a_genuine_id_token_gives_its_claims(
    verifier: TokenVerifier, maker: Maker, changes: dict[str, object]
) -> None:
    token = maker.id_token(**changes)
    claims = verifier.verify_id(token, nonce="n-1", access_token=ACCESS_TOKEN)
    assert claims["nonce"] == "n-1"


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("token_nonce", {"nonce": None}),
        ("token_nonce", {"nonce": "n-2"}),
        ("token_nonce", {"nonce": ""}),
        ("token_nonce", {"nonce": 1}),
        ("token_nonce", {"nonce": ["n-1"]}),
        ("token_nonce", {"nonce": "n-1\u0301"}),
        ("token_audience", {"aud": AUDIENCE}),
        ("token_audience", {"aud": [CLIENT_ID, "other"]}),
        ("token_audience", {"aud": [CLIENT_ID, "other"], "azp": "other"}),
        ("token_audience", {"azp": "other"}),
        ("token_audience", {"azp": 1}),
        ("token_audience", {"azp": [CLIENT_ID]}),
        ("token_binding", {"at_hash": at_hash("another")}),
        ("token_binding", {"at_hash": 1}),
        ("token_binding", {"at_hash": ""}),
        ("token_use", {"token_use": "access"}),
        ("token_use", {"token_use": 1}),
        ("token_claims", {"iat": None}),
    ],
    ids=str,
)
def test_an_id_token_of_another_log_in_is_refused(
    verifier: TokenVerifier, maker: Maker, code: str, changes: dict[str, object]
) -> None:
    with pytest.raises(IdentityError) as caught:
        verifier.verify_id(maker.id_token(**changes), nonce="n-1", access_token=ACCESS_TOKEN)
    assert caught.value.code == code


def test_an_access_token_is_no_id_token(verifier: TokenVerifier, maker: Maker) -> None:
    token = compact(
        maker.header(typ="at+jwt"), maker.claims(aud=CLIENT_ID, nonce="n-1"), rs256(maker.rsa)
    )
    with pytest.raises(IdentityError) as caught:
        verifier.verify_id(token, nonce="n-1")
    assert caught.value.code == "token_type"


def test_at_hash_follows_the_tokens_algorithm(
    provider: Provider, maker: Maker, clock: Clock
) -> None:
    """RS512 binds with SHA-512, not with SHA-256."""
    strong = TokenVerifier(provider, client_id=CLIENT_ID, algorithms=["RS512"], clock=clock)
    half = hashlib.sha512(ACCESS_TOKEN.encode()).digest()[:32]
    claims = maker.claims(aud=CLIENT_ID, at_hash=base64.urlsafe_b64encode(half).decode().strip("="))
    token = jwt.encode({"alg": "RS512", "kid": "rsa"}, claims, maker.rsa, algorithms=["RS512"])
    assert strong.verify_id(token, nonce=None, access_token=ACCESS_TOKEN)


# Cognito: access tokens have no aud; client_id and token_use take its place.


def cognito(maker: Maker, **changes: object) -> str:
    """An access token as a user pool writes it."""
    claims: dict[str, object] = {
        "aud": None,
        "client_id": CLIENT_ID,
        "token_use": "access",
        "scope": "openid profile",
        "auth_time": int(maker.now),
        "jti": "a7",
        "username": "ada",
        "cognito:groups": ["staff"],
        **changes,
    }
    return maker.token(**claims)


@pytest.fixture
def pool(provider: Provider, clock: Clock) -> TokenVerifier:
    return TokenVerifier(provider, client_id=CLIENT_ID, token_use="access", clock=clock)


def test_a_cognito_access_token_gives_its_claims(pool: TokenVerifier, maker: Maker) -> None:
    assert pool.verify(cognito(maker))["cognito:groups"] == ["staff"]


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("token_client", {"client_id": "other"}),
        ("token_client", {"client_id": None}),
        ("token_client", {"client_id": [CLIENT_ID]}),
        ("token_client", {"client_id": None, "aud": CLIENT_ID}),
        ("token_use", {"token_use": "id"}),
        ("token_use", {"token_use": None}),
        ("token_use", {"token_use": ["access"]}),
        ("token_use", {"token_use": "Access"}),
    ],
    ids=str,
)
def test_a_cognito_token_of_another_client_or_kind_is_refused(
    pool: TokenVerifier, maker: Maker, code: str, changes: dict[str, object]
) -> None:
    with pytest.raises(IdentityError) as caught:
        pool.verify(cognito(maker, **changes))
    assert caught.value.code == code


def test_a_cognito_id_token_is_no_access_token_and_the_reverse(
    pool: TokenVerifier, provider: Provider, maker: Maker, clock: Clock
) -> None:
    id_token = maker.token(aud=CLIENT_ID, token_use="id")
    ids = TokenVerifier(provider, client_id=CLIENT_ID, token_use="id", clock=clock)
    assert ids.verify(id_token)["sub"] == "ada"
    with pytest.raises(IdentityError):
        pool.verify(id_token)
    with pytest.raises(IdentityError):
        ids.verify(cognito(maker))
    with pytest.raises(IdentityError):
        ids.verify_id(cognito(maker), nonce=None)


def test_a_cognito_access_token_meant_for_a_resource_server(
    provider: Provider, maker: Maker, clock: Clock
) -> None:
    """With resource binding Cognito does write aud; then the audience is checked."""
    bound = TokenVerifier(provider, audience=AUDIENCE, token_use="access", clock=clock)
    assert bound.verify(cognito(maker, aud=AUDIENCE))
    with pytest.raises(IdentityError) as caught:
        bound.verify(cognito(maker))
    assert caught.value.code == "token_audience"


def test_a_key_made_for_this_test_only_is_not_accepted(
    verifier: TokenVerifier, maker: Maker
) -> None:
    fresh = rsa_key("fresh")
    token = compact(maker.header(kid="fresh"), maker.claims(), rs256(fresh))
    with pytest.raises(IdentityError) as caught:
        verifier.verify(token)
    assert caught.value.code == "token_key"
