"""What watches a site: alarms, a dashboard, CloudFront's log, messages about foreign changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.alarms import (
    Watch,
    add_alarm,
    dead_letter_watch,
    issuer_watches,
    ring_watches,
    site_watches,
    tick_watches,
)
from cdk.audit import KeyAudit
from cdk.config import KeySettings, Watching
from cdk.dashboard import add_dashboard
from cdk.function import retention
from cdk.log_delivery import LogDelivery
from cdk.region import InItsRegion
from signer.rotation.stack_properties import asked

_TICKS: Final = 3
_LEAST_MINUTES: Final = 15
_DAY: Final = 86_400


class Observability(Construct):
    """Alarms with what to do, a dashboard, the access log, and an audit of the keys.

    Args:
        scope: In a stack of us-east-1.
        construct_id: Its name there.
        distribution: The site.
        issuer: The issuer's function.
        tick: The function that rotates; whoever else changes keys is told of.
        ring: What ``SIGNER_RING`` says: ``dynamodb:TABLE/NAME``.
        settings: What the team decides.
        keys: How the ring is set: how often ticks come, how old its key may be.
        key_group_id: Its key group; without it, changes of every group are told.
        signing_secret: What issuers read; changes of it are told.
        standby_secret: The next key, which only the rotation reads; whoever else does is told of.
        readers: ARNs of roles that may read that secret; with them, other readers are told of.
        rotators: ARNs of further roles that may change keys, such as those of other rings.
        dead_letters: Where the schedule puts ticks that it could not begin.
        topic: Who is told, in the place of a new topic. If it was made elsewhere, it has to let
            ``cloudwatch.amazonaws.com`` and ``events.amazonaws.com`` publish.
        deliver_log: Whether CloudFront's log is delivered; not where it is already.

    Attributes:
        topic: Who is told.
        alarms: The alarms by their names.
        dashboard: The dashboard.
        log: CloudFront's log, if it is delivered.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        distribution: cloudfront.IDistribution,
        issuer: lambda_.IFunction,
        tick: lambda_.IFunction,
        ring: str,
        settings: Watching | None = None,
        keys: KeySettings | None = None,
        key_group_id: str | None = None,
        signing_secret: secretsmanager.ISecret | None = None,
        standby_secret: secretsmanager.ISecret | None = None,
        readers: Sequence[str] = (),
        rotators: Sequence[str] = (),
        dead_letters: sqs.IQueue | None = None,
        topic: sns.ITopic | None = None,
        deliver_log: bool = True,
    ) -> None:
        super().__init__(scope, construct_id)
        settings, keys = settings or Watching(), keys or KeySettings()
        self.node.add_validation(InItsRegion(self, "CloudFront's metrics, logs and calls are"))
        self.topic = topic or self._topic()
        for address in settings.emails:
            self.topic.add_subscription(subscriptions.EmailSubscription(address))
        self._let_alarms_publish()
        detailed = settings.more_metrics
        if detailed:
            self._add_metrics(distribution)
        window = Duration.minutes(max(_LEAST_MINUTES, _TICKS * keys.tick_minutes))
        self.alarms = {
            watch.name: add_alarm(self, watch, self.topic)
            for watch in self._watches(
                issuer_watches(issuer),
                ring_watches(ring, window=window, oldest_seconds=_oldest(keys)),
                tick_watches(tick, window=window),
                site_watches(distribution, detailed=detailed),
                [dead_letter_watch(dead_letters)] if dead_letters else (),
            )
        }
        self.log: LogDelivery | None = None
        if deliver_log:
            self.log = LogDelivery(
                self,
                "Site",
                distribution=distribution,
                retention=retention(settings.log_days),
            )
        self.dashboard = add_dashboard(
            self,
            "Dashboard",
            alarms=list(self.alarms.values()),
            distribution=distribution,
            issuer=issuer,
            tick=tick,
            ring=ring,
            window=window,
            detailed=detailed,
            logs=self._logs(issuer, tick),
        )
        if settings.audit:
            KeyAudit(
                self,
                "Audit",
                topic=self.topic,
                rotators=[_role_arn(tick), *rotators],
                key_group_id=key_group_id,
                signing_secret=signing_secret,
                standby_secret=standby_secret,
                readers=readers,
            )

    @staticmethod
    def _watches(*groups: Iterator[Watch] | Sequence[Watch]) -> Iterator[Watch]:
        for group in groups:
            yield from group

    def _topic(self) -> sns.Topic:
        """Make a topic. SNS encrypts what it keeps.

        With a key of KMS neither alarms nor rules could publish, unless it were one of the
        account's own with a policy that lets them; no message has a secret in it.
        """
        return sns.Topic(self, "Topic", enforce_ssl=True)

    def _let_alarms_publish(self) -> None:
        """Say what a topic without a policy of its own permits by default, and no more."""
        stack = Stack.of(self)
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="TellAlarms",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {
                        "aws:SourceArn": f"arn:{stack.partition}:cloudwatch:{stack.region}"
                        f":{stack.account}:alarm:*"
                    },
                },
            )
        )

    def _add_metrics(self, distribution: cloudfront.IDistribution) -> None:
        status = cloudfront.CfnMonitoringSubscription.RealtimeMetricsSubscriptionConfigProperty(
            realtime_metrics_subscription_status="Enabled"
        )
        cloudfront.CfnMonitoringSubscription(
            self,
            "MoreMetrics",
            distribution_id=distribution.distribution_id,
            monitoring_subscription=cloudfront.CfnMonitoringSubscription.MonitoringSubscriptionProperty(
                realtime_metrics_subscription_config=status
            ),
        )

    def _logs(self, issuer: lambda_.IFunction, tick: lambda_.IFunction) -> dict[str, str]:
        found = {
            "Issuer": f"the log of the function {issuer.function_name}",
            "Rotation": f"the log of the function {tick.function_name}",
        }
        if self.log is not None:
            found["Site"] = f"the log group {self.log.logs.log_group_name}, an hour or more later"
        return found


def _role_arn(function: lambda_.IFunction) -> str:
    if function.role is None:
        raise ValueError("the tick function has to be one whose role is known")
    return function.role.role_arn


def _oldest(keys: KeySettings) -> int:
    """Return the age at which a signing key is a day too old, by the ring's own reading."""
    told = {"Name": "ring", "SigningSecret": "signing", "StandbySecret": "standby"}
    schedule = asked({**told, "Period": keys.period, "Soak": keys.soak}).settings.schedule
    return schedule.period + schedule.soak + _DAY
