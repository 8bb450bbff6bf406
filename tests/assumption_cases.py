"""Requests on which one assumption decides, and what they are made of."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from signer.assumptions import Assumptions
from signer.encoding import encode_base64
from signer.issuer import Issuer
from signer.keys import HashAlgorithm, PrivateKey
from signer.policy import Policy, canned_policy_text
from signer.verdict import Verdict
from signer.verifier import TrustedKeyGroup, Verifier
from signer.viewer_request import ViewerRequest

HOST = "https://cdn.example.com"
URL = f"{HOST}/films/a.mp4"
KEY_ID = "K2JCJMDEHXQW5F"
NOW = 1_800_000_000
CONDITION: dict[str, object] = {"DateLessThan": {"AWS:EpochTime": NOW + 60}}
STATEMENT: dict[str, object] = {"Resource": f"{HOST}/films/*", "Condition": CONDITION}


class Case(NamedTuple):
    """A request on which one assumption decides: another value of it turns the decision."""

    request: Callable[[PrivateKey], ViewerRequest]
    default_allows: bool
    other: Any
    now: float = NOW


def issuer(key: PrivateKey) -> Issuer:
    return Issuer(key, key_pair_id=KEY_ID, clock=lambda: NOW)


def canned(key: PrivateKey, url: str = URL, end: int = NOW + 60, sent: str | None = None) -> str:
    """Sign the text of a canned policy for any URL and end, and send it as another URL."""
    signature = key.sign(canned_policy_text(url, end).encode(), HashAlgorithm.SHA256)
    query = (
        f"Expires={end}&Signature={encode_base64(signature)}&Key-Pair-Id={KEY_ID}"
        "&Hash-Algorithm=SHA256"
    )
    base = url if sent is None else sent
    return f"{base}{'&' if '?' in base else '?'}{query}"


def custom(key: PrivateKey, text: str, url: str = URL) -> str:
    """Sign any text as a custom policy."""
    data = text.encode()
    return (
        f"{url}{'&' if '?' in url else '?'}Policy={encode_base64(data)}"
        f"&Signature={encode_base64(key.sign(data, HashAlgorithm.SHA256))}"
        f"&Key-Pair-Id={KEY_ID}&Hash-Algorithm=SHA256"
    )


def statement(**changed: object) -> str:
    return json.dumps({"Statement": [{**STATEMENT, **changed}]})


def from_address(condition: str) -> str:
    return statement(Condition={**CONDITION, "IpAddress": {"AWS:SourceIp": condition}})


def with_both(key: PrivateKey) -> ViewerRequest:
    return ViewerRequest(custom(key, statement()) + f"&Expires={NOW + 60}")


def with_signature(key: PrivateKey, change: Callable[[str], str]) -> ViewerRequest:
    url = canned(key)
    signature = url.partition("Signature=")[2].partition("&")[0]
    assert change(signature) != signature
    return ViewerRequest(url.replace(signature, change(signature)))


def in_standard_alphabet(signature: str) -> str:
    return signature.translate(str.maketrans("-_~", "+=/"))


def with_cookies(key: PrivateKey, resource: str, url: str) -> ViewerRequest:
    return ViewerRequest(
        url,
        issuer(key)
        .signed_cookies(resource, expires_in=60, allow_entire_distribution=True)
        .header(),
    )


def doubled_cookies(key: PrivateKey) -> ViewerRequest:
    header = issuer(key).signed_cookies(URL, expires_in=60).header()
    return ViewerRequest(URL, f"{header}; {header}")


def escaped_delimiter(key: PrivateKey) -> ViewerRequest:
    policy = Policy(f"{URL}?a=1", date_less_than=NOW + 60, escape_query_delimiter=True)
    return ViewerRequest(issuer(key).sign(policy).url(f"{URL}?a=1"))


CASES = {
    "clock_skew_seconds": Case(lambda key: ViewerRequest(canned(key)), False, 30, NOW + 89),
    "last_second_denied": Case(lambda key: ViewerRequest(canned(key)), False, False, NOW + 60.5),
    "latest_epoch_seconds": Case(
        lambda key: ViewerRequest(canned(key, end=9_223_372_037)), False, 10**11
    ),
    "duplicate_parameters": Case(
        lambda key: ViewerRequest(canned(key) + f"&Expires={NOW + 60}"), False, "first"
    ),
    "duplicate_cookies": Case(doubled_cookies, False, "last"),
    "policy_before_expires": Case(with_both, True, False),
    "exact_hash_algorithm": Case(
        lambda key: ViewerRequest(canned(key).replace("SHA256", "sha256")), False, False
    ),
    "unpadded_base64": Case(
        lambda key: with_signature(key, lambda text: text.rstrip("_")), False, True
    ),
    "standard_base64": Case(lambda key: with_signature(key, in_standard_alphabet), False, True),
    "host_case_matters": Case(
        lambda key: ViewerRequest(canned(key, sent=URL.replace("cdn.", "CDN."))), False, False
    ),
    "default_port_matters": Case(
        lambda key: ViewerRequest(canned(key, sent=URL.replace(".com/", ".com:443/"))), False, False
    ),
    "http_star_protocol": Case(
        lambda key: ViewerRequest(
            custom(key, statement(Resource="http*://cdn.example.com/films/*"))
        ),
        True,
        False,
    ),
    "escaped_query_delimiter": Case(escaped_delimiter, True, False),
    "cookie_wildcards_anywhere": Case(
        lambda key: with_cookies(key, f"{HOST}/films/*.mp4", f"{HOST}/films/a.txt?b.mp4"),
        True,
        False,
    ),
    "dot_segments_denied": Case(
        lambda key: with_cookies(key, f"{HOST}/films/*", f"{HOST}/films/../other"), False, False
    ),
    "wildcard_in_canned_policy": Case(
        lambda key: ViewerRequest(canned(key, f"{HOST}/films/a*.mp4")), False, True
    ),
    "bare_statement": Case(
        lambda key: ViewerRequest(custom(key, json.dumps({"Statement": STATEMENT}))), False, True
    ),
    "extra_members": Case(
        lambda key: ViewerRequest(custom(key, statement(Effect="Allow"))), False, True
    ),
    "duplicate_members": Case(
        lambda key: ViewerRequest(
            custom(key, statement().replace('"Resource"', '"Resource": "x", "Resource"'))
        ),
        False,
        True,
    ),
    "bare_ip_is_one_host": Case(
        lambda key: ViewerRequest(custom(key, from_address("192.0.2.1")), ip="192.0.2.1"),
        False,
        True,
    ),
    "percent_encoding_matters": Case(
        lambda key: ViewerRequest(canned(key, f"{HOST}/films/a%2Fb", sent=f"{HOST}/films/a%2fb")),
        False,
        False,
    ),
    "parameter_case_matters": Case(
        lambda key: ViewerRequest(canned(key).replace("Signature=", "signature=")), False, False
    ),
    "most_wildcards": Case(
        lambda key: ViewerRequest(
            custom(
                key,
                statement(Resource=f"{HOST}/films/{'*a' * 65}*"),
                url=f"{HOST}/films/{'a' * 65}",
            )
        ),
        False,
        100,
    ),
    "ipv6_ranges": Case(
        lambda key: ViewerRequest(custom(key, from_address("2001:db8::/32")), ip="2001:db8::1"),
        False,
        True,
    ),
    "mapped_ipv4_viewer": Case(
        lambda key: ViewerRequest(custom(key, from_address("192.0.2.0/24")), ip="::ffff:192.0.2.1"),
        False,
        True,
    ),
    "options_needs_signature": Case(lambda _: ViewerRequest(URL, method="OPTIONS"), False, False),
}


def judge(
    key: PrivateKey, request: ViewerRequest, rules: Assumptions | None, now: float = NOW
) -> Verdict:
    group = TrustedKeyGroup({KEY_ID: key.public_key()})
    return Verifier([group], assumptions=rules).verify(request, now=now)
