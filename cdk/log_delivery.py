"""CloudFront's access log, without anything in it that opens something."""

from __future__ import annotations

from typing import Final

from aws_cdk import ArnFormat, Names, RemovalPolicy, Stack
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

FIELDS: Final = (
    "date",
    "time",
    "x-edge-location",
    "x-edge-request-id",
    "c-ip",
    "c-country",
    "cs-method",
    "cs-protocol",
    "cs-protocol-version",
    "x-host-header",
    "cs-uri-stem",
    "cs(User-Agent)",
    "cs-bytes",
    "sc-status",
    "sc-bytes",
    "sc-content-type",
    "sc-content-len",
    "sc-range-start",
    "sc-range-end",
    "time-taken",
    "time-to-first-byte",
    "x-edge-result-type",
    "x-edge-response-result-type",
    "x-edge-detailed-result-type",
    "cache-behavior-path-pattern",
    "ssl-protocol",
    "ssl-cipher",
)
"""AWS page "Standard logging reference".

A signed URL's signature is in its query (``cs-uri-query``), a viewer's in the cookies
(``cs(Cookie)``): whoever reads the log could use both until they end. A page that was opened by a
signed URL may be named, with its query, in ``cs(Referer)``, and ``x-forwarded-for`` is whatever a
client wrote. None of them is here.
"""

_LONGEST_NAME: Final = 60


class LogDelivery(Construct):
    """Standard logging, version 2, to a log group; in us-east-1.

    A distribution has one such source: leave this out where there is one already.

    Args:
        scope: Where it belongs.
        construct_id: Its name there.
        distribution: Whose requests are logged.
        retention: How long the log is kept: it has the addresses of viewers.
        keep: Whether the log outlives the stack.

    Attributes:
        logs: The log group.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        distribution: cloudfront.IDistribution,
        retention: logs.RetentionDays,
        keep: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        self.logs = logs.LogGroup(
            self,
            "Logs",
            retention=retention,
            removal_policy=RemovalPolicy.RETAIN if keep else RemovalPolicy.DESTROY,
        )
        permission = self._permit()
        name = Names.unique_resource_name(self, max_length=_LONGEST_NAME, separator="-")
        source = logs.CfnDeliverySource(
            self,
            "Source",
            name=name,
            resource_arn=distribution.distribution_arn,
            log_type="ACCESS_LOGS",
        )
        destination = logs.CfnDeliveryDestination(
            self,
            "Destination",
            name=name,
            destination_resource_arn=self.logs.log_group_arn,
            output_format="json",
        )
        delivery = logs.CfnDelivery(
            self,
            "Delivery",
            # Ref is the name: the source is there before its delivery.
            delivery_source_name=source.ref,
            delivery_destination_arn=destination.attr_arn,
            record_fields=list(FIELDS),
        )
        delivery.node.add_dependency(permission)

    def _permit(self) -> logs.ResourcePolicy:
        """Permit the delivery, for this account's sources alone.

        AWS page: "Enable logging from AWS services", Logs sent to CloudWatch Logs.
        """
        stack = Stack.of(self)
        sources = stack.format_arn(
            service="logs",
            resource="*",
            arn_format=ArnFormat.NO_RESOURCE_NAME,
        )
        return logs.ResourcePolicy(
            self,
            "Permission",
            policy_statements=[
                iam.PolicyStatement(
                    sid="DeliverSiteLog",
                    principals=[iam.ServicePrincipal("delivery.logs.amazonaws.com")],
                    actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                    resources=[f"{_without_streams(self.logs)}:log-stream:*"],
                    conditions={
                        "StringEquals": {"aws:SourceAccount": stack.account},
                        "ArnLike": {"aws:SourceArn": sources},
                    },
                )
            ],
        )


def _without_streams(group: logs.LogGroup) -> str:
    """Return a log group's ARN without the ``:*`` that CloudFormation appends."""
    return Stack.of(group).format_arn(
        service="logs",
        resource="log-group",
        resource_name=group.log_group_name,
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
