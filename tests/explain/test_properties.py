"""What holds for every request: genuine ones have no cause, and nothing makes `explain` raise."""

from __future__ import annotations

import json
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signer.cookies import CookieAttributes
from signer.errors import SignerError
from signer.explain import Context, explain
from signer.explain.client_form import as_sent
from signer.issuer import Issuer
from signer.keys import HashAlgorithm, PrivateKey, PublicKey
from signer.verifier import TrustedKeyGroup, Verifier
from signer.viewer_request import ViewerRequest
from signer.wire import RESERVED_PARAMETERS
from tests import generated_urls
from tests.explain.making import KID, NOW, URL, canned, cookie_values, custom, explained

KEY = PrivateKey.generate()
GROUPS = [TrustedKeyGroup({KID: KEY.public_key()})]
ISSUER = Issuer(KEY, key_pair_id=KID, clock=lambda: NOW)
_RESERVED = st.sampled_from(
    [*RESERVED_PARAMETERS, "expires", "CloudFront-Policy", "CloudFront-Signature", "x"]
)
_VALUES = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"[A-Za-z0-9_~+/=-]{0,90}", fullmatch=True),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(["%0A", '"x"', "undefined", KID, "eyJ_", "1e400", "%ff", "\ud800", "\x1b[31m"]),
)


def test_generated_urls_have_no_cause_once_issued() -> None:
    issued = 0
    for url in generated_urls.urls(seed=7, count=500):
        try:
            signed = ISSUER.signed_url(url, expires_in=3600)
        except SignerError:
            continue
        issued += 1
        explanation = explained(signed, KEY)
        assert [f.code for f in explanation.causes if f.cause != 8] == [], url
        assert explanation.verdict.allowed
    assert issued > 150


@given(
    path=st.from_regex(r"/[A-Za-z0-9 ._~%'()+,;=@:é-]{0,20}", fullmatch=True),
    query=st.from_regex(r"(?:\?[A-Za-z0-9 ._~'+=&?*é-]{0,20})?", fullmatch=True),
    start=st.booleans(),
    ip=st.sampled_from([None, "203.0.113.0/24"]),
    wide=st.booleans(),
    sha1=st.booleans(),
)
@settings(max_examples=150)
def test_a_genuine_url_has_no_cause_and_no_warning(
    *,
    path: str,
    query: str,
    start: bool,
    ip: str | None,
    wide: bool,
    sha1: bool,
    rsa_key: PrivateKey,
) -> None:
    key = rsa_key if sha1 else KEY
    issuer = Issuer(
        key,
        key_pair_id=KID,
        hash_algorithm=HashAlgorithm.SHA1 if sha1 else HashAlgorithm.SHA256,
        clock=lambda: NOW,
    )
    try:
        url = issuer.signed_url(
            f"https://cdn.example.com{path}{query}",
            expires_in=3600,
            date_greater_than=NOW - 3600 if start else None,
            ip_address=ip,
            resource="https://cdn.example.com/*" if wide else None,
            allow_entire_distribution=True,
        )
    except SignerError:
        return
    explanation = explained(url, key, ip="203.0.113.9")
    assert explanation.causes == ()
    assert explanation.warnings == ()
    assert explanation.signature == "genuine"
    assert not explanation.refused
    assert explanation.grant
    without_key = explained(url, None)
    assert without_key.causes == ()
    assert without_key.signature == "unchecked"


@pytest.mark.parametrize("resource", ["https://cdn.example.com/films/*", URL])
def test_genuine_cookies_have_no_cause(resource: str) -> None:
    cookies = ISSUER.signed_cookies(resource, expires_in=3600, attributes=CookieAttributes())
    sent = explained(URL, KEY, cookies=cookies.header())
    assert sent.causes == sent.warnings == ()
    lines = tuple(cookies.set_cookie_headers())
    received = explained(URL, KEY, context=Context(set_cookies=lines))
    assert received.causes == received.warnings == ()
    assert received.verdict.allowed


def test_cookies_without_a_url_are_explained_as_far_as_possible() -> None:
    wide = ISSUER.signed_cookies("https://cdn.example.com/films/*", expires_in=60)
    explanation = explained("", KEY, cookies=wide.header())
    assert explanation.causes == ()
    assert explanation.signature == "genuine"
    assert [note.code for note in explanation.notes] == ["url_unknown"]
    one = ISSUER.signed_cookies(URL, expires_in=60)
    canned_only = explained("", KEY, cookies=one.header())
    assert canned_only.causes == ()
    assert canned_only.signature == "unchecked"


@given(
    url=st.one_of(st.text(max_size=60), st.sampled_from([URL, f"{URL}?a=1&b", "https://[", ""])),
    parameters=st.lists(st.tuples(_RESERVED, _VALUES), max_size=6),
    cookies=st.one_of(st.text(max_size=60), st.lists(st.tuples(_RESERVED, _VALUES), max_size=6)),
    lines=st.lists(st.text(max_size=80), max_size=3),
    issued=st.one_of(st.none(), st.text(max_size=60), st.just(canned(KEY))),
    playlist=st.one_of(st.none(), st.text(max_size=80)),
    ip=st.one_of(st.none(), st.text(max_size=20)),
    now=st.floats(-1e18, 1e18),
    hours=st.integers(-23, 23),
)
@settings(max_examples=300)
def test_nothing_makes_it_raise(hours: int, **given_: Any) -> None:  # noqa: ANN401 - the values of the strategies above
    pairs = "&".join(f"{name}={value}" for name, value in given_["parameters"])
    context = Context(
        issued_url=given_["issued"],
        hosts=("d111111abcdef8.cloudfront.net", "\ud800", ""),
        set_cookies=tuple(given_["lines"]),
        cookies_set_by=given_["issued"],
        signing_key=KEY.public_key(),
        playlist=given_["playlist"],
        download_seconds=60,
        zone=timezone(timedelta(hours=hours)),
    )
    url = f"{given_['url']}?{pairs}" if pairs else given_["url"]
    request = ViewerRequest(url, cookies=given_["cookies"], ip=given_["ip"])
    explanation = explain(request, groups=GROUPS, now=given_["now"], context=context)
    json.dumps(explanation.to_dict())
    for finding in explanation.findings:
        assert finding.seen.isascii()
        assert finding.seen.isprintable()


@given(
    data=st.data(),
    genuine=st.sampled_from([canned(KEY, f"{URL}?a=1&b=2"), custom(KEY)]),
    as_cookies=st.booleans(),
)
@settings(max_examples=150)
def test_it_refuses_exactly_what_the_verifier_refuses(
    data: st.DataObject, genuine: str, as_cookies: bool
) -> None:
    """One character changed: the verdict and the findings always agree."""
    at = data.draw(st.integers(0, len(genuine) - 1))
    changed = (
        genuine[:at] + data.draw(st.characters(codec="ascii", min_codepoint=33)) + genuine[at + 1 :]
    )
    cookies = cookie_values(changed) if as_cookies else {}
    request = ViewerRequest(URL if as_cookies else changed, cookies=cookies)
    explanation = explain(request, groups=GROUPS, now=NOW)
    judged = ViewerRequest(as_sent(request.url), cookies=cookies)
    assert explanation.verdict.allowed == Verifier(GROUPS).verify(judged, now=NOW).allowed
    assert explanation.refused == (not explanation.verdict.allowed)


def test_the_work_is_bounded() -> None:
    """However many parameters there are, a few hundred signatures are tried."""
    url = canned(PrivateKey.generate(), f"{URL}?" + "&".join(f"p{n}={n}%20+'~" for n in range(300)))
    count = 0

    class Counting(PublicKey):
        def verify(self, signature: bytes, message: bytes, hash_algorithm: HashAlgorithm) -> bool:
            nonlocal count
            count += 1
            return super().verify(signature, message, hash_algorithm)

    key = Counting.from_pem(KEY.public_key().to_pem())
    explanation = explain(ViewerRequest(url), groups=[TrustedKeyGroup({KID: key})], now=NOW)
    assert explanation.refused
    assert 100 < count < 750
