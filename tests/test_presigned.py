"""The issuer where a botocore ``CloudFrontSigner`` stood."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from signer.encoding import decode_base64
from signer.errors import InputError, PolicyError, ResourceError
from signer.issuer import Issuer
from signer.keys import PrivateKey
from tests.recording_key import RecordingKey

URL = "https://cdn.example.com/films/a.mp4"
KEY_ID = "K2JCJMDEHXQW5F"
NOW = 1_800_000_000
END = datetime.fromtimestamp(NOW + 60, UTC)


@pytest.fixture
def key(p256_key: PrivateKey) -> RecordingKey:
    return RecordingKey(p256_key)


@pytest.fixture
def issuer(key: RecordingKey) -> Issuer:
    return Issuer(key, key_pair_id=KEY_ID, clock=lambda: NOW)


def document(resource: str | None, end: int = NOW + 60, **condition: object) -> str:
    statement = {"Condition": {"DateLessThan": {"AWS:EpochTime": end}, **condition}}
    named = statement if resource is None else {"Resource": resource, **statement}
    return json.dumps({"Statement": [named]}, indent=2)


def test_a_date_makes_a_canned_url(issuer: Issuer) -> None:
    signed = issuer.generate_presigned_url(URL, date_less_than=END)
    assert signed.startswith(f"{URL}?Expires={NOW + 60}&Signature=")
    assert f"&Key-Pair-Id={KEY_ID}" in signed


@pytest.mark.parametrize("as_bytes", [False, True])
def test_a_policy_is_read_and_written_anew(issuer: Issuer, as_bytes: bool) -> None:
    text = document(
        r"https://cdn.example.com/films/*\?x=?",
        IpAddress={"AWS:SourceIp": "192.0.2.1"},
        DateGreaterThan={"AWS:EpochTime": NOW - 1},
    )
    policy = text.encode() if as_bytes else text
    signed = issuer.generate_presigned_url(f"{URL}?x=1", policy=policy)
    sent = decode_base64(signed.partition("Policy=")[2].partition("&")[0])
    assert b" " not in sent
    assert json.loads(sent) == {
        "Statement": [
            {
                "Resource": "https://cdn.example.com/films/*?x=?",
                "Condition": {
                    "DateLessThan": {"AWS:EpochTime": NOW + 60},
                    "DateGreaterThan": {"AWS:EpochTime": NOW - 1},
                    "IpAddress": {"AWS:SourceIp": "192.0.2.1/32"},
                },
            }
        ]
    }


def test_a_policy_that_is_canned_in_substance_is_sent_as_one(issuer: Issuer) -> None:
    signed = issuer.generate_presigned_url(URL, policy=document(URL))
    assert f"?Expires={NOW + 60}&" in signed


@pytest.mark.parametrize(
    ("policy", "error", "code"),
    [
        ("", PolicyError, "policy_json"),
        ("\ud800", PolicyError, "policy_json"),
        (b"\xff", PolicyError, "policy_json"),
        ('{"Statement":[]}', PolicyError, "policy_statements"),
        (document(None), ResourceError, "resource_missing"),
        (document("*"), ResourceError, "resource_too_broad"),
        (document("https://cdn.example.com/other/*"), ResourceError, "resource_mismatch"),
        (document('https://cdn.example.com/"*'), ResourceError, "url_quote"),
        (document(URL, NOW), PolicyError, "time_past"),
        (document(URL, NOW + 10**7), PolicyError, "time_lifetime"),
        (document(URL, (NOW + 60) * 1000), PolicyError, "time_milliseconds"),
        (document(URL, IpAddress={"AWS:SourceIp": "::/0"}), PolicyError, "ip_version"),
        (document(URL, Effect="Allow"), PolicyError, "policy_members"),
    ],
)
def test_an_unsound_policy_is_refused_before_signing(
    issuer: Issuer, key: RecordingKey, policy: str | bytes, error: type[InputError], code: str
) -> None:
    with pytest.raises(error) as caught:
        issuer.generate_presigned_url(URL, policy=policy)
    assert caught.value.code == code
    assert key.calls == []


def test_a_date_and_a_policy_are_not_given_together(issuer: Issuer) -> None:
    for arguments in ({}, {"date_less_than": END, "policy": document(URL)}):
        with pytest.raises(PolicyError) as caught:
            issuer.generate_presigned_url(URL, **arguments)  # type: ignore[arg-type]
        assert caught.value.code == "time_ambiguous"


def test_a_naive_date_is_refused_though_botocore_takes_it(issuer: Issuer) -> None:
    with pytest.raises(PolicyError) as caught:
        issuer.generate_presigned_url(URL, date_less_than=END.replace(tzinfo=None))
    assert caught.value.code == "time_naive"
