"""What is issued is accepted, exactly inside its window; what is accepted is covered."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signer.cookies import CookieAttributes
from signer.encoding import decode_base64
from signer.issuer import Issuer
from signer.keys import HashAlgorithm, KeyAlgorithm, PrivateKey
from signer.policy import Policy
from signer.resource import match_cookie_resource, match_url_resource
from signer.verifier import TrustedKeyGroup, Verifier
from signer.viewer_request import ViewerRequest
from signer.wire import wire_url

HOST = "https://cdn.example.com"
KEY_ID = "K2JCJMDEHXQW5F"
NOW = 1_800_000_000
ROOT = CookieAttributes(path="/")
KEYS = [PrivateKey.generate(algorithm) for algorithm in KeyAlgorithm]
VERIFIERS = [Verifier([TrustedKeyGroup({KEY_ID: key.public_key()})]) for key in KEYS]


class Grant(NamedTuple):
    """A policy and a URL that it covers."""

    url: str
    policy: Policy
    ip: str | None


segment = st.text("abzAZ09-_~!$&'()+,;=:@ \u00e9\u4f8b", min_size=1, max_size=8)
paths = st.lists(segment, min_size=1, max_size=4).map("/".join)
queries = st.none() | st.text("abz09=&+'\u00e9 /", min_size=1, max_size=10)


@st.composite
def grants(draw: st.DrawFn, kinds: str = "canned exact folder any") -> Grant:
    """Draw a URL with a policy of any kind."""
    path, query = draw(paths), draw(queries)
    url = wire_url(f"{HOST}/x/{path}{'' if query is None else f'?{query}'}".rstrip())
    kind = draw(st.sampled_from(kinds.split()))
    start = NOW - draw(st.integers(1, 1000)) if kind != "canned" and draw(st.booleans()) else None
    ip = draw(st.none() | st.ip_addresses(v=4).map(str)) if kind != "canned" else None
    resource = {
        "canned": url,
        "exact": url,
        "folder": f"{HOST}/x/*",
        "any": f"{url[: len(HOST) + 3]}*{url[-1] if url[-1] != '*' else ''}",
    }[kind]
    if kind == "any" and "?" in url:
        resource = f"{url.partition('?')[0]}?*"
    end = NOW + draw(st.integers(1, 604_800))
    policy = Policy(
        resource,
        date_less_than=end,
        date_greater_than=start,
        ip_address=ip,
        allow_entire_distribution=True,
    )
    return Grant(url, policy, ip)


@pytest.mark.parametrize("index", range(len(KEYS)), ids=[item.value for item in KeyAlgorithm])
@given(
    grant=grants(),
    hash_algorithm=st.sampled_from(HashAlgorithm),
    by_cookies=st.booleans(),
    offset=st.integers(-2000, 700_000),
)
@settings(max_examples=150)
def test_it_is_accepted_exactly_inside_the_window(
    index: int, grant: Grant, hash_algorithm: HashAlgorithm, by_cookies: bool, offset: int
) -> None:
    issuer = Issuer(
        KEYS[index], key_pair_id=KEY_ID, hash_algorithm=hash_algorithm, clock=lambda: NOW
    )
    signed = issuer.sign(grant.policy)
    if by_cookies:
        request = ViewerRequest(grant.url, signed.cookies(ROOT), ip=grant.ip)
    else:
        request = ViewerRequest(signed.url(grant.url), ip=grant.ip)
    start, end = grant.policy.date_greater_than, grant.policy.end
    assert start is None or isinstance(start, int)
    for now in {NOW, NOW + offset, end - 1, end, *(() if start is None else (start, start + 1))}:
        expected = now < end and (start is None or now > start)
        verdict = VERIFIERS[index].verify(request, now=now)
        assert verdict.allowed == expected, verdict.reason
    if grant.ip is not None:
        elsewhere = replace(request, ip="203.0.113.77")
        verdict = VERIFIERS[index].verify(elsewhere, now=NOW)
        assert verdict.allowed == (grant.ip == "203.0.113.77")


@given(
    grant=grants("folder any exact"),
    path=paths,
    query=queries,
    by_cookies=st.booleans(),
)
@settings(max_examples=200)
def test_whatever_is_accepted_is_covered_by_the_signed_resource(
    grant: Grant, path: str, query: str | None, by_cookies: bool
) -> None:
    signed = Issuer(KEYS[1], key_pair_id=KEY_ID, clock=lambda: NOW).sign(grant.policy)
    other = wire_url(f"{HOST}/{path}{'' if query is None else f'?{query}'}".rstrip())
    cookies = signed.cookies(ROOT)
    if by_cookies:
        request = ViewerRequest(other, cookies, ip=grant.ip)
        match = match_cookie_resource
    else:
        tail = signed.url(grant.url).removeprefix(grant.url)[1:]
        request = ViewerRequest(f"{other}{'&' if '?' in other else '?'}{tail}", ip=grant.ip)
        match = match_url_resource
    verdict = VERIFIERS[1].verify(request, now=NOW)
    if grant.policy.is_canned:
        assert verdict.allowed == (other == grant.url)
        return
    text = decode_base64(cookies["CloudFront-Policy"])
    covered = match(json.loads(text)["Statement"][0]["Resource"], other).matched
    assert verdict.allowed == covered


@given(grant=grants("canned"), life=st.integers(1, 604_800))
def test_the_short_way_signs_what_the_long_way_signs(grant: Grant, life: int) -> None:
    issuer = Issuer(KEYS[0], key_pair_id=KEY_ID, max_lifetime=timedelta(days=7), clock=lambda: NOW)
    # RSA signatures with PKCS#1 v1.5 are the same each time.
    long = issuer.sign(Policy(grant.url, date_less_than=NOW + life)).url(grant.url)
    assert issuer.signed_url(grant.url, expires_in=life) == long
