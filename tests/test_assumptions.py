from __future__ import annotations

import dataclasses
import json

import pytest

from signer.assumptions import Assumptions
from signer.issuer import Issuer
from signer.keys import HashAlgorithm, PrivateKey
from signer.policy import Policy
from signer.viewer_request import ViewerRequest
from tests.assumption_cases import (
    CASES,
    HOST,
    KEY_ID,
    NOW,
    STATEMENT,
    URL,
    canned,
    custom,
    from_address,
    in_standard_alphabet,
    issuer,
    judge,
    statement,
    with_signature,
)


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
