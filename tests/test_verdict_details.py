"""What a verdict says beside yes and no: code, step, sentence, sections. Found untested by mutation testing."""

from __future__ import annotations

import pytest

from signer.assumptions import Assumptions
from signer.encoding import encode_base64
from signer.errors import PolicyError
from signer.issuer import Issuer
from signer.keys import HashAlgorithm, KeyAlgorithm, PrivateKey
from signer.policy import Policy
from signer.resource import is_entire_distribution, match_url_resource, split_resource, split_url
from signer.signed_policy import longest_signature
from signer.verdict import Verdict
from signer.verifier import TrustedKeyGroup, Verifier
from signer.viewer_request import ViewerRequest

NOW = 1_800_000_000
HOST = "https://cdn.example.com"
KEY_PAIR_ID = "K2JCJMDEHXQW5F"


@pytest.fixture(scope="module")
def issuer(p256_key: PrivateKey) -> Issuer:
    return Issuer(p256_key, key_pair_id=KEY_PAIR_ID, clock=lambda: NOW)


def decide(
    key: PrivateKey, url: str, *, cookies: str = "", assumptions: Assumptions | None = None
) -> Verdict:
    group = TrustedKeyGroup({KEY_PAIR_ID: key.public_key()})
    return Verifier([group], assumptions=assumptions).verify(ViewerRequest(url, cookies), now=NOW)


DUPLICATES = {
    "Key-Pair-Id": ("InvalidKey", "key present"),
    "Policy": ("MalformedPolicy", "policy readable"),
    "Hash-Algorithm": ("AccessDenied", "hash known"),
    "Signature": ("MalformedSignature", "signature readable"),
}


@pytest.mark.parametrize("name", DUPLICATES)
@pytest.mark.parametrize("transport", ["url", "cookies"])
def test_a_value_given_twice_is_denied_at_its_own_step(
    issuer: Issuer, p256_key: PrivateKey, name: str, transport: str
) -> None:
    signed = issuer.sign(Policy(f"{HOST}/films/*", date_less_than=NOW + 60))
    url, cookies = f"{HOST}/films/a", ""
    if transport == "url":
        url = signed.url(url)
        url += "&" + next(part for part in url.partition("?")[2].split("&") if name in part)
    else:
        cookies = signed.cookies().header()
        cookies += "; " + next(part for part in cookies.split("; ") if f"-{name}=" in part)
    verdict = decide(p256_key, url, cookies=cookies)
    assert (verdict.code, verdict.failed_step) == DUPLICATES[name]
    assert verdict.reason == "duplicate"
    assert verdict.detail == f"{name} is given 2 times."


def test_an_expiry_given_twice_is_denied_with_the_policy(
    issuer: Issuer, p256_key: PrivateKey
) -> None:
    url = issuer.signed_url(f"{HOST}/a", expires_in=60) + f"&Expires={NOW + 60}"
    verdict = decide(p256_key, url)
    assert (verdict.code, verdict.failed_step) == ("MalformedPolicy", "policy readable")
    assert verdict.detail == "Expires is given 2 times."


@pytest.mark.parametrize(("choice", "values"), [("first", "GXX"), ("last", "XXG")])
def test_the_first_or_the_last_of_three_values_can_be_assumed_to_count(
    issuer: Issuer, p256_key: PrivateKey, choice: str, values: str
) -> None:
    url = issuer.signed_url(f"{HOST}/a", expires_in=60)
    own = f"Key-Pair-Id={KEY_PAIR_ID}"
    url = url.replace(f"&{own}", "")
    for value in values:
        url += f"&{own}" if value == "G" else "&Key-Pair-Id=KOTHER"
    rules = Assumptions(duplicate_parameters=choice)  # type: ignore[arg-type]  # one of its three
    assert decide(p256_key, url, assumptions=rules).allowed
    assert decide(p256_key, url).reason == "duplicate"


SENTENCES = {
    "": "Neither the URL nor the cookies carry a key pair id.",
    "?Expires=1": "The url credentials carry no key pair id.",
    "?Key-Pair-Id=KOTHER": "No key group that this behavior trusts has the key pair id.",
    "?Key-Pair-Id=ID": "There is neither a policy nor an expiry.",
    "?Key-Pair-Id=ID&Expires=x": "The expiry is not a plain number of seconds.",
    "?Key-Pair-Id=ID&Expires=99999999999": "A date is out of range; it may be in milliseconds.",
    "?Key-Pair-Id=ID&Policy=e30_": "The policy has no object with Statement alone.",
    "?Key-Pair-Id=ID&Policy=!": "The value is not base64 in CloudFront's alphabet.",
    "?Key-Pair-Id=ID&Expires=1&Hash-Algorithm=MD5": "Hash-Algorithm is neither SHA1 nor SHA256.",
    "?Key-Pair-Id=ID&Expires=1": "There is no signature.",
    "?Key-Pair-Id=ID&Expires=1&Signature=": "There is no signature.",
    "?Key-Pair-Id=ID&Expires=1&Signature=!": (
        "The signature is not base64 in CloudFront's alphabet."
    ),
    "?Key-Pair-Id=ID&Expires=1&Signature=AAAA": (
        "The signature does not belong to this policy, key and hash."
    ),
    "#x": "The URL has a character that no request may contain.",
}


@pytest.mark.parametrize("query", SENTENCES)
def test_the_sentence_says_what_is_wrong(p256_key: PrivateKey, query: str) -> None:
    url = f"{HOST}/a{query.replace('=ID', f'={KEY_PAIR_ID}')}"
    assert decide(p256_key, url).detail == SENTENCES[query]


@pytest.mark.parametrize("url", [f"{HOST}/\ud800", f"{HOST}/\u00e9", f"{HOST}/a\n", f"{HOST}/ "])
def test_a_url_that_cannot_be_requested_raises_nothing(p256_key: PrivateKey, url: str) -> None:
    verdict = decide(p256_key, f"{url}?Expires=1&Signature=AAAA&Key-Pair-Id={KEY_PAIR_ID}")
    assert verdict.reason == "url_malformed"


@pytest.mark.parametrize("length", [1, 2])
def test_base64_without_its_padding_is_an_assumption(p256_key: PrivateKey, length: int) -> None:
    """One and two missing characters are completed alike."""
    text = Policy(f"{HOST}/films/{'a' * length}*", date_less_than=NOW + 60).to_json()
    while len(encode_base64(text.encode()).rstrip("_")) % 4 != (4 - length) % 4:
        text = text.replace("/films/", "/films/a")
    signature = encode_base64(p256_key.sign(text.encode(), HashAlgorithm.SHA1))
    policy = encode_base64(text.encode()).rstrip("_")
    assert len(encode_base64(text.encode())) - len(policy) == length
    url = (
        f"{HOST}/films/{'a' * 9}?Policy={policy}&Signature={signature.rstrip('_')}"
        f"&Key-Pair-Id={KEY_PAIR_ID}"
    )
    lenient = decide(p256_key, url, assumptions=Assumptions(unpadded_base64=True))
    assert lenient.allowed, lenient.reason
    assert decide(p256_key, url).reason == "base64_invalid"


def test_the_host_is_compared_by_the_same_assumption_for_every_kind_of_policy(
    issuer: Issuer, p256_key: PrivateKey
) -> None:
    lenient = Assumptions(host_case_matters=False)
    for resource in (None, f"{HOST}/films/*"):
        url = issuer.signed_url(f"{HOST}/films/a", expires_in=60, resource=resource)
        url = url.replace("cdn.example.com", "CDN.example.com", 1)
        assert not decide(p256_key, url).allowed
        verdict = decide(p256_key, url, assumptions=lenient)
        assert verdict.allowed
        assert "host_case_matters" in verdict.assumptions


@pytest.mark.parametrize("path", ["a\\..\\b", "a\\.", "\\..", "%5c..%5Cb", "..\\b"])
def test_backslashes_separate_segments_too(issuer: Issuer, p256_key: PrivateKey, path: str) -> None:
    url = issuer.signed_url(f"{HOST}/films/a", expires_in=60, resource=f"{HOST}/films/*")
    verdict = decide(p256_key, url.replace("/films/a", f"/films/{path}", 1))
    assert verdict.reason == "dot_segment"
    assert verdict.assumptions[-1] == "dot_segments_denied"


def test_a_match_reports_the_sections_of_both_sides() -> None:
    resource, url = f"{HOST}/films/*", f"{HOST}/films/a?v=1"
    for match in (match_url_resource(resource, url), match_url_resource(resource, f"{HOST}/x")):
        assert match.resource == split_resource(resource)
        assert match.url in {split_url(url), split_url(f"{HOST}/x")}


@pytest.mark.parametrize(
    ("resource", "entire"),
    [(f"{HOST}/X*", False), (f"{HOST}/X/*", False), (f"{HOST}/*", True), (f"{HOST}//*", True)],
)
def test_one_letter_in_front_of_the_wildcard_is_a_part_of_the_site(
    resource: str, entire: bool
) -> None:
    assert is_entire_distribution(resource) == entire


def test_the_longest_signature_is_a_real_bound() -> None:
    assert len(longest_signature(rsa=True)) == 344
    assert len(longest_signature(rsa=False)) == 96
    key = PrivateKey.generate(KeyAlgorithm.ECDSA_P256)
    lengths = {len(encode_base64(key.sign(b"x", HashAlgorithm.SHA256))) for _ in range(50)}
    assert max(lengths) <= 96


@pytest.mark.parametrize(
    ("life", "code"), [(0, "time_past"), (1, None), (604_800, None), (604_801, "time_lifetime")]
)
def test_a_finished_policy_lives_between_a_second_and_max_lifetime(
    issuer: Issuer, life: int, code: str | None
) -> None:
    policy = Policy(f"{HOST}/films/*", date_less_than=NOW + life)
    if code is None:
        assert issuer.sign(policy).policy is policy
        return
    with pytest.raises(PolicyError) as caught:
        issuer.sign(policy)
    assert caught.value.code == code
