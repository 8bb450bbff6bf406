"""Details that no other test would miss: each one let a deliberate fault of the code go unnoticed once.

The faults came from mutation testing, see docs/mutation.md.
"""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from signer.assumptions import Assumptions
from signer.encoding import decode_base64, encode_base64
from signer.errors import PolicyError, ResourceError, SignerError, UrlError
from signer.issuer import Issuer
from signer.keys import PrivateKey
from signer.policy import Policy
from signer.resource import match_cookie_resource
from signer.verdict import Verdict
from signer.verifier import TrustedKeyGroup, Verifier
from signer.viewer_request import ViewerRequest, cookie_pairs
from signer.wire import MAX_URL_BYTES, object_key_path, wire_url

NOW = 1_800_000_000
HOST = "https://cdn.example.com"
KEY_PAIR_ID = "K2JCJMDEHXQW5F"


@pytest.fixture(scope="module")
def issuer(p256_key: PrivateKey) -> Issuer:
    return Issuer(p256_key, key_pair_id=KEY_PAIR_ID, clock=lambda: NOW)


def decide(key: PrivateKey, url: str, cookies: str = "", **rules: object) -> Verdict:
    assumptions = Assumptions(**rules)  # type: ignore[arg-type]  # names of fields, checked there
    group = TrustedKeyGroup({KEY_PAIR_ID: key.public_key()})
    return Verifier([group], assumptions=assumptions).verify(ViewerRequest(url, cookies), now=NOW)


def test_cookies_carry_start_and_address(issuer: Issuer) -> None:
    cookies = issuer.signed_cookies(
        f"{HOST}/films/*", expires_in=60, date_greater_than=NOW - 9, ip_address="192.0.2.1"
    )
    document = json.loads(decode_base64(cookies["CloudFront-Policy"]))
    assert document["Statement"][0]["Condition"] == {
        "DateLessThan": {"AWS:EpochTime": NOW + 60},
        "DateGreaterThan": {"AWS:EpochTime": NOW - 9},
        "IpAddress": {"AWS:SourceIp": "192.0.2.1/32"},
    }


def test_cookies_for_an_entire_distribution_need_the_opt_in(issuer: Issuer) -> None:
    with pytest.raises(ResourceError) as caught:
        issuer.signed_cookies(f"{HOST}/*", expires_in=60)
    assert caught.value.code == "resource_too_broad"
    assert issuer.signed_cookies(f"{HOST}/*", expires_in=60, allow_entire_distribution=True)


@pytest.mark.parametrize(("life", "refused"), [(1, None), (0, "time_past"), (-1, "time_past")])
def test_one_second_is_a_life(issuer: Issuer, life: int, refused: str | None) -> None:
    if refused is None:
        assert issuer.signed_url(f"{HOST}/a", expires_in=life)
        return
    with pytest.raises(PolicyError) as caught:
        issuer.signed_url(f"{HOST}/a", expires_in=life)
    assert caught.value.code == refused


def test_max_lifetime_itself_is_allowed(p256_key: PrivateKey) -> None:
    short = Issuer(
        p256_key,
        key_pair_id=KEY_PAIR_ID,
        max_lifetime=timedelta(seconds=1),
        clock=lambda: NOW,
    )
    assert short.signed_url(f"{HOST}/a", expires_in=1)
    with pytest.raises(PolicyError):
        short.signed_url(f"{HOST}/a", expires_in=2)


@pytest.mark.parametrize("second", ["Expires=1800000060", "Expires=5"])
def test_a_second_expiry_is_named_as_the_duplicate(
    issuer: Issuer, p256_key: PrivateKey, second: str
) -> None:
    verdict = decide(p256_key, f"{issuer.signed_url(f'{HOST}/a', expires_in=60)}&{second}")
    assert (verdict.code, verdict.failed_step) == ("MalformedPolicy", "policy readable")
    assert verdict.reason == "duplicate"


def test_reading_leniently_does_not_forget_earlier_assumptions(p256_key: PrivateKey) -> None:
    """Both assumptions are named, whichever was needed first."""
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Condition": {"DateLessThan": {"AWS:EpochTime": NOW + 60}}}],
    }
    encoded = encode_base64(json.dumps(policy).encode())
    url = f"{HOST}/a?Policy={encoded}&Expires=1&Signature=AAAA&Key-Pair-Id={KEY_PAIR_ID}"
    assert {"policy_before_expires", "extra_members"} <= set(decide(p256_key, url).assumptions)


def test_an_escaped_delimiter_that_is_not_accepted_is_a_syntax_error(
    issuer: Issuer, p256_key: PrivateKey
) -> None:
    policy = Policy(f"{HOST}/a?x=1", date_less_than=NOW + 60, escape_query_delimiter=True)
    url = issuer.sign(policy).url(f"{HOST}/a?x=1")
    assert decide(p256_key, url).allowed
    verdict = decide(p256_key, url, escaped_query_delimiter=False)
    assert verdict.reason == "resource_syntax"
    assert verdict.match is not None
    assert verdict.match.matched is False


@pytest.mark.parametrize(("accepted", "allowed"), [(True, True), (False, False)])
def test_http_star_is_an_assumption_for_cookies_too(
    issuer: Issuer, p256_key: PrivateKey, accepted: bool, allowed: bool
) -> None:
    cookies = issuer.signed_cookies(
        "http*://cdn.example.com/films/*", expires_in=60, allow_entire_distribution=True
    )
    for scheme in ("http", "https"):
        url = f"{scheme}://cdn.example.com/films/a"
        verdict = decide(p256_key, url, cookies.header(), http_star_protocol=accepted)
        assert verdict.allowed == allowed


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("http_star", [True, False])
def test_plain_protocols_match_for_cookies_with_and_without_http_star(
    scheme: str, http_star: bool
) -> None:
    url = f"{scheme}://cdn.example.com/films/a"
    assert match_cookie_resource(url, url, http_star=http_star).matched
    other = match_cookie_resource(url, url.replace("/films", ":/films"), http_star=http_star)
    assert not other.matched


@pytest.mark.parametrize("url", ["httpx://cdn.example.com/a", "http:x://cdn.example.com/a", "http"])
def test_http_star_covers_no_other_protocol(url: str) -> None:
    assert not match_cookie_resource("http*://cdn.example.com/*", url).matched
    assert not match_cookie_resource("http*", url).matched


@pytest.mark.parametrize(
    ("header", "pairs"),
    [
        ("a=1; b=2", [("a", "1"), ("b", "2")]),
        ("a=1;\tb=2 ", [("a", "1"), ("b", "2")]),
        ("a=1\n;b=2\x0b", [("a", "1\n"), ("b", "2\x0b")]),
        ("Xa=1X; X", [("Xa", "1X"), ("X", "")]),
    ],
)
def test_only_spaces_and_tabs_are_stripped_around_a_cookie(
    header: str, pairs: list[tuple[str, str]]
) -> None:
    assert cookie_pairs(header) == pairs


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.255", "[::1]", "[2001:db8::1]"])
def test_addresses_are_hosts(host: str) -> None:
    assert wire_url(f"https://{host}:8443/a") == f"https://{host}:8443/a"


@pytest.mark.parametrize("host", ["[", "[]", "[::1", "[::1]x", "[X]"])
def test_half_an_address_is_no_host(host: str) -> None:
    with pytest.raises(UrlError):
        wire_url(f"https://{host}/a")


def test_an_object_key_keeps_what_is_unreserved_and_nothing_else() -> None:
    assert object_key_path("X-._~/aX") == "/X-._~/aX"
    assert object_key_path("a:b@c!d$e&f'g(h)i,j;k=l") == (
        "/a%3Ab%40c%21d%24e%26f%27g%28h%29i%2Cj%3Bk%3Dl"
    )


@pytest.mark.parametrize("extra", [0, 1])
def test_the_quick_way_of_a_shared_signature_keeps_the_length_limit(
    issuer: Issuer, extra: int
) -> None:
    """The limit counts for the signed URL, and for the URL alone in its own words."""
    signed = issuer.sign(Policy(f"{HOST}/films/*", date_less_than=NOW + 60))
    base = f"{HOST}/films/"
    room = MAX_URL_BYTES - len(signed.url(base))
    if extra == 0:
        assert len(signed.url(base + "a" * room)) == MAX_URL_BYTES
        return
    with pytest.raises(UrlError) as caught:
        signed.url(base + "a" * (room + extra))
    assert caught.value.evidence["length"] == MAX_URL_BYTES + extra


@pytest.mark.parametrize("character", ["{", "\u00e9", "a b", "|"])
def test_the_quick_way_of_a_shared_signature_takes_plain_paths_only(
    issuer: Issuer, character: str
) -> None:
    signed = issuer.sign(Policy(f"{HOST}/films/*", date_less_than=NOW + 60))
    assert character not in signed.url(f"{HOST}/films/{character}")


@pytest.mark.parametrize("segment", ["%2e%2e", "%2E%2e", ".%2e", "%2e"])
def test_a_shared_signature_does_not_let_a_dot_segment_through(
    issuer: Issuer, segment: str
) -> None:
    """The pattern may end inside an encoded dot segment; the quick way must not skip the look."""
    signed = issuer.sign(Policy(f"{HOST}/films/{segment}*", date_less_than=NOW + 60))
    with pytest.raises(UrlError) as caught:
        signed.url(f"{HOST}/films/{segment}/private.mp4")
    assert caught.value.code == "url_dot_segment"


@pytest.mark.parametrize(
    ("condition", "allowed"), [("203.0.113.0/24", True), ("203.0.113.9", False), ("/24", False)]
)
def test_an_address_without_a_mask_is_an_assumption(condition: str, allowed: bool) -> None:
    key = PrivateKey.generate()
    policy = {
        "Statement": [
            {
                "Resource": f"{HOST}/a",
                "Condition": {
                    "DateLessThan": {"AWS:EpochTime": NOW + 60},
                    "IpAddress": {"AWS:SourceIp": condition},
                },
            }
        ]
    }
    issuer = Issuer(key, key_pair_id=KEY_PAIR_ID, clock=lambda: NOW)
    verdict = verdict_on(json.dumps(policy), key, issuer)
    assert verdict.allowed == allowed
    assert ("bare_ip_is_one_host" in verdict.assumptions) == ("/" not in condition)


def verdict_on(policy: str, key: PrivateKey, issuer: Issuer) -> Verdict:
    """Sign any text by hand, as another signer might."""
    signature = encode_base64(key.sign(policy.encode(), issuer.hash_algorithm))
    url = (
        f"{HOST}/a?Policy={encode_base64(policy.encode())}&Signature={signature}"
        f"&Key-Pair-Id={KEY_PAIR_ID}&Hash-Algorithm=SHA256"
    )
    group = TrustedKeyGroup({KEY_PAIR_ID: key.public_key()})
    return Verifier([group]).verify(ViewerRequest(url, ip="203.0.113.9"), now=NOW)


@pytest.mark.parametrize(
    ("moment", "named"),
    [(-1, False), (0, True), (0.5, True), (0.999, True), (1, False), (1.5, False), (2, False)],
)
@pytest.mark.parametrize("skew", [0, 30])
def test_the_last_second_is_named_when_it_decides(
    p256_key: PrivateKey, issuer: Issuer, moment: float, named: bool, skew: int
) -> None:
    url = issuer.signed_url(f"{HOST}/a", expires_in=60)
    group = TrustedKeyGroup({KEY_PAIR_ID: p256_key.public_key()})
    verifier = Verifier([group], assumptions=Assumptions(clock_skew_seconds=skew))
    verdict = verifier.verify(ViewerRequest(url), now=NOW + 60 + skew + moment)
    assert ("last_second_denied" in verdict.assumptions) == named


@pytest.mark.parametrize(
    "error",
    [
        ResourceError("code", "message", advice="advice"),
        PolicyError("code", "message", advice="advice"),
    ],
)
def test_advice_follows_the_message(error: SignerError) -> None:
    assert str(error) == "message; advice"
