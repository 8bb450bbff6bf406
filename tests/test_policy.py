from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signer.errors import PolicyError, ResourceError
from signer.policy import (
    Policy,
    canned_policy_text,
    decode_policy,
    epoch_seconds,
    ipv4_range,
)

URL = "https://cdn.example.com/a.mp4"
FOLDER = "https://cdn.example.com/films/*"
END = 1_800_000_000
LATEST = 9_223_372_036
HUGE = 10**5000  # too long to be printed: Python refuses str() of it


def test_a_canned_policy_is_exact_to_the_byte() -> None:
    policy = Policy("https://cdn.example.com/a.mp4?b=1&c=%22/x", date_less_than=END)
    assert policy.is_canned
    assert policy.to_json() == (
        '{"Statement":[{"Resource":"https://cdn.example.com/a.mp4?b=1&c=%22/x","Condition":'
        '{"DateLessThan":{"AWS:EpochTime":1800000000}}}]}'
    )
    assert policy.to_json() == canned_policy_text(policy.resource, END)
    assert policy.to_json() == canned_policy_text(policy.resource, str(END))


def test_a_custom_policy_has_every_condition_in_cloudfronts_order() -> None:
    policy = Policy(
        FOLDER, date_less_than=END, date_greater_than=END - 60, ip_address="192.0.2.0/24"
    )
    assert not policy.is_canned
    assert policy.to_json() == (
        '{"Statement":[{"Resource":"https://cdn.example.com/films/*","Condition":'
        '{"DateLessThan":{"AWS:EpochTime":1800000000},'
        '"IpAddress":{"AWS:SourceIp":"192.0.2.0/24"},'
        '"DateGreaterThan":{"AWS:EpochTime":1799999940}}}]}'
    )


@pytest.mark.parametrize(
    "policy",
    [
        Policy(FOLDER, date_less_than=END),
        Policy("*://cdn.example.com/a.mp4", date_less_than=END),
        Policy("https://cdn.example.com/a?x=?", date_less_than=END),
        Policy(URL, date_less_than=END, date_greater_than=1),
        Policy(URL, date_less_than=END, ip_address="192.0.2.1"),
        Policy(URL + "?x=1", date_less_than=END, escape_query_delimiter=True),
    ],
)
def test_anything_but_an_exact_url_and_an_end_is_custom(policy: Policy) -> None:
    assert not policy.is_canned


def test_the_query_delimiter_can_be_escaped_as_older_texts_demand() -> None:
    policy = Policy(URL + "?x=?&y=1", date_less_than=END, escape_query_delimiter=True)
    assert r'"https://cdn.example.com/a.mp4\\?x=?&y=1"' in policy.to_json()
    decoded = decode_policy(policy.to_json().encode())
    assert decoded.resource == r"https://cdn.example.com/a.mp4\?x=?&y=1"
    without_query = Policy(URL, date_less_than=END, escape_query_delimiter=True)
    assert without_query.is_canned
    assert without_query.to_json() == canned_policy_text(URL, END)


def test_a_policy_is_normalised_and_frozen() -> None:
    policy = Policy(
        "HTTPS://CDN.example.com:443/a b",
        date_less_than=datetime(2027, 1, 15, 8, tzinfo=UTC),
        date_greater_than=datetime(2027, 1, 15, 7, tzinfo=UTC),
        ip_address="192.0.2.1",
    )
    assert policy.resource == "https://cdn.example.com/a%20b"
    assert (policy.date_less_than, policy.end) == (END, END)
    assert policy.date_greater_than == END - 3600
    assert policy.ip_address == "192.0.2.1/32"
    with pytest.raises(dataclasses.FrozenInstanceError):
        policy.resource = "*"  # type: ignore[misc]
    assert policy == dataclasses.replace(policy)


@pytest.mark.parametrize("resource", ["*", "https://cdn.example.com/*", "https://*/films/*"])
def test_an_entire_distribution_needs_an_explicit_word(resource: str) -> None:
    with pytest.raises(ResourceError) as caught:
        Policy(resource, date_less_than=END)
    assert caught.value.code == "resource_too_broad"
    assert caught.value.evidence["resource"] == resource
    allowed = Policy(resource, date_less_than=END, allow_entire_distribution=True)
    assert allowed.resource == resource


def test_a_hazardous_resource_makes_no_policy() -> None:
    with pytest.raises(ResourceError) as caught:
        Policy(URL + '","Resource":"*', date_less_than=END)
    assert caught.value.code == "url_quote"


@pytest.mark.parametrize("start", [END, END + 1, LATEST // 5])
def test_the_start_is_before_the_end(start: int) -> None:
    with pytest.raises(PolicyError) as caught:
        Policy(URL, date_less_than=END, date_greater_than=start)
    assert caught.value.code == "time_window"
    assert Policy(URL, date_less_than=END, date_greater_than=END - 1).date_greater_than == END - 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (1, 1),
        (END, END),
        (2_147_483_647, 2_147_483_647),
        (datetime(2027, 1, 15, 8, tzinfo=UTC), END),
        (datetime(2027, 1, 15, 8, 0, 0, 999_999, tzinfo=UTC), END),
        (datetime(2027, 1, 15, 9, tzinfo=timezone(timedelta(hours=1))), END),
        (datetime(2027, 1, 15, 3, tzinfo=ZoneInfo("America/New_York")), END),
        # The hour that New York has twice on 2027-11-07.
        (datetime(2027, 11, 7, 1, 30, tzinfo=ZoneInfo("America/New_York")), 1_825_565_400),
        (datetime(2027, 11, 7, 1, 30, tzinfo=ZoneInfo("America/New_York"), fold=1), 1_825_569_000),
        (datetime(2028, 2, 29, tzinfo=UTC), 1_835_395_200),
    ],
)
def test_dates_become_whole_seconds(value: datetime | int, seconds: int) -> None:
    assert epoch_seconds(value, name="date") == seconds


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (datetime(2027, 1, 15, 8), "time_naive"),  # noqa: DTZ001 - what is refused
        (None, "time_type"),
        (True, "time_type"),
        (1.5e9, "time_type"),
        ("1800000000", "time_type"),
        ("2027-01-15", "time_type"),
        (timedelta(1), "time_type"),
        (10**11, "time_milliseconds"),
        (END * 1000, "time_milliseconds"),
        (HUGE, "time_milliseconds"),
        (datetime.max.replace(tzinfo=UTC), "time_milliseconds"),
        (0, "time_range"),
        (-1, "time_range"),
        (-HUGE, "time_range"),
        (LATEST + 1, "time_range"),
        (datetime(1969, 12, 31, tzinfo=UTC), "time_range"),
        (datetime(1970, 1, 1, tzinfo=UTC), "time_range"),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=14))), "time_range"),
    ],
    ids=lambda value: str(type(value)) if value in {HUGE, -HUGE} else None,
)
def test_what_is_no_sound_date_is_refused(value: object, code: str) -> None:
    with pytest.raises(PolicyError) as caught:
        epoch_seconds(value, name="date")  # type: ignore[arg-type]  # hostile
    assert caught.value.code == code


@pytest.mark.parametrize("value", [2_147_483_648, LATEST])
def test_a_date_beyond_2038_is_kept(value: int) -> None:
    assert epoch_seconds(value, name="date") == value


@pytest.mark.parametrize(
    ("value", "cidr"),
    [
        ("192.0.2.1", "192.0.2.1/32"),
        ("192.0.2.1/32", "192.0.2.1/32"),
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("0.0.0.0/1", "0.0.0.0/1"),
        ("255.255.255.255", "255.255.255.255/32"),
    ],
)
def test_an_ipv4_range_is_written_with_its_mask(value: str, cidr: str) -> None:
    assert ipv4_range(value) == cidr


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "ip_type"),
        (3232235777, "ip_type"),
        (b"192.0.2.1", "ip_type"),
        ("2001:db8::1", "ip_version"),
        ("::/0", "ip_version"),
        ("::ffff:192.0.2.1", "ip_version"),
        ("192.0.2.1/24", "ip_host_bits"),
        ("192.0.2.1/31", "ip_host_bits"),
        ("0.0.0.0/0", "ip_everyone"),
        ("", "ip_malformed"),
        ("192.0.2", "ip_malformed"),
        ("192.0.2.1.1", "ip_malformed"),
        ("192.0.2.256", "ip_malformed"),
        ("192.0.2.01", "ip_malformed"),
        ("192.0.2.0/33", "ip_malformed"),
        ("192.0.2.0/024", "ip_malformed"),
        ("192.0.2.0/-1", "ip_malformed"),
        ("192.0.2.0/", "ip_malformed"),
        ("192.0.2.0/255.255.255.0", "ip_malformed"),
        ("192.0.2.1,192.0.2.2", "ip_malformed"),
        (" 192.0.2.1", "ip_malformed"),
        ("192.0.2.1\n", "ip_malformed"),
        ("0x7f.1", "ip_malformed"),
        ("3232235777", "ip_malformed"),
        ("192.0.2.\u0661", "ip_malformed"),
        ('192.0.2.1"}},"x":{"', "ip_malformed"),
        ("*", "ip_malformed"),
    ],
)
def test_what_is_no_ipv4_range_is_refused(value: object, code: str) -> None:
    with pytest.raises(PolicyError) as caught:
        ipv4_range(value)  # type: ignore[arg-type]  # hostile
    # A colon means IPv6, whatever else is in the text.
    assert caught.value.code == ("ip_version" if ":" in str(value) else code)


@given(
    path=st.text("aZ09-._~!$&'()+,;=:@/% \u00e9*", max_size=30),
    query=st.none() | st.text("aZ09=&?*+ '\u00e9", max_size=20),
    start=st.none() | st.integers(1, END - 1),
    ip_address=st.none() | st.ip_addresses(v=4).map(str),
    escape=st.booleans(),
)
def test_the_text_parses_to_exactly_what_the_policy_says(
    path: str, query: str | None, start: int | None, ip_address: str | None, escape: bool
) -> None:
    resource = f"https://cdn.example.com/x{path}" + ("" if query is None else f"?{query}")
    try:
        policy = Policy(
            resource,
            date_less_than=END,
            date_greater_than=start,
            ip_address=ip_address,
            escape_query_delimiter=escape,
        )
    except ResourceError:
        return
    condition: dict[str, object] = {"DateLessThan": {"AWS:EpochTime": END}}
    if start is not None:
        condition["DateGreaterThan"] = {"AWS:EpochTime": start}
    if ip_address is not None:
        condition["IpAddress"] = {"AWS:SourceIp": f"{ip_address}/32"}
    written = policy.resource.replace("?", "\\?", 1) if escape else policy.resource
    text = policy.to_json()
    assert json.loads(text) == {"Statement": [{"Resource": written, "Condition": condition}]}
    assert text.isascii()
    assert " " not in text
    decoded = decode_policy(text.encode())
    assert (decoded.resource, decoded.date_less_than) == (written, END)
    assert (decoded.date_greater_than, decoded.ip_address) == (start, policy.ip_address)
    assert decoded.text == text
