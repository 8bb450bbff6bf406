from __future__ import annotations

import json
from itertools import pairwise

import pytest

from signer.assumptions import Assumptions
from signer.encoding import encode_base64
from signer.issuer import Issuer
from signer.keys import HashAlgorithm, PrivateKey
from signer.policy import Policy
from signer.verdict import MESSAGES, STEPS, Code, Step, Verdict
from signer.verifier import TrustedKeyGroup, Verifier
from signer.viewer_request import ViewerRequest

URL = "https://cdn.example.com/films/a.mp4"
KEY_ID = "K2JCJMDEHXQW5F"
NOW = 1_800_000_000

# Each is one thing wrong with a request, in the order in which the edge finds them.
FAULTS: dict[Step, tuple[Code, str]] = {
    "request form": ("AccessDenied", "url_too_long"),
    "key present": ("MissingKey", "key_pair_id_missing"),
    "key known": ("InvalidKey", "key_unknown"),
    "policy readable": ("MalformedPolicy", "policy_json"),
    "hash known": ("AccessDenied", "hash_unknown"),
    "signature readable": ("MalformedSignature", "signature_malformed"),
    "signature genuine": ("AccessDenied", "signature_wrong"),
    "resource": ("AccessDenied", "resource_path"),
    "dates": ("AccessDenied", "expired"),
    "viewer ip": ("AccessDenied", "ip_mismatch"),
}


@pytest.fixture
def verifier(p256_key: PrivateKey) -> Verifier:
    return Verifier([TrustedKeyGroup({KEY_ID: p256_key.public_key()}, "films")])


def request(key: PrivateKey, faults: set[Step]) -> ViewerRequest:
    """Return a request with these faults and no other."""
    condition: dict[str, object] = {
        "DateLessThan": {"AWS:EpochTime": NOW - 1 if "dates" in faults else NOW + 1},
        "IpAddress": {"AWS:SourceIp": "192.0.2.0/24"},
    }
    resource = "https://cdn.example.com/other/*" if "resource" in faults else URL
    text = json.dumps({"Statement": [{"Resource": resource, "Condition": condition}]}).encode()
    wrong = PrivateKey.generate() if "signature genuine" in faults else key
    signature = encode_base64(wrong.sign(text, HashAlgorithm.SHA256))
    query = {
        "Policy": "!" if "policy readable" in faults else encode_base64(text),
        "Signature": "!" if "signature readable" in faults else signature,
        "Key-Pair-Id": "K1" if "key known" in faults else KEY_ID,
        "Hash-Algorithm": "MD5" if "hash known" in faults else "SHA256",
    }
    if "policy readable" in faults:
        query["Policy"] = "YWJj"
    if "key present" in faults:
        del query["Key-Pair-Id"]
    url = URL.ljust(9000, "a") if "request form" in faults else URL
    ip = "198.51.100.1" if "viewer ip" in faults else "192.0.2.1"
    return ViewerRequest(f"{url}?{'&'.join(f'{k}={v}' for k, v in query.items())}", ip=ip)


def test_there_is_a_fault_for_each_step_in_their_order() -> None:
    assert tuple(FAULTS) == STEPS


def test_without_a_fault_all_steps_are_passed(p256_key: PrivateKey, verifier: Verifier) -> None:
    verdict = verifier.verify(request(p256_key, set()), now=NOW)
    assert verdict
    assert verdict.failed_step is None
    assert tuple(check.name for check in verdict.checks) == STEPS
    assert all(check.passed and check.detail.endswith(".") for check in verdict.checks)


@pytest.mark.parametrize("step", STEPS)
def test_one_fault_fails_its_own_step(p256_key: PrivateKey, verifier: Verifier, step: Step) -> None:
    verdict = verifier.verify(request(p256_key, {step}), now=NOW)
    code, reason = FAULTS[step]
    assert not verdict
    assert (verdict.code, verdict.reason, verdict.failed_step) == (code, reason, step)
    assert verdict.message == MESSAGES[code]
    # CloudFront answers an over-long URL before it looks for a signature.
    assert verdict.status == (414 if step == "request form" else 403)
    assert verdict.xml_body() == (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f"<Error><Code>{code}</Code><Message>{MESSAGES[code]}</Message></Error>"
    )
    made = verdict.checks
    assert tuple(check.name for check in made) == STEPS[: STEPS.index(step) + 1]
    assert [check.passed for check in made] == [True] * (len(made) - 1) + [False]
    assert made[-1].detail == verdict.detail


@pytest.mark.parametrize(("earlier", "later"), list(pairwise(STEPS)))
def test_the_earlier_fault_decides(
    p256_key: PrivateKey, verifier: Verifier, earlier: Step, later: Step
) -> None:
    verdict = verifier.verify(request(p256_key, {earlier, later}), now=NOW)
    assert verdict.failed_step == earlier


@pytest.mark.parametrize("step", STEPS)
def test_with_everything_wrong_from_a_step_on_that_step_decides(
    p256_key: PrivateKey, verifier: Verifier, step: Step
) -> None:
    faults = set(STEPS[STEPS.index(step) :])
    assert verifier.verify(request(p256_key, faults), now=NOW).failed_step == step


def test_the_five_codes_have_cloudfronts_messages() -> None:
    assert dict(MESSAGES) == {
        "MissingKey": "Missing Key-Pair-Id query parameter or cookie value",
        "InvalidKey": "Unknown Key",
        "MalformedSignature": "Could not unencode Signature",
        "MalformedPolicy": "Malformed Policy",
        "AccessDenied": "Access denied",
    }
    assert {code for code, _ in FAULTS.values()} == set(MESSAGES)


def test_what_was_learned_before_the_refusal_is_told(
    p256_key: PrivateKey, verifier: Verifier
) -> None:
    unknown = verifier.verify(request(p256_key, {"key known"}), now=NOW)
    assert (unknown.key_pair_id, unknown.key_group, unknown.policy) == ("K1", None, None)
    assert (unknown.kind, unknown.hash_algorithm, unknown.match) == (None, None, None)
    late = verifier.verify(request(p256_key, {"dates"}), now=NOW)
    assert (late.key_group, late.hash_algorithm, late.kind) == ("films", "SHA256", "custom")
    assert late.policy
    assert late.policy.date_less_than == NOW - 1
    assert late.match
    assert late.match.matched
    elsewhere = verifier.verify(request(p256_key, {"resource"}), now=NOW)
    assert elsewhere.match
    assert elsewhere.match.failed_section == "path"


def details(verdict: Verdict) -> dict[str, str]:
    return {check.name: check.detail for check in verdict.checks}


def test_the_details_say_what_was_found(p256_key: PrivateKey) -> None:
    verifier = Verifier([TrustedKeyGroup({KEY_ID: p256_key.public_key()})])
    issuer = Issuer(p256_key, key_pair_id=KEY_ID, clock=lambda: NOW)
    signed = issuer.sign(Policy(URL, date_less_than=NOW + 90, ip_address="192.0.2.1"))
    told = details(verifier.verify(ViewerRequest(signed.url(URL), ip="192.0.2.1"), now=NOW))
    assert KEY_ID in told["key present"]
    assert "unnamed" in told["key known"]
    assert "custom" in told["policy readable"]
    assert "SHA256" in told["hash known"]
    assert "90" in told["dates"]
    assert "192.0.2.1/32" in told["viewer ip"]
    canned = details(verifier.verify(ViewerRequest(issuer.signed_url(URL, expires_in=9)), now=NOW))
    assert "Any address" in canned["viewer ip"]
    assert "canned" in canned["policy readable"]


def test_no_detail_has_a_signature_or_a_policy_in_it(
    p256_key: PrivateKey, verifier: Verifier
) -> None:
    for step in (None, *STEPS):
        asked = request(p256_key, {step} if step else set())
        verdict = verifier.verify(asked, now=NOW)
        values = [part.partition("=")[2] for part in asked.url.partition("?")[2].split("&")]
        shown = " ".join(f"{check.detail}" for check in verdict.checks) + verdict.xml_body()
        assert not any(value in shown for value in values if len(value) > 20)


def test_an_exempt_request_claims_no_check_that_was_not_made(p256_key: PrivateKey) -> None:
    rules = Assumptions(options_needs_signature=False)
    verifier = Verifier([TrustedKeyGroup({KEY_ID: p256_key.public_key()})], assumptions=rules)
    verdict = verifier.verify(ViewerRequest(URL, method="OPTIONS"))
    assert verdict.allowed
    assert (verdict.kind, verdict.policy, verdict.hash_algorithm) == (None, None, None)
    assert [check.name for check in verdict.checks] == ["request form"]
    assert "signature is genuine" not in verdict.detail
