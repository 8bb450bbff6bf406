"""Messages about foreign changes of keys: the rules' patterns, tried with CloudTrail's records."""

from __future__ import annotations

import json
import subprocess

import pytest

# First, since it finds a Node.js for the CDK.
from tests.cdk.templates import Json, of_type  # isort: skip

from aws_cdk import App, Stack
from aws_cdk import aws_secretsmanager as secretsmanager

from cdk.audit import secret_ids
from signer.dev.environment import ready_environment
from tests.cdk.watched import ACCOUNT, GROUP, OTHER_ROTATOR, READER, ROTATOR, SECRET, watched

pytestmark = pytest.mark.ministack

# EventBridge's rules for patterns, as MiniStack has them for TestEventPattern.
MATCHER = """
import json, sys
from ministack.services.eventbridge import _test_event_pattern
for pattern, event in json.load(sys.stdin):
    status, _, body = _test_event_pattern(
        {"EventPattern": json.dumps(pattern), "Event": json.dumps(event)}
    )
    if status != 200:
        raise SystemExit(body.decode())
    print(json.dumps(json.loads(body)["Result"]))
"""
PERSON = f"arn:aws:iam::{ACCOUNT}:role/Admin"
NAME = "media/signing"


def by_role(arn: str) -> Json:
    return {
        "type": "AssumedRole",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{arn.rpartition('/')[2]}/somebody",
        "sessionContext": {"sessionIssuer": {"type": "Role", "arn": arn}},
    }


ROOT = {
    "type": "Root",
    "arn": f"arn:aws:iam::{ACCOUNT}:root",
    "sessionContext": {"attributes": {"mfaAuthenticated": "true"}},
}
USER = {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/eve", "userName": "eve"}


def event(service: str, name: str, who: Json, **detail: object) -> Json:
    return {
        "version": "0",
        "id": "7bf73129-1428-4cd3-a780-95db273d1602",
        "source": f"aws.{service}",
        "account": ACCOUNT,
        "time": "2026-11-25T08:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail-type": "AWS API Call via CloudTrail",
        "detail": {
            "eventVersion": "1.11",
            "eventSource": f"{service}.amazonaws.com",
            "eventName": name,
            "eventTime": "2026-11-25T08:00:00Z",
            "eventID": "e-1",
            "sourceIPAddress": "203.0.113.7",
            "userIdentity": who,
            **detail,
        },
    }


def group_change(name: str, who: Json, group: str = GROUP) -> Json:
    return event("cloudfront", name, who, requestParameters={"id": group, "ifMatch": "E1"})


def secret_change(name: str, who: Json, secret: str, arn: str | None = None) -> Json:
    answer = {} if arn is None else {"responseElements": {"arn": arn}}
    return event("secretsmanager", name, who, requestParameters={"secretId": secret}, **answer)


CASES: dict[str, tuple[Json, set[str]]] = {
    # The rotation, and that of another ring.
    "tick adds a key": (group_change("UpdateKeyGroup", by_role(ROTATOR)), set()),
    "tick makes a key": (event("cloudfront", "CreatePublicKey", by_role(ROTATOR)), set()),
    "other ring's tick makes a key": (
        event("cloudfront", "CreatePublicKey", by_role(OTHER_ROTATOR)),
        set(),
    ),
    "tick stores a key": (secret_change("PutSecretValue", by_role(ROTATOR), SECRET, SECRET), set()),
    "tick switches": (
        secret_change("UpdateSecretVersionStage", by_role(ROTATOR), SECRET, SECRET),
        set(),
    ),
    "tick reads": (secret_change("GetSecretValue", by_role(ROTATOR), SECRET), set()),
    "issuer reads": (secret_change("GetSecretValue", by_role(READER), SECRET), set()),
    # Anybody else, by whatever identity.
    "role changes the group": (group_change("UpdateKeyGroup", by_role(PERSON)), {"Group"}),
    "user changes the group": (group_change("UpdateKeyGroup", USER), {"Group"}),
    "root deletes the group": (group_change("DeleteKeyGroup", ROOT), {"Group"}),
    "issuer changes the group": (group_change("UpdateKeyGroup", by_role(READER)), {"Group"}),
    "role with a longer name": (group_change("UpdateKeyGroup", by_role(ROTATOR + "-2")), {"Group"}),
    "user makes a key": (event("cloudfront", "CreatePublicKey", USER), {"Keys"}),
    "root deletes a key": (event("cloudfront", "DeletePublicKey", ROOT), {"Keys"}),
    "role stores by ARN": (
        secret_change("PutSecretValue", by_role(PERSON), SECRET, SECRET),
        {"Secret"},
    ),
    "role stores by name": (
        secret_change("PutSecretValue", by_role(PERSON), NAME, SECRET),
        {"Secret"},
    ),
    "role stores by part of the ARN": (
        secret_change("PutSecretValue", by_role(PERSON), SECRET[:-7], SECRET),
        {"Secret"},
    ),
    "user switches": (secret_change("UpdateSecretVersionStage", USER, SECRET), {"Secret"}),
    "root opens the secret": (secret_change("PutResourcePolicy", ROOT, NAME), {"Secret"}),
    "issuer stores": (secret_change("PutSecretValue", by_role(READER), SECRET, SECRET), {"Secret"}),
    "older form of a record": (
        event("secretsmanager", "DeleteSecret", USER, responseElements={"aRN": SECRET}),
        {"Secret"},
    ),
    "user reads": (secret_change("GetSecretValue", USER, SECRET), {"Reading"}),
    "role reads by name": (secret_change("GetSecretValue", by_role(PERSON), NAME), {"Reading"}),
    # What is not about these keys.
    "another group": (group_change("UpdateKeyGroup", USER, "other-group"), set()),
    "another secret": (
        secret_change("PutSecretValue", USER, "other", SECRET.replace("signing", "other")),
        set(),
    ),
    "another secret is read": (secret_change("GetSecretValue", USER, "other"), set()),
    "a deployment": (event("cloudfront", "UpdateDistribution", by_role(PERSON)), set()),
    "looking": (group_change("GetKeyGroup", USER), set()),
}


@pytest.fixture(scope="module")
def rules() -> dict[str, Json]:
    found = of_type(watched(), "AWS::Events::Rule").items()
    return {name.removeprefix("WatchingAudit")[:-8]: rule["Properties"] for name, rule in found}


@pytest.fixture(scope="module")
def told(rules: dict[str, Json]) -> dict[str, set[str]]:
    """Which rules each case is told by."""
    asked = [(case, rule) for case in CASES for rule in rules]
    pairs = [(rules[rule]["EventPattern"], CASES[case][0]) for case, rule in asked]
    answer = subprocess.run(
        [ready_environment(print), "-I", "-c", MATCHER],
        input=json.dumps(pairs),
        capture_output=True,
        check=True,
        text=True,
    )
    matched = [json.loads(line) for line in answer.stdout.splitlines()]
    found: dict[str, set[str]] = {case: set() for case in CASES}
    for (case, rule), matches in zip(asked, matched, strict=True):
        if matches:
            found[case].add(rule)
    return found


@pytest.mark.parametrize("case", CASES)
def test_who_is_told_of(told: dict[str, set[str]], case: str) -> None:
    assert told[case] == CASES[case][1]


def test_every_rule_is_tried(rules: dict[str, Json]) -> None:
    assert set(rules) == {rule for _, expected in CASES.values() for rule in expected}


def test_reading_is_seen_only_by_rules_that_ask_for_it(rules: dict[str, Json]) -> None:
    # Records of calls that only read reach no other rule.
    states = {name: rule["State"] for name, rule in rules.items()}
    assert states.pop("Reading") == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
    assert set(states.values()) == {"ENABLED"}


def test_reading_is_told_where_readers_are_named() -> None:
    names = [
        name for name in of_type(watched(reading=False), "AWS::Events::Rule") if "Reading" in name
    ]
    assert names == []


def test_no_rule_without_an_audit() -> None:
    assert of_type(watched(settings={"audit": False}), "AWS::Events::Rule") == {}


def test_a_message_says_who_and_nothing_of_the_request(rules: dict[str, Json]) -> None:
    for rule in rules.values():
        (target,) = rule["Targets"]
        transformer = target["InputTransformer"]
        seen = transformer["InputPathsMap"]
        assert seen["who"] == "$.detail.userIdentity.arn"
        assert not [
            path for path in seen.values() if "requestParameters" in path or "response" in path
        ]
        template = json.loads(transformer["InputTemplate"])
        for name in seen:
            assert f"<{name}>" in template


def test_a_secret_of_the_stacks_own_is_known_by_its_name_too() -> None:
    stack = Stack(App(), "Stack")
    made = stack.resolve(secret_ids(secretsmanager.Secret(stack, "Made")))
    arn = made[0]
    last = {"Fn::Select": [6, {"Fn::Split": [":", arn]}]}
    parts = [{"Fn::Select": [one, {"Fn::Split": ["-", last]}]} for one in (0, 1)]
    assert made == [arn, {"Fn::Join": ["-", parts]}]
    named = secret_ids(secretsmanager.Secret(stack, "Named", secret_name="a-b-c/d"))
    assert named[1] == "a-b-c/d"
