"""One dashboard: who got in, what the ring does, and what CloudFront answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk.metrics import FIVE_MINUTES, issuer_metric, ring_metric, site_metric

_WIDTH: Final = 8
_WHOLE: Final = 24
_COUNTS: Final = ("KeysInGroup", "ForeignKeys", "OverdueKeys", "StaleKeys", "Halted")
_HAPPENED: Final = ("HealedKeys", "QuarantinedKeys", "RevokedKeys")


def add_dashboard(
    scope: Construct,
    construct_id: str,
    *,
    alarms: Sequence[cloudwatch.IAlarm],
    distribution: cloudfront.IDistribution,
    issuer: lambda_.IFunction,
    tick: lambda_.IFunction,
    ring: str,
    window: Duration,
    detailed: bool,
    logs: Mapping[str, str],
) -> cloudwatch.Dashboard:
    """Make the dashboard.

    Args:
        scope: Where it belongs.
        construct_id: Its name there.
        alarms: Shown at the top.
        distribution: The site.
        issuer: Its function.
        tick: The function that rotates.
        ring: What ``SIGNER_RING`` says.
        window: In which several ticks happen.
        detailed: Whether CloudFront's additional metrics are on.
        logs: Where to find them, by what writes them.
    """
    board = cloudwatch.Dashboard(scope, construct_id, default_interval=Duration.days(1))
    board.add_widgets(
        cloudwatch.TextWidget(markdown=_where_to_look(logs), width=_WHOLE, height=5),
    )
    board.add_widgets(
        cloudwatch.AlarmStatusWidget(alarms=list(alarms), title="Alarms", width=_WHOLE, height=5)
    )
    board.add_widgets(*_issuer(issuer))
    board.add_widgets(*_ring(ring, tick, window))
    board.add_widgets(*_site(distribution, detailed=detailed))
    return board


def _where_to_look(logs: Mapping[str, str]) -> str:
    lines = "\n".join(f"* **{what}**: {where}" for what, where in logs.items())
    return (
        "Refused and it should not be? `signer explain URL` says which condition failed. "
        "Keys: `signer rotate status`. Each alarm's description says what to do.\n\n"
        f"{lines}"
    )


def _issuer(issuer: lambda_.IFunction) -> list[cloudwatch.IWidget]:
    answers = ("Answered", "Refused", "Failed")
    return [
        _graph("Issuer: answers", [issuer_metric(name, issuer) for name in answers]),
        _graph("Issuer: grants issued", [issuer_metric("GrantsIssued", issuer)]),
        _graph(
            "Issuer: milliseconds",
            [
                issuer.metric_duration(period=FIVE_MINUTES, statistic=one, label=one)
                for one in ("p50", "p90", "p99")
            ],
            [issuer.metric_throttles(period=FIVE_MINUTES)],
        ),
    ]


def _ring(ring: str, tick: lambda_.IFunction, window: Duration) -> list[cloudwatch.IWidget]:
    def seen(name: str, statistic: str = cloudwatch.Stats.MAXIMUM) -> cloudwatch.IMetric:
        return ring_metric(ring, name, period=window, statistic=statistic)

    return [
        _graph("Ring: keys", [seen(name) for name in _COUNTS], [seen(name) for name in _HAPPENED]),
        _graph("Ring: age of keys, seconds", [seen("SigningKeyAge"), seen("ComingKeyAge")]),
        _graph(
            "Ring: ticks",
            [
                tick.metric_invocations(period=window),
                tick.metric_errors(period=window),
                seen("FailedTicks", cloudwatch.Stats.SUM),
            ],
        ),
    ]


def _site(distribution: cloudfront.IDistribution, *, detailed: bool) -> list[cloudwatch.IWidget]:
    rates = ["4xxErrorRate", "5xxErrorRate", *(["403ErrorRate"] if detailed else [])]
    times = ["OriginLatency", "CacheHitRate"] if detailed else []
    total = cloudwatch.Stats.SUM
    return [
        _graph("Site: requests", [site_metric(distribution, "Requests", total)]),
        _graph("Site: errors, per cent", [site_metric(distribution, name) for name in rates]),
        _graph(
            "Site: bytes",
            [site_metric(distribution, "BytesDownloaded", total)],
            [site_metric(distribution, name) for name in times],
        ),
    ]


def _graph(
    title: str,
    left: Sequence[cloudwatch.IMetric],
    right: Sequence[cloudwatch.IMetric] = (),
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title, left=list(left), right=list(right), width=_WIDTH, height=6
    )
