"""The metrics that alarms and dashboard look at, by the names and dimensions that they have."""

from __future__ import annotations

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_

NAMESPACE: Final = "CloudFrontIssuer"
FIVE_MINUTES: Final = Duration.minutes(5)

_RING_SCHEME: Final = "dynamodb:"


def issuer_metric(name: str, issuer: lambda_.IFunction) -> cloudwatch.Metric:
    """Return a metric of the issuer: docs/issuer.md, "Log and metrics".

    Args:
        name: Such as ``Failed``.
        issuer: Its function.
    """
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={"service": "issuer", "function": issuer.function_name},
        statistic=cloudwatch.Stats.SUM,
        period=FIVE_MINUTES,
    )


def ring_metric(
    ring: str, name: str, *, period: Duration, statistic: str = cloudwatch.Stats.MAXIMUM
) -> cloudwatch.Metric:
    """Return a metric of the rotation: docs/rotation-function.md, "Metrics, and an alarm on each".

    Args:
        ring: What ``SIGNER_RING`` says; the dimension is without its scheme.
        name: Such as ``KeysInGroup``.
        period: In which several ticks happen.
        statistic: Of these ticks.
    """
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={"service": "rotation", "ring": ring.removeprefix(_RING_SCHEME)},
        statistic=statistic,
        period=period,
    )


def site_metric(
    distribution: cloudfront.IDistribution,
    name: str,
    statistic: str = cloudwatch.Stats.AVERAGE,
) -> cloudwatch.Metric:
    """Return a metric of a distribution.

    AWS page: "View CloudFront and edge function metrics". They are in us-east-1, in the Region
    ``Global``, whatever was asked for where.

    Args:
        distribution: The distribution.
        name: Such as ``5xxErrorRate``, in per cent.
        statistic: A rate's average, a count's sum.
    """
    return cloudwatch.Metric(
        namespace="AWS/CloudFront",
        metric_name=name,
        dimensions_map={
            "DistributionId": distribution.distribution_id,
            "Region": "Global",
        },
        statistic=statistic,
        period=FIVE_MINUTES,
    )
