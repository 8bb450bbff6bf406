from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signer.errors import PolicyError
from signer.policy import decode_policy

DATE = {"AWS:EpochTime": 1_800_000_000}
CONDITION: dict[str, object] = {"DateLessThan": DATE}
STATEMENT: dict[str, object] = {"Resource": "https://cdn.example.com/*", "Condition": CONDITION}


def document(statement: object = None, **top: object) -> bytes:
    return json.dumps(
        {"Statement": [STATEMENT if statement is None else statement], **top}
    ).encode()


def with_condition(**members: object) -> bytes:
    return document({**STATEMENT, "Condition": {**CONDITION, **members}})


def test_white_space_and_member_order_are_free_for_who_signed_so() -> None:
    text = (
        b' {\n"Statement" : [ { "Condition":{"IpAddress":{"AWS:SourceIp":"0.0.0.0/0"},'
        b'"DateGreaterThan":{"AWS:EpochTime":1},"DateLessThan":{"AWS:EpochTime":2}},'
        b'"Resource":"http:\\/\\/cdn.example.com\\/*" } ] }\n'
    )
    policy = decode_policy(text)
    assert policy.resource == "http://cdn.example.com/*"
    assert (policy.date_greater_than, policy.date_less_than) == (1, 2)
    assert policy.ip_address == "0.0.0.0/0"
    assert policy.text == text.decode()


def test_a_policy_without_resource_is_told_apart() -> None:
    policy = decode_policy(document({"Condition": CONDITION}))
    assert policy.resource is None
    assert policy.date_greater_than is None
    assert policy.ip_address is None


REFUSED = {
    "policy_json": [
        b"",
        b"{",
        b"not json",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf" + document(),
        document() + b"x",
        document() + document(),
        document().replace(b'"', b"'"),
        b"[" * 100_000,
        b'{"Statement":[{"Condition":{"DateLessThan":{"AWS:EpochTime":' + b"9" * 5000 + b"}}}]}",
        # Two members of one name, at every depth.
        b'{"Statement":[],' + document()[1:],
        document().replace(b'"Resource"', b'"Resource": "x", "Resource"'),
        document().replace(b'"DateLessThan"', b'"DateLessThan": 1, "DateLessThan"'),
        document().replace(b'"AWS:EpochTime"', b'"AWS:EpochTime": 1, "AWS:EpochTime"'),
        document().replace(b'"Resource"', b'"Resource": "x", "Resourc\\u0065"'),
    ],
    "policy_statements": [
        b'{"Statement":[]}',
        json.dumps({"Statement": STATEMENT}).encode(),
        json.dumps({"Statement": [STATEMENT, STATEMENT]}).encode(),
        b'{"Statement":null}',
        b'{"Statement":"x"}',
    ],
    "policy_members": [
        b"null",
        b"[]",
        b'"x"',
        b"1",
        b"{}",
        b'{"statement":[]}',
        b'{"Statement":[null]}',
        b'{"Statement":[[]]}',
        document(Version="2012-10-17"),
        document({**STATEMENT, "Effect": "Allow"}),
        document({"Resource": "x"}),
        document({**STATEMENT, "Condition": None}),
        document({**STATEMENT, "Condition": []}),
        document({**STATEMENT, "Condition": {}}),
        document({**STATEMENT, "Condition": {"DateGreaterThan": DATE}}),
        with_condition(DateLessThan=1_800_000_000),
        with_condition(DateLessThan={}),
        with_condition(DateLessThan={"AWS:EpochTime": 1, "x": 1}),
        with_condition(DateGreaterThan=None),
        with_condition(IpAddress=None),
        with_condition(IpAddress="192.0.2.1/32"),
        with_condition(dateLessThan=DATE),
        with_condition(Country={"AWS:Country": "DE"}),
    ],
    "policy_resource": [
        document({**STATEMENT, "Resource": None}),
        document({**STATEMENT, "Resource": 1}),
        document({**STATEMENT, "Resource": ["https://cdn.example.com/*"]}),
    ],
    "policy_date": [
        with_condition(DateLessThan={"AWS:EpochTime": "1800000000"}),
        with_condition(DateLessThan={"AWS:EpochTime": 1.8e9}),
        with_condition(DateLessThan={"AWS:EpochTime": True}),
        with_condition(DateLessThan={"AWS:EpochTime": None}),
        with_condition(DateLessThan={"AWS:EpochTime": float("nan")}),
        with_condition(DateLessThan={"AWS:EpochTime": float("inf")}),
        with_condition(DateGreaterThan={"AWS:EpochTime": "1"}),
        with_condition(DateGreaterThan={"AWS:EpochTime": 2**63}),
        with_condition(DateLessThan={"AWS:EpochTime": -(2**63)}),
    ],
    "policy_ip": [
        with_condition(IpAddress={"AWS:SourceIp": 1}),
        with_condition(IpAddress={"AWS:SourceIp": None}),
        with_condition(IpAddress={"AWS:SourceIp": ["192.0.2.1/32", "192.0.2.2/32"]}),
    ],
}


@pytest.mark.parametrize(
    ("data", "code"),
    [(data, code) for code, documents in REFUSED.items() for data in documents],
    ids=lambda value: ascii(value)[:50],
)
def test_anything_but_one_documented_statement_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(PolicyError) as caught:
        decode_policy(data)
    assert caught.value.code == code
    assert len(str(caught.value)) < 200


def test_each_leniency_covers_its_own_case_only() -> None:
    bare = json.dumps({"Statement": STATEMENT}).encode()
    extra = with_condition(Country={"AWS:Country": "DE"})
    twice = document().replace(b'"Resource"', b'"Resource": "x", "Resource"')
    assert decode_policy(bare, bare_statement=True).resource == STATEMENT["Resource"]
    assert decode_policy(extra, extra_members=True).date_less_than == 1_800_000_000
    assert decode_policy(twice, duplicate_members=True).resource == STATEMENT["Resource"]
    for data, own in (
        (bare, "bare_statement"),
        (extra, "extra_members"),
        (twice, "duplicate_members"),
    ):
        rules = {"bare_statement": True, "extra_members": True, "duplicate_members": True}
        del rules[own]
        with pytest.raises(PolicyError):
            decode_policy(data, **rules)


def test_extra_members_are_ignored_at_every_depth() -> None:
    data = json.dumps(
        {
            "Version": 1,
            "Statement": [
                {
                    "Effect": "Allow",
                    "Condition": {
                        "DateLessThan": {**DATE, "x": 1},
                        "DateGreaterThan": {"AWS:EpochTime": 5, "x": 1},
                        "IpAddress": {"AWS:SourceIp": "192.0.2.1/32", "x": 1},
                    },
                }
            ],
        }
    ).encode()
    policy = decode_policy(data, extra_members=True)
    assert (policy.date_greater_than, policy.ip_address) == (5, "192.0.2.1/32")


@given(
    data=st.one_of(st.binary(max_size=60), st.text('{}[]":,aStmn01', max_size=60).map(str.encode))
)
def test_no_bytes_raise_anything_but_our_error(data: bytes) -> None:
    with pytest.raises(PolicyError):
        decode_policy(data)
