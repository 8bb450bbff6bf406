from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

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


def test_every_assumption_has_a_case() -> None:
    assert {*CASES, "policy_read_before_signature"} == {
        item.name for item in dataclasses.fields(Assumptions)
    }


@pytest.mark.parametrize("name", CASES)
def test_an_assumption_decides_its_case_and_is_named_both_ways(
    rsa_key: PrivateKey, name: str
) -> None:
    case = CASES[name]
    request = case.request(rsa_key)
    cautious = judge(rsa_key, request, None, case.now)
    changed = judge(rsa_key, request, Assumptions(**{name: case.other}), case.now)
    assert cautious.allowed is case.default_allows
    assert changed.allowed is not case.default_allows
    assert name in cautious.assumptions
    assert name in changed.assumptions


@pytest.mark.parametrize("name", CASES)
def test_no_other_assumption_is_blamed(rsa_key: PrivateKey, name: str) -> None:
    case = CASES[name]
    verdict = judge(rsa_key, case.request(rsa_key), None, case.now)
    # Within minutes of a date, a clock that is wrong may always be the reason.
    assert set(verdict.assumptions) - {"clock_skew_seconds"} <= {name}


@pytest.mark.parametrize("name", CASES)
def test_a_verdict_names_an_assumption_once(rsa_key: PrivateKey, name: str) -> None:
    case = CASES[name]
    named = judge(rsa_key, case.request(rsa_key), None, case.now).assumptions
    assert len(named) == len(set(named))


@pytest.mark.parametrize("transport", ["url", "cookies"])
@pytest.mark.parametrize("kind", ["canned", "custom"])
def test_an_ordinary_request_rests_on_no_assumption(
    rsa_key: PrivateKey, transport: str, kind: str
) -> None:
    resource = URL if kind == "canned" else f"{HOST}/films/*"
    signed = issuer(rsa_key).sign(Policy(resource, date_less_than=NOW + 3600))
    for url, reason in ((URL, "allowed"), (f"{HOST}/other", "denied")):
        query = signed.url(URL).partition("?")[2]
        request = (
            ViewerRequest(f"{url}?{query}")
            if transport == "url"
            else ViewerRequest(url, signed.cookies())
        )
        verdict = judge(rsa_key, request, None)
        assert verdict.allowed is (reason == "allowed")
        assert verdict.assumptions == ()


def test_clock_skew_is_named_where_it_may_matter(rsa_key: PrivateKey) -> None:
    request = ViewerRequest(canned(rsa_key, end=NOW))
    for distance, named in ((-301, False), (-299, True), (299, True), (301, False)):
        verdict = judge(rsa_key, request, None, NOW + distance)
        assert ("clock_skew_seconds" in verdict.assumptions) is named
    generous = judge(rsa_key, request, Assumptions(clock_skew_seconds=3600), NOW + 3000)
    assert generous.allowed
    assert "clock_skew_seconds" in generous.assumptions


def test_skew_widens_the_window_at_both_ends(rsa_key: PrivateKey) -> None:
    policy = Policy(URL, date_less_than=NOW + 60, date_greater_than=NOW)
    request = ViewerRequest(issuer(rsa_key).sign(policy).url(URL))
    rules = Assumptions(clock_skew_seconds=5)
    decided = {
        NOW - 5: "not_yet_valid",
        NOW - 4: "allowed",
        NOW + 64: "allowed",
        NOW + 65: "expired",
    }
    for now, reason in decided.items():
        assert judge(rsa_key, request, rules, now).reason == reason


def test_the_last_second_is_a_whole_one(rsa_key: PrivateKey) -> None:
    request = ViewerRequest(canned(rsa_key, end=NOW))
    rules = Assumptions(last_second_denied=False)
    assert judge(rsa_key, request, rules, NOW + 0.999).allowed
    assert not judge(rsa_key, request, rules, NOW + 1).allowed


@pytest.mark.parametrize(("choice", "allowed"), [("first", True), ("last", False)])
def test_a_chosen_duplicate_counts(rsa_key: PrivateKey, choice: str, allowed: bool) -> None:
    request = ViewerRequest(canned(rsa_key) + "&Key-Pair-Id=K1")
    rules = Assumptions(duplicate_parameters=choice)  # type: ignore[arg-type]  # from a table
    assert judge(rsa_key, request, rules).allowed is allowed
    header = issuer(rsa_key).signed_cookies(URL, expires_in=60).header()
    stale = ViewerRequest(URL, f"{header}; CloudFront-Signature=YWJj")
    rules = Assumptions(duplicate_cookies=choice)  # type: ignore[arg-type]  # from a table
    assert judge(rsa_key, stale, rules).allowed is allowed


@pytest.mark.parametrize(
    "name", ["Policy", "Expires", "Signature", "Key-Pair-Id", "Hash-Algorithm"]
)
def test_any_duplicate_is_denied_by_default(rsa_key: PrivateKey, name: str) -> None:
    url = custom(rsa_key, statement()) if name == "Policy" else canned(rsa_key)
    value = url.partition(f"{name}=")[2].partition("&")[0]
    verdict = judge(rsa_key, ViewerRequest(f"{url}&{name}={value}"), None)
    assert verdict.reason == "duplicate"
    assert verdict.assumptions == ("duplicate_parameters",)


def test_leftovers_of_another_kind_decide_as_assumed(rsa_key: PrivateKey) -> None:
    fresh = issuer(rsa_key).signed_cookies(f"{HOST}/films/*", expires_in=60).header()
    mixed = judge(rsa_key, ViewerRequest(URL, f"CloudFront-Expires=1; {fresh}"), None)
    assert mixed.allowed
    assert mixed.assumptions == ("policy_before_expires", "clock_skew_seconds")
    sha1 = Issuer(
        rsa_key, key_pair_id=KEY_ID, hash_algorithm=HashAlgorithm.SHA1, clock=lambda: NOW
    ).signed_cookies(URL, expires_in=60)
    stale = judge(
        rsa_key, ViewerRequest(URL, f"{sha1.header()}; CloudFront-Hash-Algorithm=SHA256"), None
    )
    assert stale.reason == "signature_wrong"


def test_two_leniencies_that_are_needed_together_are_both_named(rsa_key: PrivateKey) -> None:
    text = json.dumps({"Statement": {**STATEMENT, "Effect": "Allow"}})
    request = ViewerRequest(custom(rsa_key, text))
    for rules, allowed in (
        (Assumptions(), False),
        (Assumptions(bare_statement=True), False),
        (Assumptions(extra_members=True), False),
        (Assumptions(bare_statement=True, extra_members=True), True),
    ):
        verdict = judge(rsa_key, request, rules)
        assert verdict.allowed is allowed
        assert set(verdict.assumptions) >= {"bare_statement", "extra_members"}
        assert "duplicate_members" not in verdict.assumptions
    hopeless = judge(rsa_key, ViewerRequest(custom(rsa_key, '{"Statement":{}}')), None)
    assert hopeless.assumptions == ()


def test_unpadded_standard_base64_needs_both_rules(rsa_key: PrivateKey) -> None:
    request = with_signature(rsa_key, lambda text: in_standard_alphabet(text).rstrip("="))
    both = Assumptions(standard_base64=True, unpadded_base64=True)
    assert judge(rsa_key, request, both).allowed
    for rules in (Assumptions(standard_base64=True), Assumptions(unpadded_base64=True)):
        assert judge(rsa_key, request, rules).reason == "signature_malformed"


def test_a_host_is_compared_without_port_and_case_where_assumed(rsa_key: PrivateKey) -> None:
    rules = Assumptions(host_case_matters=False, default_port_matters=False)
    for sent in ("https://CDN.Example.COM:443/films/a.mp4", "https://cdn.example.com/films/a.mp4"):
        assert judge(rsa_key, ViewerRequest(canned(rsa_key, sent=sent)), rules).allowed
    for sent in (
        "https://cdn.example.com:80/films/a.mp4",
        "https://cdn.example.com:8443/films/a.mp4",
        "https://cdn.example.com/Films/a.mp4",
        "no url at all",
    ):
        assert not judge(rsa_key, ViewerRequest(canned(rsa_key, sent=sent)), rules).allowed
    plain = "http://cdn.example.com/a"
    sent = "http://cdn.example.com:80/a"
    assert judge(rsa_key, ViewerRequest(canned(rsa_key, plain, sent=sent)), rules).allowed


def test_each_assumption_is_described_in_a_sentence() -> None:
    described = Assumptions.describe()
    assert set(described) == {*CASES, "policy_read_before_signature"}
    assert all(sentence.endswith(".") for sentence in described.values())


@pytest.mark.parametrize(
    ("first", "code"), [(True, "MalformedPolicy"), (False, "MalformedSignature")]
)
def test_the_order_of_two_errors_is_as_assumed(rsa_key: PrivateKey, first: bool, code: str) -> None:
    request = ViewerRequest(f"{URL}?Policy=x&Signature=x&Key-Pair-Id={KEY_ID}")
    verdict = judge(rsa_key, request, Assumptions(policy_read_before_signature=first))
    assert verdict.code == code
    assert "policy_read_before_signature" in verdict.assumptions
    genuine = canned(rsa_key).replace("Expires=", "Expires=x")
    assert judge(rsa_key, ViewerRequest(genuine), None).assumptions == ()


@pytest.mark.parametrize("address", ["2001:db9::1", "192.0.2.1", "nonsense", "::ffff:192.0.2.1"])
def test_an_ipv6_range_holds_its_own_addresses_only(rsa_key: PrivateKey, address: str) -> None:
    request = ViewerRequest(custom(rsa_key, from_address("2001:db8::/32")), ip=address)
    assert not judge(rsa_key, request, Assumptions(ipv6_ranges=True, mapped_ipv4_viewer=True))


def test_a_bare_ipv6_address_is_one_host_where_assumed(rsa_key: PrivateKey) -> None:
    request = ViewerRequest(custom(rsa_key, from_address("2001:db8::1")), ip="2001:db8::1")
    assert judge(rsa_key, request, Assumptions(ipv6_ranges=True, bare_ip_is_one_host=True))


def test_assumptions_are_frozen_and_named() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Assumptions().bare_statement = True  # type: ignore[misc]
    with pytest.raises(TypeError):
        Assumptions(5)  # type: ignore[call-arg]
