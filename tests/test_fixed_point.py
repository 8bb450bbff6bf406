"""Every URL that is returned is exactly what every client sends, and it verifies.

"Every client" is the WHATWG parser of browsers (ada), urllib3, requests and Node's ``URL``.
"""

from __future__ import annotations

import string
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from signer.encoding import decode_base64
from signer.errors import UrlError
from signer.issuer import Issuer
from signer.keys import HashAlgorithm, PrivateKey
from signer.policy import Policy
from signer.resource import match_url_resource
from signer.verifier import TrustedKeyGroup, Verifier
from signer.viewer_request import ViewerRequest
from signer.wire import RESERVED_PARAMETERS, object_key_path, wire_url
from tests import clients, generated_urls

NOW = 1_800_000_000
KEY_PAIR_ID = "K2JCJMDEHXQW5F"
RFC_3986 = set(string.ascii_letters + string.digits + "-._~:/?[]@!$&'()+,;=%")


def wire_forms(seed: int, count: int) -> list[str]:
    forms = (wire_or_none(url) for url in generated_urls.urls(seed, count))
    return [form for form in forms if form is not None]


def wire_or_none(url: str) -> str | None:
    try:
        return wire_url(url)
    except UrlError:
        return None


def assert_fixed_point(url: str) -> None:
    assert clients.browser(url) == url
    assert clients.urllib3(url) == url
    assert clients.requests_library(url) == url
    assert set(url) <= RFC_3986
    assert url.count("?") <= 1


@pytest.mark.parametrize("seed", range(4))
def test_20_000_wire_forms_are_sent_as_they_are_by_every_client(seed: int) -> None:
    forms = wire_forms(seed, 8_000)
    assert len(forms) >= 5_000
    for form in forms:
        assert_fixed_point(form)
        assert wire_url(form, strict=True) == form


def test_node_sends_wire_forms_as_they_are() -> None:
    assert_node_sends(wire_forms(10, 8_000))


def assert_node_sends(urls: list[str]) -> None:
    """Node refuses a few hosts that a caller gave in Punycode: those are never sent at all."""
    for url, sent in zip(urls, clients.node_sends(urls), strict=True):
        assert sent == url or (sent is None and "//xn--" in url)


@pytest.mark.parametrize("hash_algorithm", list(HashAlgorithm))
@pytest.mark.parametrize("kind", ["canned", "custom"])
def test_signed_urls_are_sent_as_they_are_and_verify(
    p256_key: PrivateKey, kind: str, hash_algorithm: HashAlgorithm
) -> None:
    issuer = Issuer(
        p256_key, key_pair_id=KEY_PAIR_ID, hash_algorithm=hash_algorithm, clock=lambda: NOW
    )
    verifier = Verifier([TrustedKeyGroup({KEY_PAIR_ID: p256_key.public_key()})], clock=lambda: NOW)
    start = None if kind == "canned" else NOW - 60
    signed = []
    for form in wire_forms(20, 1_000):
        url = issuer.signed_url(form, expires_in=3600, date_greater_than=start)
        assert_fixed_point(url)
        verdict = verifier.verify(ViewerRequest(url))
        assert verdict.allowed, (url, verdict.reason)
        assert verdict.kind == kind
        signed.append(url)
    assert len(signed) >= 500
    assert_node_sends(signed)


def test_what_was_asked_for_and_what_is_returned_are_one_object() -> None:
    """The wire form may differ from the input, but a browser makes the same of both."""
    compared = 0
    for url in generated_urls.urls(30, 8_000):
        form = wire_or_none(url)
        if form is None:
            continue
        assert same_object(clients.browser(url) or "", form), (url, form)
        compared += 1
    assert compared >= 5_000


def same_object(one: str, other: str) -> bool:
    """Compare two URLs as an origin reads them: path decoded, query parameters decoded."""
    return origin_view(one) == origin_view(other)


def origin_view(url: str) -> tuple[str, bytes, list[bytes]]:
    base, _, query = url.partition("?")
    scheme, _, rest = base.partition("://")
    host, _, path = rest.partition("/")
    parameters = [decoded(part, keep=b"&#=+;%") for part in query.split("&")]
    return f"{scheme}://{host}", decoded(path, keep=b"/?#;%"), parameters


def decoded(text: str, *, keep: bytes) -> bytes:
    """Undo percent-encoding, except of the characters that mean something else when raw."""
    parts = text.encode().split(b"%")
    out = parts[0]
    for part in parts[1:]:
        byte = bytes([int(part[:2], 16)])
        out += (b"%" + part[:2].upper() if byte in keep else byte) + part[2:]
    return out


def sharing_issuer(key: PrivateKey) -> Issuer:
    return Issuer(key, key_pair_id=KEY_PAIR_ID, clock=lambda: NOW)


@pytest.mark.parametrize("resource", [None, "https://cdn.example.com/caf%c3%a9/*"])
def test_escapes_of_url_and_pattern_are_brought_into_one_form(
    p256_key: PrivateKey, resource: str | None
) -> None:
    url = sharing_issuer(p256_key).signed_url(
        "https://cdn.example.com/caf%c3%a9/%7Ea%2fb", expires_in=60, resource=resource
    )
    assert url.startswith("https://cdn.example.com/caf%C3%A9/~a%2Fb?")


def test_escapes_of_a_resource_have_the_form_of_those_of_a_url() -> None:
    policy = Policy("https://cdn.example.com/caf%c3%a9%7e/*", date_less_than=NOW + 60)
    assert policy.resource == "https://cdn.example.com/caf%C3%A9~/*"


@pytest.mark.parametrize(
    ("resource", "form"),
    [
        ("https://cdn.example.com:443/a/*", "https://cdn.example.com/a/*"),
        ("http://cdn.example.com:80/a/*", "http://cdn.example.com/a/*"),
        ("https://*.cdn.example.com:443/a/*", "https://*.cdn.example.com/a/*"),
        ("http://cdn.example.com:443/a/*", "http://cdn.example.com:443/a/*"),
        ("*://cdn.example.com:443/a/*", "*://cdn.example.com:443/a/*"),
    ],
)
def test_a_pattern_loses_the_port_that_clients_leave_out(resource: str, form: str) -> None:
    assert Policy(resource, date_less_than=NOW + 60).resource == form


def test_port_zero_is_refused_since_clients_disagree_about_it() -> None:
    with pytest.raises(UrlError, match="port 0"):
        wire_url("https://cdn.example.com:0/a")


HOSTS_IN_PUNYCODE = ["xn--a", "xn--0", "xn--zz", "xn--ls8h", "xn--1ug", "xn--4ca", "xn--strae-oqa"]


@pytest.mark.parametrize("label", HOSTS_IN_PUNYCODE)
def test_a_punycode_host_is_refused_by_us_or_sent_as_written(label: str) -> None:
    """UTS #46 is not in Python's library: what browsers refuse is at worst never sent."""
    form = wire_or_none(f"https://{label}.example/a")
    assert form is None or clients.browser(form) in {form, None}


def test_random_punycode_is_never_sent_in_another_form() -> None:
    random = Random(40)
    letters = string.ascii_lowercase + string.digits
    sent = 0
    for _ in range(5_000):
        label = "xn--" + "".join(random.choices(letters, k=random.randint(1, 8)))
        form = wire_or_none(f"https://{label}.example/a")
        if form is not None:
            assert clients.browser(form) in {form, None}, form
            sent += clients.browser(form) == form
    assert sent > 0


TEXT = st.text(st.characters(codec="utf-8"), max_size=30)


@given(path=TEXT, query=st.none() | TEXT)
@example(path="a%2fb%7E", query="%c3%a9%41")
@example(path="..%5c", query="a?b*'")
def test_any_path_and_query_is_refused_or_becomes_a_fixed_point(
    path: str, query: str | None
) -> None:
    form = wire_or_none(f"https://cdn.example.com/{path}" + ("" if query is None else f"?{query}"))
    if form is not None:
        assert_fixed_point(form)
        assert wire_url(form) == form
        assert match_url_resource(form, form).matched


@given(host=st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
@example(host="B\u00fccher")
@example(host="\u0130stanbul")
@example(host="a\u00adb")
@example(host="\u1e9e")
@example(host="\u0345")
@example(host="\U00010400")
def test_any_host_is_refused_or_becomes_a_fixed_point(host: str) -> None:
    form = wire_or_none(f"https://{host}.example.com/a")
    if form is not None and "xn--" not in host.lower():
        assert_fixed_point(form)
        assert clients.browser(f"https://{host}.example.com/a") == form


@given(key=st.text(st.characters(codec="utf-8"), min_size=1, max_size=30))
def test_any_object_key_is_refused_or_becomes_a_path_that_every_client_keeps(key: str) -> None:
    try:
        path = object_key_path(key)
    except UrlError:
        return
    assert_fixed_point(wire_url(f"https://cdn.example.com{path}", strict=True))
    assert not set(path) & set("*?+&=#")


@given(url=st.text(max_size=60))
def test_text_that_is_no_url_raises_nothing_but_a_url_error(url: str) -> None:
    form = wire_or_none(url)
    assert form is None or clients.browser(form) is not None


def test_base64_of_cloudfront_needs_no_encoding_in_a_url(p256_key: PrivateKey) -> None:
    issuer = Issuer(p256_key, key_pair_id=KEY_PAIR_ID, clock=lambda: NOW)
    url = issuer.signed_url("https://cdn.example.com/a", expires_in=60, ip_address="192.0.2.1")
    parameters = dict(part.split("=") for part in url.partition("?")[2].split("&"))
    assert set(parameters) <= set(RESERVED_PARAMETERS)
    assert b"192.0.2.1/32" in decode_base64(parameters["Policy"])
