"""The alarms: what each looks at, and what its message tells people to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.metrics import FIVE_MINUTES, issuer_metric, ring_metric, site_metric

_TOO_MANY_KEYS: Final = 5
_FAILED_PERCENT: Final = 5
_SLOW_MILLISECONDS: Final = 3000
_REFUSED_PERCENT: Final = 50
_FEWEST_REQUESTS: Final = 100
_AT_LEAST: Final = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
_BELOW: Final = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
_QUIET: Final = cloudwatch.TreatMissingData.NOT_BREACHING
# While ticks fail nothing new is known: FailedTicks tells that, and the others stay as they are.
_UNKNOWN: Final = cloudwatch.TreatMissingData.IGNORE
_STATUS: Final = "`signer rotate status` says which and why"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One alarm.

    Attributes:
        name: Its construct's.
        metric: What it looks at.
        means: What is the case, for whoever gets the message.
        do: What to do.
        threshold: From where on it is an alarm ...
        comparison: ... or below where.
        missing: What no data means.
        periods: How many of the metric's periods are looked at.
        breaching: How many of these make an alarm; all of them unless said.
    """

    name: str
    metric: cloudwatch.IMetric
    means: str
    do: str
    threshold: float = 1
    comparison: cloudwatch.ComparisonOperator = _AT_LEAST
    missing: cloudwatch.TreatMissingData = _QUIET
    periods: int = 1
    breaching: int | None = None


def add_alarm(scope: Construct, watch: Watch, topic: sns.ITopic) -> cloudwatch.Alarm:
    """Make an alarm that tells a topic when it begins and when it is over.

    Args:
        scope: Where it belongs.
        watch: What it is.
        topic: Who is told.
    """
    alarm = cloudwatch.Alarm(
        scope,
        watch.name,
        metric=watch.metric,
        alarm_description=f"{watch.means}. {watch.do}.",
        threshold=watch.threshold,
        comparison_operator=watch.comparison,
        treat_missing_data=watch.missing,
        evaluation_periods=watch.periods,
        datapoints_to_alarm=watch.breaching,
    )
    told = actions.SnsAction(topic)
    alarm.add_alarm_action(told)
    alarm.add_ok_action(told)
    return alarm


def ring_watches(ring: str, *, window: Duration, oldest_seconds: int) -> Iterator[Watch]:
    """Yield the alarms of docs/rotation-function.md, "Metrics, and an alarm on each".

    Args:
        ring: What ``SIGNER_RING`` says.
        window: In which several ticks happen.
        oldest_seconds: A signing key that is older was not replaced in time.
    """
    yield Watch(
        name="FailedTicks",
        metric=ring_metric(ring, "FailedTicks", period=window, statistic=cloudwatch.Stats.MINIMUM),
        missing=cloudwatch.TreatMissingData.BREACHING,
        means="No tick of the rotation ended well, or none began",
        do="Read the log of the tick function: `code` and `advice`. Without a line there, look at "
        "its schedule. Nothing that viewers need ends before the signing key is too old",
    )
    counted = (
        (
            "Halted",
            "Only a person can go on with the rotation",
            f"{_STATUS}; after a freeze that was meant, `signer rotate unfreeze`",
        ),
        (
            "OverdueKeys",
            "A signing key should have been replaced, or the next key is not ready",
            _STATUS,
        ),
        (
            "StaleKeys",
            "A key is stuck on its way",
            f"{_STATUS}; often the group is full or a probe fails",
        ),
        (
            "ForeignKeys",
            "The key group has a key that the ring did not put there: it can open everything",
            "Find out who put it there (UpdateKeyGroup in CloudTrail), and take it out",
        ),
        (
            "HealedKeys",
            "Somebody took a key out of the group, and a tick put it back",
            "Find out who: often a template that owns the key group",
        ),
        (
            "QuarantinedKeys",
            "A new key was given up",
            "`signer rotate status` has the ring's history, which says why",
        ),
        (
            "RevokedKeys",
            "A key was revoked: all that it signed is refused",
            "Tell those who were not told; viewers get new cookies by themselves",
        ),
    )
    for name, means, do in counted:
        yield Watch(
            name=name,
            metric=ring_metric(ring, name, period=window),
            missing=_UNKNOWN,
            means=means,
            do=do,
        )
    keys = ring_metric(ring, "KeysInGroup", period=window)
    yield Watch(
        name="FullGroup",
        metric=keys,
        threshold=_TOO_MANY_KEYS,
        missing=_UNKNOWN,
        means="The key group has all the five keys that it can have",
        do=f"Take out one that nobody needs; {_STATUS}",
    )
    yield Watch(
        name="EmptyGroup",
        metric=keys,
        comparison=_BELOW,
        missing=_UNKNOWN,
        means="The key group is gone or empty: viewers are refused everything",
        do=_STATUS,
    )
    yield Watch(
        name="OldSigningKey",
        metric=ring_metric(ring, "SigningKeyAge", period=window),
        threshold=oldest_seconds,
        missing=_UNKNOWN,
        means="The signing key is a day older than it should ever be",
        do=_STATUS,
    )


def tick_watches(tick: lambda_.IFunction, *, window: Duration) -> Iterator[Watch]:
    """Yield the alarms on the function that rotates.

    One tick that is lost does no harm: the next one looks first.

    Args:
        tick: The function.
        window: In which several ticks happen.
    """
    yield Watch(
        name="TickErrors",
        metric=tick.metric_errors(period=window, statistic=cloudwatch.Stats.SUM),
        threshold=2,
        means="The tick function failed more than once",
        do="Read its log: `code` and `advice`",
    )
    yield Watch(
        name="TickThrottles",
        metric=tick.metric_throttles(period=window, statistic=cloudwatch.Stats.SUM),
        threshold=2,
        means="The tick function was not let run more than once",
        do="See what uses up the account's concurrent executions",
    )


def issuer_watches(issuer: lambda_.IFunction) -> Iterator[Watch]:
    """Yield the alarms on the issuer: its answers, its function's errors, and how long it takes.

    Args:
        issuer: The function.
    """
    yield Watch(
        name="FailedRequests",
        metric=cloudwatch.MathExpression(
            # Failed has data only when there is a failure.
            expression="100 * FILL(failed, 0) / requests",
            using_metrics={
                "failed": issuer_metric("Failed", issuer),
                "requests": issuer_metric("Requests", issuer),
            },
            label="Failed, per cent",
            period=FIVE_MINUTES,
        ),
        threshold=_FAILED_PERCENT,
        periods=3,
        breaching=2,
        means="The issuer answers log-ins and refreshes with errors of its own (5xx)",
        do="Read its log: `code` and `cause`. signing_unavailable is the key store, unavailable "
        "the identity provider; docs/issuer.md has each",
    )
    yield Watch(
        name="IssuerErrors",
        metric=issuer.metric_errors(period=FIVE_MINUTES, statistic=cloudwatch.Stats.SUM),
        periods=3,
        breaching=2,
        means="The issuer does not start, takes too long, or gets events of another front end",
        do="Read its log; a wrong setting is named there",
    )
    yield Watch(
        name="IssuerThrottles",
        metric=issuer.metric_throttles(period=FIVE_MINUTES, statistic=cloudwatch.Stats.SUM),
        periods=3,
        breaching=2,
        means="More viewers ask the issuer at once than its concurrency allows: they are refused",
        do="Raise issuer.reserved_concurrency, or slow down whoever asks so often: site.rate_limit",
    )
    yield Watch(
        name="SlowIssuer",
        metric=issuer.metric_duration(period=FIVE_MINUTES, statistic="p90"),
        threshold=_SLOW_MILLISECONDS,
        periods=3,
        means="One in ten answers of the issuer takes three seconds or more",
        do="Compare `milliseconds` by `route` in its log: log-in waits for the identity provider",
    )


def site_watches(distribution: cloudfront.IDistribution, *, detailed: bool) -> Iterator[Watch]:
    """Yield the alarms on what viewers get.

    A private site refuses many requests, rightly. So the alarm on refusals is for most of them
    being refused for half an hour, and not for the few requests of a quiet night.

    Args:
        distribution: The distribution.
        detailed: Whether CloudFront's additional metrics, which cost, are on.
    """
    yield Watch(
        name="BrokenAnswers",
        metric=site_metric(distribution, "5xxErrorRate"),
        threshold=_FAILED_PERCENT,
        periods=3,
        means="CloudFront answers with 5xx",
        do="The site's log tells by path: below /auth/ look at the issuer, else at the bucket",
    )
    rate = "403ErrorRate" if detailed else "4xxErrorRate"
    yield Watch(
        name="Refusals",
        metric=cloudwatch.MathExpression(
            expression=f"IF(requests >= {_FEWEST_REQUESTS}, rate, 0)",
            using_metrics={
                "rate": site_metric(distribution, rate),
                "requests": site_metric(distribution, "Requests", cloudwatch.Stats.SUM),
            },
            label=f"{rate}, per cent",
            period=FIVE_MINUTES,
        ),
        threshold=_REFUSED_PERCENT,
        periods=6,
        means="Most requests have been refused for half an hour",
        do="`signer explain URL` says why one is. At all edge locations: `signer rotate status`; "
        "at some, just after a rotation: the new key has not arrived. A file that is not there "
        "is refused as well",
    )


def dead_letter_watch(queue: sqs.IQueue) -> Watch:
    """Return the alarm on ticks that the schedule could not begin.

    Args:
        queue: The dead-letter queue of the schedule.
    """
    return Watch(
        name="LostTicks",
        metric=queue.metric_approximate_number_of_messages_visible(
            period=FIVE_MINUTES, statistic=cloudwatch.Stats.MAXIMUM
        ),
        means="The schedule could not invoke the tick function",
        do="The messages in the dead-letter queue say why (ERROR_CODE); purge it when it is mended",
    )
