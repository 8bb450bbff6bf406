from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import pytest

from signer.encoding import decode_base64
from signer.errors import (
    InputError,
    KeyPairIdError,
    PolicyError,
    ResourceError,
)
from signer.issuer import Issuer
from signer.keys import HashAlgorithm
from signer.policy import Policy, canned_policy_text
from tests.recording_key import RecordingKey

HOST = "https://cdn.example.com"
URL = f"{HOST}/films/a.mp4"
FOLDER = f"{HOST}/films/*"
KEY_ID = "K2JCJMDEHXQW5F"
NOW = 1_800_000_000


@pytest.fixture(params=["rsa_key", "p256_key"])
def key(request: pytest.FixtureRequest) -> RecordingKey:
    return RecordingKey(request.getfixturevalue(request.param))


@pytest.fixture
def issuer(key: RecordingKey) -> Issuer:
    return Issuer(key, key_pair_id=KEY_ID, clock=lambda: NOW + 0.9)


def parameters(url: str) -> list[tuple[str, str]]:
    return parse_qsl(url.partition("?")[2], keep_blank_values=True)


def test_a_canned_url_is_the_url_with_cloudfronts_parameters(
    issuer: Issuer, key: RecordingKey
) -> None:
    signed = issuer.signed_url(f"{URL}?b=2&a=1", expires_in=60)
    assert signed.startswith(f"{URL}?b=2&a=1&Expires={NOW + 60}&Signature=")
    assert [name for name, _ in parameters(signed)] == [
        "b",
        "a",
        "Expires",
        "Signature",
        "Key-Pair-Id",
        "Hash-Algorithm",
    ]
    values = dict(parameters(signed))
    assert (values["Key-Pair-Id"], values["Hash-Algorithm"]) == (KEY_ID, "SHA256")
    text = canned_policy_text(f"{URL}?b=2&a=1", NOW + 60)
    assert key.calls == [(text.encode(), HashAlgorithm.SHA256)]
    assert text == Policy(f"{URL}?b=2&a=1", date_less_than=NOW + 60).to_json()


def test_sha1_is_signed_when_named_and_not_marked(key: RecordingKey) -> None:
    issuer = Issuer(key, key_pair_id=KEY_ID, hash_algorithm=HashAlgorithm.SHA1, clock=lambda: NOW)
    signed = issuer.signed_url(URL, expires_in=60)
    assert [name for name, _ in parameters(signed)] == ["Expires", "Signature", "Key-Pair-Id"]
    assert key.calls[0][1] is HashAlgorithm.SHA1
    assert "CloudFront-Hash-Algorithm" not in issuer.signed_cookies(FOLDER, expires_in=60)


def test_what_is_returned_is_what_was_signed(issuer: Issuer, key: RecordingKey) -> None:
    signed = issuer.signed_url("HTTPS://CDN.example.com:443/my film.mp4?q='x'", expires_in=60)
    wire = f"{HOST}/my%20film.mp4?q=%27x%27"
    assert signed.startswith(f"{wire}&Expires=")
    assert json.loads(key.calls[0][0])["Statement"][0]["Resource"] == wire


@pytest.mark.parametrize(
    ("arguments", "condition"),
    [
        ({"date_greater_than": NOW - 60}, {"DateGreaterThan": {"AWS:EpochTime": NOW - 60}}),
        ({"ip_address": "192.0.2.1"}, {"IpAddress": {"AWS:SourceIp": "192.0.2.1/32"}}),
        ({"resource": FOLDER}, {}),
    ],
)
def test_a_start_an_address_or_a_pattern_make_it_custom(
    issuer: Issuer, key: RecordingKey, arguments: dict[str, object], condition: dict[str, object]
) -> None:
    signed = issuer.signed_url(URL, expires_in=60, **arguments)  # type: ignore[arg-type]
    values = dict(parameters(signed))
    assert list(values) == ["Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"]
    text = decode_base64(values["Policy"])
    assert key.calls == [(text, HashAlgorithm.SHA256)]
    assert json.loads(text) == {
        "Statement": [
            {
                "Resource": arguments.get("resource", URL),
                "Condition": {"DateLessThan": {"AWS:EpochTime": NOW + 60}, **condition},
            }
        ]
    }


def test_the_url_itself_as_resource_stays_canned(issuer: Issuer) -> None:
    signed = issuer.signed_url(f"{URL}?q='", expires_in=60, resource=f"{HOST}/films/a.mp4?q='")
    assert f"?q=%27&Expires={NOW + 60}&" in signed


@pytest.mark.parametrize(
    "resource",
    [
        f"{HOST}/other/*",
        "https://cdn.example.org/films/*",
        "http://cdn.example.com/films/*",
        f"{URL}?a=1",
    ],
)
def test_a_resource_must_cover_the_url(issuer: Issuer, key: RecordingKey, resource: str) -> None:
    with pytest.raises(ResourceError) as caught:
        issuer.signed_url(URL, expires_in=60, resource=resource)
    assert caught.value.code == "resource_mismatch"
    assert caught.value.evidence["section"] in {"protocol", "domain", "path", "query"}
    assert key.calls == []


def test_an_entire_distribution_can_be_opened_by_name(issuer: Issuer) -> None:
    for resource in ("*", f"{HOST}/*"):
        with pytest.raises(ResourceError) as caught:
            issuer.signed_url(URL, expires_in=60, resource=resource)
        assert caught.value.code == "resource_too_broad"
        signed = issuer.signed_url(
            URL, expires_in=60, resource=resource, allow_entire_distribution=True
        )
        assert "Policy=" in signed
    cookies = issuer.signed_cookies(f"{HOST}/*", expires_in=60, allow_entire_distribution=True)
    assert "; Path=/;" in cookies.set_cookie_headers()[0]


@pytest.mark.parametrize(
    ("arguments", "end"),
    [
        ({"expires_in": 1}, NOW + 1),
        ({"expires_in": timedelta(hours=1)}, NOW + 3600),
        ({"expires_in": timedelta(seconds=1.9)}, NOW + 1),
        ({"expires_in": timedelta(days=7)}, NOW + 604_800),
        ({"date_less_than": NOW + 1}, NOW + 1),
        ({"date_less_than": datetime(2027, 1, 15, 9, tzinfo=UTC)}, NOW + 3600),
        ({"date_less_than": NOW + 604_800}, NOW + 604_800),
    ],
)
def test_the_end_is_counted_from_the_clocks_second(
    issuer: Issuer, arguments: dict[str, object], end: int
) -> None:
    signed = issuer.signed_url(URL, **arguments)  # type: ignore[arg-type]  # from a table
    assert f"?Expires={end}&" in signed
    cookies = issuer.signed_cookies(URL, **arguments)  # type: ignore[arg-type]  # from a table
    assert cookies["CloudFront-Expires"] == str(end)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({}, "time_missing"),
        ({"expires_in": 60, "date_less_than": NOW + 60}, "time_ambiguous"),
        ({"expires_in": 0}, "time_past"),
        ({"expires_in": -1}, "time_past"),
        ({"expires_in": timedelta(seconds=0.9)}, "time_past"),
        ({"expires_in": -(10**5000)}, "time_past"),
        ({"expires_in": timedelta.min}, "time_past"),
        ({"date_less_than": NOW}, "time_past"),
        ({"date_less_than": 1}, "time_past"),
        ({"expires_in": 604_801}, "time_lifetime"),
        ({"expires_in": timedelta(days=7, seconds=1)}, "time_lifetime"),
        ({"expires_in": timedelta.max}, "time_lifetime"),
        ({"expires_in": 10**400}, "time_lifetime"),
        ({"expires_in": 10**5000}, "time_lifetime"),
        ({"date_less_than": NOW + 604_802}, "time_lifetime"),
        ({"expires_in": True}, "time_type"),
        ({"expires_in": 60.0}, "time_type"),
        ({"expires_in": "60"}, "time_type"),
        ({"expires_in": float("nan")}, "time_type"),
        ({"date_less_than": datetime(2027, 1, 15, 9)}, "time_naive"),  # noqa: DTZ001 - refused
        ({"date_less_than": (NOW + 60) * 1000}, "time_milliseconds"),
        ({"date_less_than": 0}, "time_range"),
    ],
    ids=lambda value: ascii(value)[:40] if not isinstance(value, dict) else ",".join(value),
)
def test_an_unsound_end_is_refused_before_signing(
    issuer: Issuer, key: RecordingKey, arguments: dict[str, object], code: str
) -> None:
    with pytest.raises(PolicyError) as caught:
        issuer.signed_url(URL, **arguments)  # type: ignore[arg-type]  # hostile
    assert caught.value.code == code
    with pytest.raises(PolicyError) as caught:
        issuer.signed_cookies(FOLDER, **arguments)  # type: ignore[arg-type]  # hostile
    assert caught.value.code == code
    assert key.calls == []


def test_a_finished_policy_is_held_to_the_same_ends(issuer: Issuer, key: RecordingKey) -> None:
    for end, code in ((NOW, "time_past"), (NOW + 604_802, "time_lifetime")):
        with pytest.raises(PolicyError) as caught:
            issuer.sign(Policy(FOLDER, date_less_than=end))
        assert caught.value.code == code
    assert key.calls == []
    assert issuer.sign(Policy(FOLDER, date_less_than=NOW + 1)).policy.end == NOW + 1


def test_the_longest_life_is_the_issuers_own(key: RecordingKey) -> None:
    issuer = Issuer(key, key_pair_id=KEY_ID, max_lifetime=timedelta(minutes=1), clock=lambda: NOW)
    assert issuer.signed_url(URL, expires_in=60)
    with pytest.raises(PolicyError) as caught:
        issuer.signed_url(URL, expires_in=61)
    assert caught.value.evidence["max_lifetime"] == 60
    assert issuer.max_lifetime == timedelta(minutes=1)


@pytest.mark.parametrize(
    "max_lifetime",
    [
        timedelta(0),
        timedelta(seconds=0.5),
        timedelta(days=-1),
        timedelta(days=36526),
        timedelta.max,
        3600,
        None,
    ],
)
def test_a_longest_life_is_sound(key: RecordingKey, max_lifetime: object) -> None:
    with pytest.raises(InputError) as caught:
        Issuer(key, key_pair_id=KEY_ID, max_lifetime=max_lifetime)  # type: ignore[arg-type]
    assert caught.value.code == "max_lifetime"


@pytest.mark.parametrize("hash_algorithm", ["SHA256", "SHA1", None, "SHA512"])
def test_a_hash_is_named_by_its_enum(key: RecordingKey, hash_algorithm: object) -> None:
    with pytest.raises(InputError) as caught:
        Issuer(key, key_pair_id=KEY_ID, hash_algorithm=hash_algorithm)  # type: ignore[arg-type]
    assert caught.value.code == "hash_algorithm"


@pytest.mark.parametrize(
    "key_pair_id", ["K", "K2JCJMDEHXQW5F", "KDFB19YGCR002", "APKA9ONS7QCOWEXAMPLE", "0"]
)
def test_key_pair_ids_of_all_lengths_are_taken(key: RecordingKey, key_pair_id: str) -> None:
    assert Issuer(key, key_pair_id=key_pair_id).key_pair_id == key_pair_id


@pytest.mark.parametrize(
    ("key_pair_id", "code"),
    [
        ("e9fcd3cf-f3f4-4b61-bd85-9ba9e091b309", "key_pair_id_other"),
        ("AKIAIOSFODNN7EXAMPLE", "key_pair_id_other"),
        ("ASIAIOSFODNN7EXAMPLE", "key_pair_id_other"),
        ("EDFDVBD6EXAMPLE"[:14], "key_pair_id_other"),
        ("E2QWRUHAPOMQZL", "key_pair_id_other"),
        ("", "key_pair_id"),
        ("k2jcjmdehxqw5f", "key_pair_id"),
        ("K2JCJMDEHXQW5F ", "key_pair_id"),
        ("K&Policy=x", "key_pair_id"),
        ("K" * 65, "key_pair_id"),
        (None, "key_pair_id"),
        (b"K2JCJMDEHXQW5F", "key_pair_id"),
    ],
)
def test_what_is_no_key_pair_id_is_refused(
    key: RecordingKey, key_pair_id: object, code: str
) -> None:
    with pytest.raises(KeyPairIdError) as caught:
        Issuer(key, key_pair_id=key_pair_id)  # type: ignore[arg-type]  # hostile
    assert caught.value.code == code


def test_the_repr_names_identity_only(issuer: Issuer, key: RecordingKey) -> None:
    assert repr(issuer) == f"Issuer({KEY_ID}, {key.algorithm.value}, SHA256)"
    signed = issuer.sign(Policy(FOLDER, date_less_than=NOW + 60))
    assert KEY_ID in repr(signed)
    assert signed.signature not in repr(signed)
