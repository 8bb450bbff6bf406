from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qsl

import pytest

from signer.encoding import encode_base64
from signer.issuer import Issuer
from signer.keys import HashAlgorithm, PrivateKey
from signer.policy import Policy
from signer.verdict import MESSAGES, Code, Verdict
from signer.verifier import TrustedKeyGroup, Verifier
from signer.viewer_request import ViewerRequest

URL = "https://cdn.example.com/films/a.mp4"
FOLDER = "https://cdn.example.com/films/*"
OTHER_URL = "https://cdn.example.com/other/a.mp4"
KEY_ID = "K2JCJMDEHXQW5F"
NOW = 1_800_000_000


@pytest.fixture(scope="session", params=["rsa_key", "p256_key"])
def key(request: pytest.FixtureRequest) -> PrivateKey:
    made: PrivateKey = request.getfixturevalue(request.param)
    return made


@pytest.fixture(params=list(HashAlgorithm), ids=lambda item: item.value)
def issuer(key: PrivateKey, request: pytest.FixtureRequest) -> Issuer:
    return Issuer(
        key,
        key_pair_id=KEY_ID,
        hash_algorithm=request.param,
        max_lifetime=timedelta(days=36525),
        clock=lambda: NOW,
    )


@pytest.fixture
def verifier(key: PrivateKey) -> Verifier:
    return Verifier([TrustedKeyGroup({KEY_ID: key.public_key()}, "films")], clock=lambda: NOW)


def parameters(url: str) -> dict[str, str]:
    return dict(parse_qsl(url.partition("?")[2], keep_blank_values=True))


def with_query(url: str, query: dict[str, str]) -> str:
    return url + "?" + "&".join(f"{name}={value}" for name, value in query.items())


def custom(key: PrivateKey, text: str, **changed: str) -> dict[str, str]:
    """Return the parameters of a custom policy whose text nobody checked."""
    signature = key.sign(text.encode(), HashAlgorithm.SHA256)
    return {
        "Policy": encode_base64(text.encode()),
        "Signature": encode_base64(signature),
        "Key-Pair-Id": KEY_ID,
        "Hash-Algorithm": "SHA256",
        **changed,
    }


def assert_denied(verdict: Verdict, code: Code, reason: str) -> None:
    assert not verdict
    assert (verdict.allowed, verdict.status) == (False, 403)
    assert (verdict.code, verdict.message, verdict.reason) == (code, MESSAGES[code], reason)
    assert verdict.xml_body() == (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f"<Error><Code>{code}</Code><Message>{MESSAGES[code]}</Message></Error>"
    )
    assert verdict.detail.endswith(".")
    assert [check.passed for check in verdict.checks][-1] is False


# What is issued is accepted


def test_a_canned_url_is_accepted(issuer: Issuer, verifier: Verifier) -> None:
    verdict = verifier.verify(ViewerRequest(issuer.signed_url(URL, expires_in=60)))
    assert verdict.allowed
    assert (verdict.status, verdict.code, verdict.message, verdict.xml_body()) == (
        200,
        None,
        None,
        "",
    )
    assert (verdict.reason, verdict.transport, verdict.kind) == ("allowed", "url", "canned")
    assert (verdict.key_pair_id, verdict.key_group) == (KEY_ID, "films")
    assert verdict.hash_algorithm == issuer.hash_algorithm.value
    assert verdict.policy
    assert (verdict.policy.resource, verdict.policy.date_less_than) == (URL, NOW + 60)


def test_a_custom_url_is_accepted(issuer: Issuer, verifier: Verifier) -> None:
    signed = issuer.sign(
        Policy(
            FOLDER, date_less_than=NOW + 60, date_greater_than=NOW - 1, ip_address="192.0.2.0/24"
        )
    )
    for url in (URL, URL + "?own=1", "https://cdn.example.com/films/deep/er.ts"):
        verdict = verifier.verify(ViewerRequest(signed.url(url), ip="192.0.2.7"))
        assert verdict.allowed
        assert (verdict.kind, verdict.transport) == ("custom", "url")
        assert verdict.match
        assert verdict.match.matched


def test_canned_cookies_open_one_url(issuer: Issuer, verifier: Verifier) -> None:
    cookies = issuer.signed_cookies(URL + "?size=1", expires_in=60)
    assert "CloudFront-Expires" in cookies
    verdict = verifier.verify(ViewerRequest(URL + "?size=1", cookies))
    assert verdict.allowed
    assert (verdict.kind, verdict.transport) == ("canned", "cookies")
    for url in (URL, URL + "?size=2", URL + "?size=1&x", OTHER_URL):
        assert_denied(
            verifier.verify(ViewerRequest(url, cookies)), "AccessDenied", "signature_wrong"
        )


def test_custom_cookies_open_a_folder(issuer: Issuer, verifier: Verifier) -> None:
    cookies = issuer.signed_cookies(FOLDER, expires_in=60)
    for shape in (cookies, cookies.header(), list(cookies.items()), dict(cookies)):
        verdict = verifier.verify(ViewerRequest(URL + "?any=query", shape))
        assert verdict.allowed
        assert (verdict.kind, verdict.transport) == ("custom", "cookies")
    denied = verifier.verify(ViewerRequest(OTHER_URL, cookies))
    assert_denied(denied, "AccessDenied", "resource_whole")


def test_the_order_of_parameters_is_free(issuer: Issuer, verifier: Verifier) -> None:
    signed = parameters(issuer.signed_url(URL + "?z=1", expires_in=60))
    reordered = with_query(URL, dict(reversed(signed.items())))
    assert verifier.verify(ViewerRequest(reordered)).allowed


def test_an_explicit_sha1_is_as_good_as_none(key: PrivateKey, verifier: Verifier) -> None:
    issuer = Issuer(key, key_pair_id=KEY_ID, hash_algorithm=HashAlgorithm.SHA1, clock=lambda: NOW)
    url = issuer.signed_url(URL, expires_in=60)
    assert "Hash-Algorithm" not in url
    assert verifier.verify(ViewerRequest(url)).allowed
    assert verifier.verify(ViewerRequest(url + "&Hash-Algorithm=SHA1")).allowed


def test_a_key_of_any_group_will_do(
    key: PrivateKey, rsa_key: PrivateKey, p256_key: PrivateKey
) -> None:
    groups = [
        TrustedKeyGroup({"K1": rsa_key.public_key()}, "first"),
        TrustedKeyGroup({"K2": p256_key.public_key(), KEY_ID: key.public_key()}, "second"),
        TrustedKeyGroup({}),
    ]
    url = Issuer(key, key_pair_id=KEY_ID, clock=lambda: NOW).signed_url(URL, expires_in=60)
    assert Verifier(groups).verify(ViewerRequest(url), now=NOW).key_group == "second"
    assert Verifier(iter(groups)).verify(ViewerRequest(url), now=NOW).allowed


def test_a_policy_without_resource_opens_everything(key: PrivateKey, verifier: Verifier) -> None:
    text = json.dumps({"Statement": [{"Condition": {"DateLessThan": {"AWS:EpochTime": NOW + 1}}}]})
    verdict = verifier.verify(ViewerRequest(with_query(OTHER_URL, custom(key, text))))
    assert verdict.allowed
    assert verdict.policy
    assert verdict.policy.resource is None
    assert verdict.match is None
    assert "opens everything" in {c.name: c.detail for c in verdict.checks}["resource"]


def test_the_clock_is_asked_once_and_now_goes_before_it(issuer: Issuer, key: PrivateKey) -> None:
    asked: list[float] = []

    def clock() -> float:
        asked.append(NOW + 0.5)
        return asked[-1]

    verifier = Verifier([TrustedKeyGroup({KEY_ID: key.public_key()})], clock=clock)
    request = ViewerRequest(issuer.signed_url(URL, expires_in=60))
    assert verifier.verify(request).now == NOW + 0.5
    assert len(asked) == 1
    assert not verifier.verify(request, now=NOW + 60)
    assert len(asked) == 1


# What is refused, with CloudFront's code, its message and ours


def drop(*names: str) -> Callable[[dict[str, str]], dict[str, str]]:
    return lambda query: {name: value for name, value in query.items() if name not in names}


def put(**values: str) -> Callable[[dict[str, str]], dict[str, str]]:
    return lambda query: {
        **query,
        **{name.replace("_", "-"): value for name, value in values.items()},
    }


REFUSED: dict[str, tuple[Callable[[dict[str, str]], dict[str, str]], Code, str]] = {
    "no id": (drop("Key-Pair-Id"), "MissingKey", "key_pair_id_missing"),
    "empty id": (put(Key_Pair_Id=""), "MissingKey", "key_pair_id_missing"),
    "unknown id": (put(Key_Pair_Id="K2JCJMDEHXQW5G"), "InvalidKey", "key_unknown"),
    "id in lower case": (put(Key_Pair_Id=KEY_ID.lower()), "InvalidKey", "key_unknown"),
    "no end": (drop("Expires"), "MalformedPolicy", "policy_missing"),
    "empty end": (put(Expires=""), "MalformedPolicy", "expires_malformed"),
    "words for an end": (put(Expires="tomorrow"), "MalformedPolicy", "expires_malformed"),
    "end with sign": (put(Expires=f"+{NOW + 60}"), "MalformedPolicy", "expires_malformed"),
    "end with fraction": (put(Expires=f"{NOW + 60}.0"), "MalformedPolicy", "expires_malformed"),
    "end with leading zero": (put(Expires=f"0{NOW + 60}"), "MalformedPolicy", "expires_malformed"),
    "negative end": (put(Expires="-1"), "MalformedPolicy", "expires_malformed"),
    "end in other digits": (put(Expires="\u0661"), "MalformedPolicy", "expires_malformed"),
    "endless end": (put(Expires="9" * 5000), "MalformedPolicy", "expires_malformed"),
    "end in milliseconds": (put(Expires=f"{NOW + 60}000"), "MalformedPolicy", "date_range"),
    "policy not base64": (put(Policy="!"), "MalformedPolicy", "base64_invalid"),
    "policy not JSON": (put(Policy="YWJj"), "MalformedPolicy", "policy_json"),
    "empty policy": (put(Policy=""), "MalformedPolicy", "policy_json"),
    "hash unknown": (put(Hash_Algorithm="SHA512"), "AccessDenied", "hash_unknown"),
    "hash in lower case": (put(Hash_Algorithm="sha256"), "AccessDenied", "hash_unknown"),
    "empty hash": (put(Hash_Algorithm=""), "AccessDenied", "hash_unknown"),
    "no signature": (drop("Signature"), "MalformedSignature", "signature_missing"),
    "empty signature": (put(Signature=""), "MalformedSignature", "signature_missing"),
    "signature not base64": (put(Signature="%%"), "MalformedSignature", "signature_malformed"),
    "signature percent-encoded": (
        put(Signature="YWI%7E"),
        "MalformedSignature",
        "signature_malformed",
    ),
    "another signature": (put(Signature="YWJj"), "AccessDenied", "signature_wrong"),
    "another end": (put(Expires=str(NOW + 61)), "AccessDenied", "signature_wrong"),
    "another query": (put(own="2"), "AccessDenied", "signature_wrong"),
    "one more parameter": (put(utm_source="mail"), "AccessDenied", "signature_wrong"),
}


@pytest.mark.parametrize(("change", "code", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_changed_url_is_refused(
    issuer: Issuer,
    verifier: Verifier,
    change: Callable[[dict[str, str]], dict[str, str]],
    code: Code,
    reason: str,
) -> None:
    query = parameters(issuer.signed_url(URL + "?own=1", expires_in=60))
    assert verifier.verify(ViewerRequest(with_query(URL, query))).allowed
    changed = with_query(URL, change(query))
    verdict = verifier.verify(ViewerRequest(changed))
    if changed.isascii():
        assert_denied(verdict, code, reason)
    else:
        assert (verdict.allowed, verdict.status, verdict.reason) == (False, 400, "url_malformed")


@pytest.mark.parametrize(("change", "code", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_changed_cookies_are_refused(
    issuer: Issuer,
    verifier: Verifier,
    change: Callable[[dict[str, str]], dict[str, str]],
    code: Code,
    reason: str,
) -> None:
    cookies = issuer.signed_cookies(URL, expires_in=60)
    bare = {name.removeprefix("CloudFront-"): value for name, value in cookies.items()}
    changed = {f"CloudFront-{name}": value for name, value in change(bare).items()}
    verdict = verifier.verify(ViewerRequest(URL, changed))
    if changed.keys() - cookies.keys() - {"CloudFront-Policy", "CloudFront-Hash-Algorithm"}:
        assert verdict.allowed  # cookies that CloudFront does not know
        return
    assert_denied(verdict, code, reason)


def test_without_any_credentials_the_key_is_missing(verifier: Verifier) -> None:
    for cookies in ((), "", {"session": "1"}):
        verdict = verifier.verify(ViewerRequest(URL, cookies))
        assert_denied(verdict, "MissingKey", "key_pair_id_missing")
        assert verdict.transport is None
        assert verdict.kind is None
        assert [check.name for check in verdict.checks] == ["request form", "key present"]


def test_a_cookie_longer_than_any_request_is_not_decoded(
    issuer: Issuer, verifier: Verifier
) -> None:
    cookies = dict(issuer.signed_cookies(FOLDER, expires_in=60))
    for name, reason in (("Policy", "base64_invalid"), ("Signature", "signature_malformed")):
        endless = {**cookies, f"CloudFront-{name}": "A" * 40_000}
        assert verifier.verify(ViewerRequest(URL, endless)).reason == reason


def test_a_parameter_switches_the_cookies_off(issuer: Issuer, verifier: Verifier) -> None:
    cookies = issuer.signed_cookies(FOLDER, expires_in=60)
    assert verifier.verify(ViewerRequest(URL, cookies)).allowed
    for name in ("Expires", "Policy", "Signature", "Hash-Algorithm"):
        verdict = verifier.verify(ViewerRequest(f"{URL}?{name}=x", cookies))
        assert_denied(verdict, "MissingKey", "key_pair_id_missing")
        assert verdict.transport == "url"
    verdict = verifier.verify(ViewerRequest(f"{URL}?Key-Pair-Id={KEY_ID}", cookies))
    assert_denied(verdict, "MalformedPolicy", "policy_missing")


@pytest.mark.parametrize("character", ["#", " ", "\n", "\x0c", "\x7f", "\x81", "\xe9", "\u2028"])
def test_a_url_that_no_client_sends_is_refused(
    issuer: Issuer, verifier: Verifier, character: str
) -> None:
    cookies = issuer.signed_cookies("https://cdn.example.com/films/*", expires_in=60)
    url = f"https://cdn.example.com/films/a{character}.mp4"
    verdict = verifier.verify(ViewerRequest(url, cookies))
    assert (verdict.allowed, verdict.status, verdict.reason) == (False, 400, "url_malformed")


def test_scheme_host_and_path_are_compared_as_sent(issuer: Issuer, verifier: Verifier) -> None:
    signed = issuer.signed_url(URL, expires_in=60)
    for changed in (
        signed.replace("https://", "http://"),
        signed.replace("cdn.example.com", "cdn.example.org"),
        signed.replace("/films/", "/Films/"),
        signed.replace("/films/", "//films/"),
        signed.replace("a.mp4", "%61.mp4"),
        signed.replace("a.mp4?", "a.mp4?&"),
    ):
        assert_denied(verifier.verify(ViewerRequest(changed)), "AccessDenied", "signature_wrong")


def test_a_sha256_signature_without_its_name_is_not_genuine(
    key: PrivateKey, verifier: Verifier
) -> None:
    issuer = Issuer(key, key_pair_id=KEY_ID, clock=lambda: NOW)
    url = issuer.signed_url(URL, expires_in=60)
    unnamed = url.replace("&Hash-Algorithm=SHA256", "")
    assert_denied(verifier.verify(ViewerRequest(unnamed)), "AccessDenied", "signature_wrong")


def test_the_key_of_another_id_is_not_tried(rsa_key: PrivateKey, p256_key: PrivateKey) -> None:
    group = TrustedKeyGroup({"KA": rsa_key.public_key(), "KB": p256_key.public_key()})
    url = Issuer(rsa_key, key_pair_id="KB", clock=lambda: NOW).signed_url(URL, expires_in=60)
    verdict = Verifier([group]).verify(ViewerRequest(url), now=NOW)
    assert_denied(verdict, "AccessDenied", "signature_wrong")


def test_a_url_longer_than_cloudfront_takes_is_refused_unread(verifier: Verifier) -> None:
    longest = ViewerRequest(URL.ljust(8192, "a"))
    assert verifier.verify(longest).reason == "key_pair_id_missing"
    verdict = verifier.verify(ViewerRequest(URL.ljust(8193, "a")))
    assert (verdict.allowed, verdict.reason, verdict.status) == (False, "url_too_long", 414)
    assert [check.name for check in verdict.checks] == ["request form"]
