from __future__ import annotations

import json
from typing import Literal

import pytest

from signer.encoding import encode_base64
from signer.issuer import Issuer
from signer.keys import HashAlgorithm, PrivateKey
from signer.policy import Policy
from signer.verdict import Verdict
from signer.verifier import TrustedKeyGroup, Verifier
from signer.viewer_request import ViewerRequest

URL = "https://cdn.example.com/films/a.mp4"
HOST = "https://cdn.example.com"
KEY_ID = "K2JCJMDEHXQW5F"

# Around leap days, the ends of summer time, the turn of a year, 32 bits: seconds are seconds.
INSTANTS = [
    1_800_000_000,
    1_835_395_200,  # 2028-02-29
    1_835_481_600,  # 2028-03-01
    1_806_195_600,  # summer time begins in Europe, 2027-03-28
    1_825_029_000,  # and ends
    1_830_297_600,  # 2028-01-01
    1_483_228_800,  # behind the leap second of 2016
    2_147_483_646,
]


@pytest.fixture(params=["rsa_key", "p256_key"])
def key(request: pytest.FixtureRequest) -> PrivateKey:
    made: PrivateKey = request.getfixturevalue(request.param)
    return made


@pytest.fixture
def verifier(key: PrivateKey) -> Verifier:
    return Verifier([TrustedKeyGroup({KEY_ID: key.public_key()})])


def requests_for(issuer: Issuer, policy: Policy, transport: str, ip: str | None) -> ViewerRequest:
    signed = issuer.sign(policy)
    if transport == "url":
        return ViewerRequest(signed.url(URL), ip=ip)
    return ViewerRequest(URL, signed.cookies().header(), ip=ip)


@pytest.mark.parametrize("instant", INSTANTS)
@pytest.mark.parametrize("transport", ["url", "cookies"])
@pytest.mark.parametrize("hash_algorithm", list(HashAlgorithm))
def test_access_lasts_from_after_the_start_until_before_the_end(
    key: PrivateKey,
    verifier: Verifier,
    transport: Literal["url", "cookies"],
    hash_algorithm: HashAlgorithm,
    instant: int,
) -> None:
    issuer = Issuer(
        key, key_pair_id=KEY_ID, hash_algorithm=hash_algorithm, clock=lambda: instant - 100
    )
    start, end = instant - 10, instant
    policy = Policy(URL, date_less_than=end, date_greater_than=start)
    asked = requests_for(issuer, policy, transport, None)
    decided = {
        start - 1: "not_yet_valid",
        start - 0.001: "not_yet_valid",
        start: "not_yet_valid",
        start + 0.999: "not_yet_valid",
        start + 1: "allowed",
        end - 1: "allowed",
        end - 0.001: "allowed",
        end: "expired",
        end + 0.5: "expired",
        end + 1: "expired",
    }
    assert {now: verifier.verify(asked, now=now).reason for now in decided} == decided
    for now, reason in decided.items():
        verdict = verifier.verify(asked, now=now)
        assert verdict.code == (None if reason == "allowed" else "AccessDenied")
        assert verdict.failed_step == (None if reason == "allowed" else "dates")


@pytest.mark.parametrize("instant", INSTANTS)
@pytest.mark.parametrize("transport", ["url", "cookies"])
def test_a_canned_policy_ends_at_its_second(
    key: PrivateKey, verifier: Verifier, transport: str, instant: int
) -> None:
    issuer = Issuer(key, key_pair_id=KEY_ID, clock=lambda: instant - 60)
    asked = requests_for(issuer, Policy(URL, date_less_than=instant), transport, None)
    assert verifier.verify(asked, now=0).allowed
    assert verifier.verify(asked, now=instant - 1).allowed
    assert verifier.verify(asked, now=instant - 0.001).allowed
    assert verifier.verify(asked, now=instant).reason == "expired"
    assert verifier.verify(asked, now=instant + 1).reason == "expired"


def judge(key: PrivateKey, condition: dict[str, object], ip: str | None, now: int) -> Verdict:
    """Sign conditions that our own issuer would not make."""
    statement = {
        "Resource": URL,
        "Condition": {"DateLessThan": {"AWS:EpochTime": 2000}, **condition},
    }
    text = json.dumps({"Statement": [statement]}).encode()
    url = (
        f"{URL}?Policy={encode_base64(text)}&Hash-Algorithm=SHA256&Key-Pair-Id={KEY_ID}"
        f"&Signature={encode_base64(key.sign(text, HashAlgorithm.SHA256))}"
    )
    verifier = Verifier([TrustedKeyGroup({KEY_ID: key.public_key()})])
    return verifier.verify(ViewerRequest(url, ip=ip), now=now)


@pytest.mark.parametrize(
    ("end", "start", "reason"),
    [
        (1001, None, "allowed"),
        (0, None, "expired"),
        (-1, None, "date_range"),
        (2000, -1, "date_range"),
        (2000, 0, "allowed"),
        (9_223_372_036, None, "allowed"),
        (9_223_372_037, None, "date_range"),
        (2000, 9_223_372_037, "date_range"),
        (2_000_000, 1_000, "not_yet_valid"),
        (1_000, 2_000, "expired"),
        (2**63 - 1, None, "date_range"),
        (2**63, None, "policy_date"),
        (10**400, None, "policy_date"),
        (-(10**400), None, "policy_date"),
    ],
)
def test_dates_of_other_signers(key: PrivateKey, end: int, start: int | None, reason: str) -> None:
    condition: dict[str, object] = {"DateLessThan": {"AWS:EpochTime": end}}
    if start is not None:
        condition["DateGreaterThan"] = {"AWS:EpochTime": start}
    assert judge(key, condition, None, 1000).reason == reason


@pytest.mark.parametrize(
    ("condition", "ip", "reason"),
    [
        ("192.0.2.0/24", "192.0.2.0", "allowed"),
        ("192.0.2.0/24", "192.0.2.255", "allowed"),
        ("192.0.2.0/24", "192.0.3.0", "ip_mismatch"),
        ("192.0.2.0/24", "192.0.1.255", "ip_mismatch"),
        ("192.0.2.7/24", "192.0.2.1", "allowed"),
        ("192.0.2.1/32", "192.0.2.1", "allowed"),
        ("192.0.2.1/32", "192.0.2.2", "ip_mismatch"),
        ("0.0.0.0/0", "203.0.113.9", "allowed"),
        ("0.0.0.0/0", "2001:db8::1", "ip_mismatch"),
        ("0.0.0.0/0", None, "ip_unknown"),
        ("0.0.0.0/0", "", "ip_unknown"),
        ("0.0.0.0/0", "192.0.2.1, 198.51.100.1", "ip_mismatch"),
        ("0.0.0.0/0", "192.0.2.1:4711", "ip_mismatch"),
        ("0.0.0.0/0", "localhost", "ip_mismatch"),
        ("192.0.2.0/24", "::ffff:192.0.2.1", "ip_mismatch"),
        ("2001:db8::/32", "2001:db8::1", "ip_mismatch"),
        ("::/0", "192.0.2.1", "ip_mismatch"),
        ("192.0.2.1", "192.0.2.1", "ip_mismatch"),
        ("192.0.2.0/", "192.0.2.1", "ip_mismatch"),
        ("192.0.2.0/33", "192.0.2.1", "ip_mismatch"),
        ("192.0.2.0/-1", "192.0.2.1", "ip_mismatch"),
        ("192.0.2.0/\u0662\u0664", "192.0.2.1", "ip_mismatch"),
        ("192.0.2.0/255.255.255.0", "192.0.2.1", "ip_mismatch"),
        ("192.0.2.0/24/24", "192.0.2.1", "ip_mismatch"),
        ("192.0.2.0/" + "9" * 5000, "192.0.2.1", "ip_mismatch"),
        ("192.0.2/24", "192.0.2.1", "ip_mismatch"),
        ("*", "192.0.2.1", "ip_mismatch"),
        ("/0", "192.0.2.1", "ip_mismatch"),
        ("", "192.0.2.1", "ip_mismatch"),
    ],
)
def test_the_viewers_address(key: PrivateKey, condition: str, ip: str | None, reason: str) -> None:
    verdict = judge(key, {"IpAddress": {"AWS:SourceIp": condition}}, ip, 1000)
    assert verdict.reason == reason
    assert verdict.failed_step == (None if reason == "allowed" else "viewer ip")


@pytest.mark.parametrize("transport", ["url", "cookies"])
def test_an_issued_range_is_kept(key: PrivateKey, verifier: Verifier, transport: str) -> None:
    issuer = Issuer(key, key_pair_id=KEY_ID, clock=lambda: 1000)
    policy = Policy(URL, date_less_than=2000, ip_address="192.0.2.1")
    for ip, reason in (
        ("192.0.2.1", "allowed"),
        ("192.0.2.2", "ip_mismatch"),
        (None, "ip_unknown"),
    ):
        asked = requests_for(issuer, policy, transport, ip)
        assert verifier.verify(asked, now=1000).reason == reason


@pytest.mark.parametrize(
    "path",
    [
        "/films/../other/a.mp4",
        "/films/./a.mp4",
        "/films/..",
        "/films/%2e%2e/other/a.mp4",
        "/films/.%2E/other/a.mp4",
        "/films/%2e/a.mp4",
        "/films/..%2fother/a.mp4",
        "/films/a%2F..%2F..%2Fother",
        "/films/..\\other",
        "/films/..%5Cother",
    ],
)
@pytest.mark.parametrize("transport", ["url", "cookies"])
def test_a_wildcard_does_not_cover_a_way_out(
    key: PrivateKey, verifier: Verifier, transport: str, path: str
) -> None:
    issuer = Issuer(key, key_pair_id=KEY_ID, clock=lambda: 1000)
    signed = issuer.sign(Policy(f"{HOST}/films/*", date_less_than=2000))
    query = signed.url(URL).partition("?")[2]
    if transport == "url":
        asked = ViewerRequest(f"{HOST}{path}?{query}")
    else:
        asked = ViewerRequest(f"{HOST}{path}", signed.cookies())
    verdict = verifier.verify(asked, now=1000)
    assert (verdict.code, verdict.reason) == ("AccessDenied", "dot_segment")


@pytest.mark.parametrize(
    "path", ["/films/...", "/films/.hidden", "/films/a..b", "/films/%2e%2ea", "/films/a?/../b"]
)
def test_dots_that_are_no_segment_are_only_dots(
    key: PrivateKey, verifier: Verifier, path: str
) -> None:
    issuer = Issuer(key, key_pair_id=KEY_ID, clock=lambda: 1000)
    cookies = issuer.signed_cookies(f"{HOST}/films/*", expires_in=60)
    assert verifier.verify(ViewerRequest(HOST + path, cookies), now=1000).allowed


@pytest.mark.parametrize("url", [f"{HOST}/films/*", f"{HOST}/films/a?b=*", f"{HOST}/a\\?b=1"])
def test_a_custom_policy_is_not_taken_for_a_canned_one(
    key: PrivateKey, verifier: Verifier, url: str
) -> None:
    # Its text can equal the canned policy of a URL that has the wildcard in it, letter by letter.
    text = f'{{"Statement":[{{"Resource":"{url}","Condition":{{"DateLessThan":{{"AWS:EpochTime":2000}}}}}}]}}'
    signature = encode_base64(key.sign(text.encode(), HashAlgorithm.SHA256))
    query = f"Expires=2000&Signature={signature}&Key-Pair-Id={KEY_ID}&Hash-Algorithm=SHA256"
    delimiter = "&" if "?" in url else "?"
    verdict = verifier.verify(ViewerRequest(f"{url}{delimiter}{query}"), now=1000)
    assert (verdict.code, verdict.reason) == ("AccessDenied", "wildcard_in_canned")
