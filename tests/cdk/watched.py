"""A small stack that is watched: every name in it is known, so that its patterns can be tried."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

# First, since it finds a Node.js for the CDK.
from tests.cdk.templates import Json, of_type  # isort: skip

from aws_cdk import App, Environment, Stack
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk.assertions import Template

from cdk.config import KeySettings, Watching
from cdk.observability import Observability
from cdk.region import REGION

ACCOUNT = "111122223333"
ROTATOR = f"arn:aws:iam::{ACCOUNT}:role/media-tick"
OTHER_ROTATOR = f"arn:aws:iam::{ACCOUNT}:role/other-tick"
READER = f"arn:aws:iam::{ACCOUNT}:role/media-issuer"
GROUP = "8f1c5b4e-group"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:media/signing-AbCdEf"
RING = "dynamodb:rings/media"


def watched_stack(
    app: App,
    region: str | None = REGION,
    *,
    settings: Mapping[str, Any] | None = None,
    keys: Mapping[str, Any] | None = None,
    queue: bool = False,
    given_topic: bool = False,
    reading: bool = True,
    deliver_log: bool = True,
) -> Stack:
    """Return a stack with nothing in it that is not watching."""
    environment = Environment(account=ACCOUNT, region=region) if region else None
    stack = Stack(app, "Watched", env=environment)
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:told"
    Observability(
        stack,
        "Watching",
        distribution=cloudfront.Distribution.from_distribution_attributes(
            stack, "Site", distribution_id="EDFDVBD6EXAMPLE", domain_name="d1.cloudfront.net"
        ),
        issuer=lambda_.Function.from_function_arn(
            stack, "Issuer", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:media-issuer"
        ),
        tick=lambda_.Function.from_function_attributes(
            stack,
            "Tick",
            function_arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:media-tick",
            role=iam.Role.from_role_arn(stack, "TickRole", ROTATOR),
        ),
        ring=RING,
        settings=Watching(**(settings or {})),
        keys=KeySettings(**(keys or {})),
        key_group_id=GROUP,
        signing_secret=secretsmanager.Secret.from_secret_complete_arn(stack, "Signing", SECRET),
        readers=[READER] if reading else [],
        rotators=[OTHER_ROTATOR],
        dead_letters=_queue(stack) if queue else None,
        topic=sns.Topic.from_topic_arn(stack, "Told", topic) if given_topic else None,
        deliver_log=deliver_log,
    )
    return stack


def _queue(stack: Stack) -> sqs.Queue:
    return sqs.Queue(stack, "Lost", encryption=sqs.QueueEncryption.SQS_MANAGED, enforce_ssl=True)


def watched(**told: Any) -> Json:  # noqa: ANN401 - as above
    """Return its template."""
    found: Json = json.loads(_watched(json.dumps(told, sort_keys=True)))
    return found


@cache
def _watched(told: str) -> str:
    stack = watched_stack(App(), **json.loads(told))
    return json.dumps(Template.from_stack(stack).to_json())


def alarms(template: Json) -> dict[str, Json]:
    """Return the properties of alarms by their constructs' names."""
    found = of_type(template, "AWS::CloudWatch::Alarm").items()
    return {name.removeprefix("Watching")[:-8]: alarm["Properties"] for name, alarm in found}
