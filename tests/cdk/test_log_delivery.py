"""The access log: delivered to this account's log group, without anything that opens a file."""

from __future__ import annotations

import json

import pytest

# First, since it finds a Node.js for the CDK.
from tests.cdk.templates import of_type, only  # isort: skip

from cdk.log_delivery import FIELDS
from tests.cdk.watched import ACCOUNT, watched

NEVER_LOGGED = {
    "cs-uri-query",
    "cs(Cookie)",
    "cs(Referer)",
    "cs-cookie",
    "cs-referer",
    "cs-headers",
    "x-forwarded-for",
    "viewer-request-log-data",
    "viewer-response-log-data",
}


def test_the_log_has_nothing_that_opens_a_file() -> None:
    fields = only(watched(), "AWS::Logs::Delivery")["RecordFields"]
    assert fields == list(FIELDS)
    assert not NEVER_LOGGED & set(fields)
    # Without a list CloudFront logs every field.
    assert {"sc-status", "x-edge-detailed-result-type", "cs-uri-stem"} <= set(fields)
    assert len(set(fields)) == len(fields)


def test_the_log_is_delivered_to_a_group_that_only_this_account_can_fill() -> None:
    template = watched()
    source = only(template, "AWS::Logs::DeliverySource")
    assert source["LogType"] == "ACCESS_LOGS"
    assert source["ResourceArn"]["Fn::Join"][1][-1].endswith(":distribution/EDFDVBD6EXAMPLE")
    (group,) = of_type(template, "AWS::Logs::LogGroup")
    destination = only(template, "AWS::Logs::DeliveryDestination")
    assert destination["DestinationResourceArn"] == {"Fn::GetAtt": [group, "Arn"]}
    ((permission, policy),) = of_type(template, "AWS::Logs::ResourcePolicy").items()
    ((_, delivery),) = of_type(template, "AWS::Logs::Delivery").items()
    assert permission in delivery["DependsOn"]
    parts = policy["Properties"]["PolicyDocument"]["Fn::Join"][1]
    document = "".join(
        part if isinstance(part, str) else next(iter(part.values())) for part in parts
    )
    (statement,) = json.loads(document)["Statement"]
    assert statement["Principal"] == {"Service": "delivery.logs.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}
    assert statement["Condition"]["ArnLike"]["aws:SourceArn"].endswith(
        f":logs:us-east-1:{ACCOUNT}:*"
    )
    assert statement["Resource"].endswith(f":log-group:{group}:log-stream:*")


@pytest.mark.parametrize("days", [1, 30, 365])
def test_the_log_ends(days: int) -> None:
    template = watched(settings={"log_days": days})
    assert only(template, "AWS::Logs::LogGroup")["RetentionInDays"] == days


def test_a_log_that_is_delivered_already_is_left_alone() -> None:
    template = watched(deliver_log=False)
    assert not [
        one for one in template["Resources"].values() if one["Type"].startswith("AWS::Logs::")
    ]
