"""A Lambda function with a log group and a role of its own that may do nothing but write to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.acknowledged import acknowledge
from cdk.bundling import Target
from cdk.config import Functions
from cdk.settings_file import wrong

RETENTION: Final = MappingProxyType(
    {
        days: logs.RetentionDays(name)
        for days, name in (
            (1, "ONE_DAY"),
            (3, "THREE_DAYS"),
            (7, "ONE_WEEK"),
            (14, "TWO_WEEKS"),
            (30, "ONE_MONTH"),
            (90, "THREE_MONTHS"),
            (180, "SIX_MONTHS"),
            (365, "ONE_YEAR"),
            (731, "TWO_YEARS"),
        )
    }
)
"""How long CloudWatch Logs can keep logs, by days (its own choices, not all of them)."""

_RUNTIMES: Final = MappingProxyType(
    {
        "3.11": lambda_.Runtime.PYTHON_3_11,
        "3.12": lambda_.Runtime.PYTHON_3_12,
        "3.13": lambda_.Runtime.PYTHON_3_13,
        "3.14": lambda_.Runtime.PYTHON_3_14,
    }
)

_ARCHITECTURES: Final = MappingProxyType(
    {"arm64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """What functions of a stack run on.

    Attributes:
        on: Architecture and version of Python.
        log_days: How long their logs are kept.
        tracing: Send traces to X-Ray.
    """

    on: Functions = field(default_factory=Functions)
    log_days: int = 30
    tracing: bool = False


class Function(Construct):
    """A function, its log group and its role.

    Args:
        scope: Where it belongs.
        construct_id: Its name there.
        code: Its zip.
        handler: Such as ``issue.handler``.
        environment: Its variables; no secret among them.
        timeout: Of one invocation.
        memory: Megabytes.
        runs: What it runs on.
        reserved_concurrency: How many run at once at most; None for as many as the account may.
        snap_start: Start published versions from a snapshot.

    Attributes:
        lambda_function: The function.
        role: What it may do.
        logs: Its log group.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: lambda_.Code,
        handler: str,
        environment: Mapping[str, str],
        timeout: Duration,
        memory: int,
        runs: Runs | None = None,
        reserved_concurrency: int | None = None,
        snap_start: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        runs = runs or Runs()
        self.logs = logs.LogGroup(
            self, "Logs", retention=retention(runs.log_days), removal_policy=RemovalPolicy.DESTROY
        )
        # Not AWSLambdaBasicExecutionRole, which may write to every log group of the account.
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.role.add_to_principal_policy(
            iam.PolicyStatement(
                sid="WriteLog",
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[self.logs.log_group_arn],
            )
        )
        if runs.tracing:
            self.role.add_to_principal_policy(
                iam.PolicyStatement(
                    sid="SendTraces",
                    actions=["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
                    resources=["*"],
                )
            )
            self.acknowledge("AwsSolutions-IAM5[Resource::*]", "X-Ray takes traces without a name.")
        self.lambda_function = lambda_.Function(
            self,
            "Function",
            code=code,
            handler=handler,
            runtime=_RUNTIMES[runs.on.python],
            architecture=_ARCHITECTURES[target_of(runs.on).architecture],
            environment=dict(environment),
            timeout=timeout,
            memory_size=memory,
            role=self.role.without_policy_updates(),
            log_group=self.logs,
            logging_format=lambda_.LoggingFormat.TEXT,
            reserved_concurrent_executions=reserved_concurrency,
            # The permission for it is above.
            tracing=lambda_.Tracing.ACTIVE if runs.tracing else lambda_.Tracing.DISABLED,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if snap_start else None,
        )
        # Permissions are there before the function is: it may be invoked at once.
        self.lambda_function.node.add_dependency(self.role)
        acknowledge(
            self.lambda_function,
            "AwsSolutions-L1",
            "The newest version on which the tests run; functions.python sets another.",
        )

    def acknowledge(self, rule: str, reason: str) -> None:
        """Tell the linter of policies why the role's policy is as it is."""
        policy = self.role.node.try_find_child("DefaultPolicy")
        acknowledge(policy or self.role, rule, reason)


def target_of(functions: Functions) -> Target:
    """Return what zips are bundled for."""
    if functions.for_this_machine:
        return Target.here()
    return Target(python=functions.python, architecture=functions.architecture)


def retention(days: int) -> logs.RetentionDays:
    """Return CloudWatch Logs' own choice for a number of days.

    Raises:
        ConfigurationError: ``stack_setting``: it has no such choice.
    """
    if days not in RETENTION:
        raise wrong("watching.log_days", f"is not one of {', '.join(map(str, RETENTION))}")
    return RETENTION[days]
