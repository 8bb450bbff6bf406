from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from signer.cookies import CookieAttributes
from signer.encoding import encode_base64
from signer.errors import (
    CookieError,
    InputError,
    KeyMaterialError,
    ResourceError,
    SigningError,
    UrlError,
)
from signer.issuer import Issuer
from signer.keys import PrivateKey
from signer.policy import Policy
from signer.wire import MAX_URL_BYTES
from tests.recording_key import RecordingKey

HOST = "https://cdn.example.com"
URL = f"{HOST}/films/a.mp4"
FOLDER = f"{HOST}/films/*"
KEY_ID = "K2JCJMDEHXQW5F"
NOW = 1_800_000_000


@pytest.fixture(params=["rsa_key", "p256_key"])
def key(request: pytest.FixtureRequest) -> RecordingKey:
    return RecordingKey(request.getfixturevalue(request.param))


@pytest.fixture
def issuer(key: RecordingKey) -> Issuer:
    return Issuer(key, key_pair_id=KEY_ID, clock=lambda: NOW + 0.9)


@pytest.mark.parametrize(
    ("resource", "url", "code"),
    [
        (FOLDER, f"{HOST}/film/a.ts", "resource_mismatch"),
        (FOLDER, "http://cdn.example.com/films/a.ts", "resource_mismatch"),
        (FOLDER, f"{HOST}/films/../other/a.ts", "url_dot_segment"),
        (FOLDER, f"{HOST}/films/./a.ts", "url_dot_segment"),
        (FOLDER, f"{HOST}/films/%2e%2e/a.ts", "url_dot_segment"),
        (f"{HOST}/films/.*", f"{HOST}/films/../other/a.ts", "url_dot_segment"),
        (f"{HOST}/films/..*", f"{HOST}/films/../other/a.ts", "url_dot_segment"),
        (FOLDER, f"{HOST}/films/a?Expires=1", "url_reserved_parameter"),
        (FOLDER, f"{HOST}/films/a\r\nb", "url_control"),
        (FOLDER, f"{HOST}/films/*", "url_wildcard"),
        (FOLDER, f'{HOST}/films/"', "url_quote"),
        (FOLDER, f"{HOST}/films/#x", "url_fragment"),
        (FOLDER, f"{HOST}/films/" + "a" * 8200, "url_too_long"),
        (FOLDER, f"{HOST}/films/" + "a" * 7900, "url_too_long"),
        (f"{HOST}/films/*.ts", f"{HOST}/films/a.mp4", "resource_mismatch"),
        (f"{HOST}/films/*.ts", f"{HOST}/films/a.ts?x=1", "resource_mismatch"),
    ],
)
def test_each_of_many_urls_is_checked(issuer: Issuer, resource: str, url: str, code: str) -> None:
    signed = issuer.sign(Policy(resource, date_less_than=NOW + 60))
    with pytest.raises((UrlError, ResourceError)) as caught:
        signed.url(url)
    assert caught.value.code == code


def test_cookies_carry_the_kind_of_policy_that_the_resource_needs(issuer: Issuer) -> None:
    folder = issuer.signed_cookies(FOLDER, expires_in=60)
    assert list(folder) == [
        "CloudFront-Policy",
        "CloudFront-Signature",
        "CloudFront-Key-Pair-Id",
        "CloudFront-Hash-Algorithm",
    ]
    single = issuer.signed_cookies(
        f"{HOST}:443/films/a.mp4", expires_in=60, attributes=CookieAttributes(path="/")
    )
    assert next(iter(single)) == "CloudFront-Expires"
    assert single["CloudFront-Expires"] == str(NOW + 60)
    assert single.resource == URL
    assert "; Path=/;" in single.set_cookie_headers()[0]


@pytest.mark.parametrize(
    ("resource", "attributes", "refusal"),
    [
        ("*://cdn.example.com/films/*", None, (ResourceError, "resource_protocol_cookies")),
        (f"{HOST}/films/*.mp4", None, (ResourceError, "resource_wildcard_cookies")),
        ("https://*.example.com/films/*", None, (ResourceError, "resource_wildcard_cookies")),
        ("http*://cdn.example.com/films/*", None, (ResourceError, "resource_wildcard_cookies")),
        (FOLDER, CookieAttributes(domain="example.org"), (CookieError, "cookie_domain_mismatch")),
        (f"{HOST}/a;b/*", None, (CookieError, "cookie_path")),
        (f"{HOST}/films/" + "a" * 3200 + "*", None, (CookieError, "cookie_too_large")),
    ],
)
def test_cookies_that_would_not_work_are_refused_before_signing(
    issuer: Issuer,
    key: RecordingKey,
    resource: str,
    attributes: CookieAttributes | None,
    refusal: tuple[type[InputError], str],
) -> None:
    with pytest.raises(refusal[0]) as caught:
        issuer.signed_cookies(resource, expires_in=60, attributes=attributes)
    assert caught.value.code == refusal[1]
    assert key.calls == []


@pytest.mark.parametrize("resource", [None, f"{HOST}/a*"])
def test_the_signed_url_may_have_exactly_8192_bytes(
    issuer: Issuer, key: RecordingKey, resource: str | None
) -> None:
    def signed(length: int) -> str:
        return issuer.signed_url(f"{HOST}/".ljust(length, "a"), expires_in=60, resource=resource)

    tail = max(len(signed(1000)) for _ in range(20)) - 1000  # P-256 signatures differ in length
    assert MAX_URL_BYTES - 4 <= len(signed(MAX_URL_BYTES - tail)) <= MAX_URL_BYTES
    key.calls.clear()
    with pytest.raises(UrlError) as caught:
        signed(MAX_URL_BYTES - tail + 1)
    assert caught.value.code == "url_too_long"
    assert caught.value.evidence["length"] == MAX_URL_BYTES + 1
    assert key.calls == []


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"x" * 255,
        b"x" * 257,
        b"x" * 64,
        "x" * 256,
        bytearray(256),
        b"\x30\x44" + b"x" * 67,
        b"\x31\x44" + b"x" * 68,
        b"\x30" + b"\x05" + b"x" * 5,
    ],
    ids=["empty", "255", "257", "raw", "text", "bytearray", "short", "no sequence", "tiny"],
)
def test_what_is_no_signature_never_leaves(
    rsa_key: PrivateKey, p256_key: PrivateKey, answer: object
) -> None:
    for private in (rsa_key, p256_key):
        issuer = Issuer(RecordingKey(private, answer), key_pair_id=KEY_ID, clock=lambda: NOW)
        calls: list[Callable[[], object]] = [
            partial(issuer.signed_url, URL, expires_in=60),
            partial(issuer.signed_url, URL, expires_in=60, resource=FOLDER),
            partial(issuer.signed_cookies, FOLDER, expires_in=60),
            partial(issuer.sign, Policy(FOLDER, date_less_than=NOW + 60)),
        ]
        for call in calls:
            with pytest.raises(SigningError) as caught:
                call()
            assert caught.value.code == "signature_form"


def test_a_backend_that_fails_is_a_signing_error(p256_key: PrivateKey) -> None:
    failure = TimeoutError("the key service did not answer")
    issuer = Issuer(RecordingKey(p256_key, failure), key_pair_id=KEY_ID, clock=lambda: NOW)
    with pytest.raises(SigningError) as caught:
        issuer.signed_url(URL, expires_in=60)
    assert caught.value.code == "key_failed"
    assert caught.value.__cause__ is failure


def test_an_error_of_ours_comes_through_a_backend_as_it_is(p256_key: PrivateKey) -> None:
    failure = KeyMaterialError("hash_forbidden", "no SHA-1 here")
    issuer = Issuer(RecordingKey(p256_key, failure), key_pair_id=KEY_ID, clock=lambda: NOW)
    with pytest.raises(KeyMaterialError) as caught:
        issuer.signed_cookies(FOLDER, expires_in=60)
    assert caught.value is failure


def test_a_key_that_lives_elsewhere_signs_like_a_local_one(p256_key: PrivateKey) -> None:
    signature = b"\x30\x44" + b"x" * 68
    issuer = Issuer(RecordingKey(p256_key, signature), key_pair_id=KEY_ID, clock=lambda: NOW)
    assert f"Signature={encode_base64(signature)}&" in issuer.signed_url(URL, expires_in=60)


@pytest.mark.parametrize(
    "resource",
    [
        "https://*.example.com/films/*",
        f"{HOST}/*/thumbs/*",
        f"{HOST}/films/*.jpg",
        "http*://cdn.example.com/films/*",
    ],
)
def test_cookies_want_a_star_at_the_end_only(
    issuer: Issuer, key: RecordingKey, resource: str
) -> None:
    with pytest.raises(ResourceError) as refused:
        issuer.signed_cookies(resource, expires_in=60)
    assert refused.value.code == "resource_wildcard_cookies"
    assert not key.calls
    assert issuer.signed_cookies(resource, expires_in=60, allow_entire_distribution=True)
