"""The stage of an HTTP API: its throttle, and a log of requests without what may be secret."""

from __future__ import annotations

import json
from typing import Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.function import retention

# An account's own default: nothing is held back before it.
_REQUESTS_A_SECOND: Final = 10_000
# No path and no query: both can have what signs somebody in.
_FIELDS: Final = ("requestId", "requestTime", "httpMethod", "routeKey", "status", "responseLatency")


def add_stage(scope: Construct, api: apigateway.HttpApi, *, days: int) -> apigateway.CfnStage:
    """Give an API its only stage, ``$default``, which is deployed with each change.

    Args:
        scope: Where stage and log belong.
        api: Made without a stage.
        days: How long its log is kept.
    """
    log = logs.LogGroup(
        scope, "ApiLog", retention=retention(days), removal_policy=RemovalPolicy.DESTROY
    )
    return apigateway.CfnStage(
        scope,
        "Stage",
        api_id=api.api_id,
        stage_name="$default",
        auto_deploy=True,
        default_route_settings=apigateway.CfnStage.RouteSettingsProperty(
            throttling_rate_limit=_REQUESTS_A_SECOND, throttling_burst_limit=_REQUESTS_A_SECOND
        ),
        access_log_settings=apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=log.log_group_arn,
            format=json.dumps({name: f"$context.{name}" for name in _FIELDS}),
        ),
    )
