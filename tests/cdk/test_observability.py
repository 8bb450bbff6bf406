"""Alarms and dashboard: they look at what is there, and tell people what to do."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest

# First, since it finds a Node.js for the CDK.
from tests.cdk.templates import Json, of_type, only, texts  # isort: skip

from aws_cdk import App

from cdk.metrics import NAMESPACE
from signer.cli.program import program
from signer.service import Reply
from tests.cdk.watched import ACCOUNT, RING, alarms, watched, watched_stack
from tests.lambda_asset import issue_module
from tests.rotation.function import Invoked, invoked, metrics_of
from tests.rotation.world import World

DOCS = Path(__file__).resolve().parents[2] / "docs"
NO_ALARM = {"ComingKeyAge"}
RING_NAME = RING.removeprefix("dynamodb:")


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Invoked:
    world = World()
    world.begin()
    return invoked(world, monkeypatch, capsys)


def looked_at(template: Json, service: str) -> set[str]:
    """Return the metrics of one of our functions that there is an alarm on."""
    found = set()
    for alarm in alarms(template).values():
        for metric in (
            alarm,
            *(one.get("MetricStat", {}).get("Metric", {}) for one in alarm.get("Metrics", [])),
        ):
            dimensions = {one["Name"]: one["Value"] for one in metric.get("Dimensions", [])}
            if metric.get("Namespace") == NAMESPACE and dimensions.get("service") == service:
                found.add(metric["MetricName"])
    return found


# What alarms look at is there.


def test_alarms_on_the_ring_are_on_what_ticks_write(function: Invoked) -> None:
    function.world.advance(120)
    function({})
    _, emf = function.written()
    assert looked_at(watched(), "rotation") == set(metrics_of(emf)) - NO_ALARM
    (told,) = emf["_aws"]["CloudWatchMetrics"]
    assert told["Namespace"] == NAMESPACE
    (dimensions,) = told["Dimensions"]
    written = {name: emf[name] for name in dimensions}
    assert written["service"] == "rotation"
    for alarm in alarms(watched()).values():
        seen = {one["Name"]: one["Value"] for one in alarm.get("Dimensions", [])}
        if seen.get("service") == "rotation":
            assert set(seen) == set(written)
            assert seen["ring"] == RING_NAME


def test_alarms_on_the_issuer_are_on_what_requests_write(
    capsys: pytest.CaptureFixture[str],
) -> None:
    issue = issue_module()
    written: set[str] = set()
    for reply in (Reply(200), Reply(403, code="login_required"), Reply(503, code="unavailable")):
        issue._count(reply, "mine")
        emf = json.loads(capsys.readouterr().out)
        (told,) = emf["_aws"]["CloudWatchMetrics"]
        assert told["Namespace"] == NAMESPACE
        (dimensions,) = told["Dimensions"]
        assert {name: emf[name] for name in dimensions} == {"service": "issuer", "function": "mine"}
        written |= {one["Name"] for one in told["Metrics"]}
    assert looked_at(watched(), "issuer") == {"Failed", "Requests"}
    shown = {name for name in written if f'"{NAMESPACE}","{name}","function"' in board(watched())}
    assert shown == written - {"Requests"}


def test_each_alarm_that_the_guide_lists_is_there() -> None:
    guide = (DOCS / "rotation-function.md").read_text("utf-8")
    rows = re.findall(
        r"^\| `(\w+)` \| (?:count|seconds) \| [^|]+ \| ([^|]+) \|", guide, re.MULTILINE
    )
    listed = {name for name, when in rows if not when.startswith("none")}
    assert listed == looked_at(watched(), "rotation")
    assert {name for name, _ in rows} - listed == NO_ALARM


# How they look at it.


def test_a_rotation_that_stands_still_is_an_alarm_and_one_bad_tick_is_not() -> None:
    failed = alarms(watched())["FailedTicks"]
    assert (failed["Statistic"], failed["Period"], failed["Threshold"]) == ("Minimum", 900, 1)
    assert failed["TreatMissingData"] == "breaching"
    assert failed["EvaluationPeriods"] == 1


def test_only_ticks_that_are_missing_are_an_alarm() -> None:
    for name, alarm in alarms(watched(queue=True)).items():
        assert (alarm["TreatMissingData"] == "breaching") == (name == "FailedTicks"), name


def test_rarer_ticks_are_waited_for() -> None:
    slow = alarms(watched(keys={"tick_minutes": 60}))
    assert slow["FailedTicks"]["Period"] == 3 * 3600
    assert slow["Halted"]["Period"] == 3 * 3600


def test_what_counts_is_the_worst_of_several_ticks() -> None:
    for name in (
        "Halted",
        "OverdueKeys",
        "StaleKeys",
        "ForeignKeys",
        "HealedKeys",
        "QuarantinedKeys",
        "RevokedKeys",
    ):
        alarm = alarms(watched())[name]
        assert (alarm["Statistic"], alarm["Period"], alarm["Threshold"]) == ("Maximum", 900, 1), (
            name
        )
        assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"


def test_the_group_is_neither_full_nor_empty() -> None:
    full, empty = alarms(watched())["FullGroup"], alarms(watched())["EmptyGroup"]
    assert full["MetricName"] == empty["MetricName"] == "KeysInGroup"
    assert (full["ComparisonOperator"], full["Threshold"]) == ("GreaterThanOrEqualToThreshold", 5)
    assert (empty["ComparisonOperator"], empty["Threshold"]) == ("LessThanThreshold", 1)


@pytest.mark.parametrize(
    ("keys", "days"), [({}, 92), ({"period": "30d", "soak": "2d"}, 33), ({"period": "1209600"}, 16)]
)
def test_a_key_is_too_old_by_the_rings_own_times(keys: dict[str, str], days: int) -> None:
    assert alarms(watched(keys=keys))["OldSigningKey"]["Threshold"] == days * 86400


def test_the_rate_of_failures_is_of_all_requests() -> None:
    alarm = alarms(watched())["FailedRequests"]
    (rate,) = (one["Expression"] for one in alarm["Metrics"] if "Expression" in one)
    # Failed has no data while nothing fails, and a gap would hide the requests that went well.
    assert rate == "100 * FILL(failed, 0) / requests"
    assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == (2, 3)


def test_both_functions_errors_and_throttles() -> None:
    found = alarms(watched())
    for name, metric, function_name in (
        ("TickErrors", "Errors", "media-tick"),
        ("TickThrottles", "Throttles", "media-tick"),
        ("IssuerErrors", "Errors", "media-issuer"),
        ("IssuerThrottles", "Throttles", "media-issuer"),
    ):
        assert (found[name]["Namespace"], found[name]["MetricName"]) == ("AWS/Lambda", metric)
        assert found[name]["Statistic"] == "Sum"
        assert found[name]["Dimensions"] == [{"Name": "FunctionName", "Value": function_name}]


def test_cloudfronts_metrics_are_global() -> None:
    alarm = alarms(watched())["BrokenAnswers"]
    dimensions = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
    assert dimensions == {"DistributionId": "EDFDVBD6EXAMPLE", "Region": "Global"}
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/CloudFront", "5xxErrorRate")


@pytest.mark.parametrize(("more", "rate"), [(False, "4xxErrorRate"), (True, "403ErrorRate")])
def test_additional_metrics_are_an_option(more: bool, rate: str) -> None:
    template = watched(settings={"more_metrics": more})
    assert len(of_type(template, "AWS::CloudFront::MonitoringSubscription")) == more
    seen = {
        one["MetricStat"]["Metric"]["MetricName"]
        for one in alarms(template)["Refusals"]["Metrics"]
        if "MetricStat" in one
    }
    assert seen == {rate, "Requests"}


def test_lost_ticks_are_told_where_there_is_a_queue() -> None:
    lost = alarms(watched(queue=True))["LostTicks"]
    assert lost["MetricName"] == "ApproximateNumberOfMessagesVisible"
    assert (lost["Statistic"], lost["Threshold"]) == ("Maximum", 1)
    assert "LostTicks" not in alarms(watched())


# Who is told what.


def test_each_alarm_says_what_it_means_and_what_to_do() -> None:
    found = alarms(watched(queue=True))
    assert len(found) == 20
    for name, alarm in found.items():
        said = alarm["AlarmDescription"]
        assert len(said.split(". ")) >= 2, name
        assert len(said) <= 1024
        assert alarm["AlarmActions"] == alarm["OKActions"] != []


def test_commands_in_descriptions_are_there() -> None:
    told = " ".join(one["AlarmDescription"] for one in alarms(watched()).values())
    named = set(re.findall(r"`signer ([a-z]+)(?: ([a-z]+))?", told))
    assert ("rotate", "status") in named
    context = click.Context(program)
    for group, command in named:
        found = program.get_command(context, group)
        assert found is not None, group
        if command:
            assert isinstance(found, click.Group)
            assert command in found.commands


def test_the_topic_lets_alarms_and_rules_of_the_account_publish_over_tls() -> None:
    (statement,) = (
        one
        for one in only(watched(), "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
        if one["Effect"] == "Deny"
    )
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    allowed = [
        one
        for one in only(watched(), "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
        if one["Effect"] == "Allow"
    ]
    # A topic with a policy has no default one: without these nobody would be told anything.
    principals = [one["Principal"]["Service"] for one in allowed]
    rules = of_type(watched(), "AWS::Events::Rule")
    assert principals.count("cloudwatch.amazonaws.com") == 1
    assert principals.count("events.amazonaws.com") == len(rules) == 4
    for one in allowed:
        assert one["Action"] == "sns:Publish"
        conditions = json.dumps(one["Condition"])
        assert ACCOUNT in conditions or any(name in conditions for name in rules)


def test_emails_and_a_topic_of_somebody_elses() -> None:
    told = watched(settings={"emails": ["ops@example.com"]})
    subscription = only(told, "AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.com")
    assert of_type(watched(), "AWS::SNS::Subscription") == {}
    given = watched(given_topic=True)
    assert of_type(given, "AWS::SNS::Topic") == {}
    assert alarms(given)["Halted"]["AlarmActions"] == [f"arn:aws:sns:us-east-1:{ACCOUNT}:told"]


# The dashboard.


def board(template: Json) -> str:
    return "".join(text for text in texts(only(template, "AWS::CloudWatch::Dashboard")))


def test_the_dashboard_is_json_that_shows_every_alarm() -> None:
    body = only(watched(), "AWS::CloudWatch::Dashboard")["DashboardBody"]
    _, parts = body["Fn::Join"]
    widgets = json.loads("".join(part if isinstance(part, str) else "-" for part in parts))[
        "widgets"
    ]
    titles = {one["properties"].get("title") for one in widgets}
    assert {
        "Issuer: answers",
        "Ring: keys",
        "Ring: age of keys, seconds",
        "Site: errors, per cent",
    } <= titles
    assert "signer explain" in widgets[0]["properties"]["markdown"]
    shown = {
        part["Fn::GetAtt"][0] for part in parts if isinstance(part, dict) and "Fn::GetAtt" in part
    }
    assert shown == set(of_type(watched(), "AWS::CloudWatch::Alarm"))


# Where it works.


def test_it_is_for_cloudfronts_own_region() -> None:
    app = App()
    watched_stack(app, "eu-central-1")
    with pytest.raises(RuntimeError, match="us-east-1, and this stack is not"):
        app.synth()
    anywhere = App()
    watched_stack(anywhere, None)
    anywhere.synth()
