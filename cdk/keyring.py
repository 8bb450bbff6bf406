"""The ring of signing keys: made once by the stack, rotated by its own function from then on."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, cast

import jsii
from aws_cdk import CfnResource, CustomResource, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct, IValidation

from cdk.acknowledged import acknowledge
from cdk.bucket import kept
from cdk.config import KeySettings
from cdk.function import Function, Runs
from signer.rotation.stack_properties import asked

# docs/rotation-function.md, "Permissions": what a tick asks of CloudFront. An id that is not known
# yet cannot be named.
KEY_GROUP_ACTIONS: Final = (
    "cloudfront:CreateKeyGroup",
    "cloudfront:CreatePublicKey",
    "cloudfront:DeletePublicKey",
    "cloudfront:GetDistribution",
    "cloudfront:GetKeyGroup",
    "cloudfront:GetPublicKey",
    "cloudfront:ListDistributionsByKeyGroup",
    "cloudfront:ListKeyGroups",
    "cloudfront:ListPublicKeys",
    "cloudfront:UpdateKeyGroup",
)
_PROPERTIES: Final = MappingProxyType(
    {
        "Algorithm": "algorithm",
        "Custody": "custody",
        "MaxLifetime": "max_lifetime",
        "Period": "period",
        "Soak": "soak",
        "StaleLimit": "stale_limit",
        "Skew": "skew",
        "RollbackWindow": "rollback_window",
    }
)
# Others wait 120 seconds for a tick that died; docs/rotation-function.md, "Deploy".
_TICK_SECONDS: Final = 60
# Behind a tick that runs, and Lambda's own pauses before it tries again.
_EVENT_SECONDS: Final = 300


class Keyring(Construct):
    """Two secrets, the ring's table, the tick function with its schedule, and the key group.

    The template has neither a key nor the members of the group: one custom resource makes them
    when the stack is created, and says only the group's id. So no deployment, roll-back or
    correction of drift can take a rotation back.

    Args:
        scope: Where it belongs.
        construct_id: Its name there.
        name: Of the ring; in the names of all that is made at CloudFront.
        code: The function, from :func:`cdk.bundling.code` with ``rotate.py``.
        settings: What the team decides.
        runs: What the function runs on.
        probe_url: A URL, or a path at every distribution that trusts the group, to try new keys
            at; no probes without.
        reserved_concurrency: Two ticks at once do no harm, the second says ``busy``; None for an
            account that may run ten functions at once, of which none can be reserved.

    Attributes:
        signing_role: Who signs, once that is said.
        signing_secret: Its current version is the credential that issuers read.
        standby_secret: The next key, which no issuer may read.
        table: Has the ring's item, and no key material.
        function: One tick an invocation.
        key_group_id: The id of the key group, known once the stack is there.
        key_group: The same, for behaviors.
        ring: What ``SIGNER_RING`` says: the ring's place.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        code: lambda_.Code,
        settings: KeySettings | None = None,
        runs: Runs | None = None,
        probe_url: str | None = None,
        reserved_concurrency: int | None = 1,
    ) -> None:
        super().__init__(scope, construct_id)
        self._name = name
        self.signing_role: iam.IRole | None = None
        self._settings = settings = settings or KeySettings()
        keep = kept(not settings.destroy)
        self.signing_secret = self._secret("Signing", "what issuers sign with", keep)
        self.standby_secret = self._secret("Standby", "the next key, for the rotation alone", keep)
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="name", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            removal_policy=keep,
        )
        self.ring = f"dynamodb:{self.table.table_name}/{name}"
        self.function = Function(
            self,
            "Tick",
            code=code,
            handler="rotate.handler",
            runs=runs,
            environment={"SIGNER_RING": self.ring},
            timeout=Duration.seconds(_TICK_SECONDS),
            memory=256,
            reserved_concurrency=reserved_concurrency,
        )
        # The next tick is another attempt, and it looks first.
        self.function.lambda_function.configure_async_invoke(retry_attempts=0)
        self._permit()
        resource = self._resource(probe_url)
        self._properties = cast("CfnResource", resource.node.default_child)
        self.key_group_id = resource.get_att_string("KeyGroupId")
        self.key_group = cloudfront.KeyGroup.from_key_group_id(self, "KeyGroup", self.key_group_id)
        # Without a ring every tick would fail.
        self._schedule().node.add_dependency(resource)
        self.node.add_validation(_HasSigner(self))

    @property
    def signs_in_kms(self) -> bool:
        """Whether keys never leave KMS."""
        return self._settings.custody == "kms"

    @property
    def _has_kms_keys(self) -> bool:
        """Whether there may be keys in KMS: former ones, of whom a tick asks as well."""
        return self.signs_in_kms or self._settings.former_kms_keys

    def let_sign(self, role: iam.IRole) -> None:
        """Say who signs: for keys in KMS the rotation permits it to that role, key by key.

        Args:
            role: The issuer's.
        """
        self.signing_role = role
        if self._has_kms_keys:
            self._properties.add_property_override("IssuerRoleArn", role.role_arn)
            self._permit_kms(role)

    def _secret(
        self, construct_id: str, purpose: str, keep: RemovalPolicy
    ) -> secretsmanager.Secret:
        """Make a secret without any value: a key is the rotation's to write."""
        secret = secretsmanager.Secret(
            self,
            construct_id,
            description=f"{self._name}: {purpose}",
            removal_policy=keep,
        )
        # What is generated would be written again, over a credential, when the template changes.
        made = cast("CfnResource", secret.node.default_child)
        made.add_property_deletion_override("GenerateSecretString")
        acknowledge(
            secret,
            "AwsSolutions-SMG4",
            "The ring's own ticks replace it: Secrets Manager's rotation knows no soak.",
        )
        return secret

    def _permit(self) -> None:
        """Add the permissions of docs/rotation-function.md, by the names that they have there."""
        role = self.function.role
        role.add_to_principal_policy(
            iam.PolicyStatement(
                sid="TickRing",
                actions=["dynamodb:GetItem", "dynamodb:PutItem"],
                resources=[self.table.table_arn],
            )
        )
        role.add_to_principal_policy(
            iam.PolicyStatement(
                sid="TickSecrets",
                actions=[
                    "secretsmanager:DescribeSecret",
                    "secretsmanager:GetSecretValue",
                    "secretsmanager:PutSecretValue",
                    "secretsmanager:UpdateSecretVersionStage",
                ],
                resources=[self.signing_secret.secret_arn, self.standby_secret.secret_arn],
            )
        )
        role.add_to_principal_policy(
            iam.PolicyStatement(
                sid="TickKeyGroup", actions=list(KEY_GROUP_ACTIONS), resources=["*"]
            )
        )
        if self._settings.destroy:
            role.add_to_principal_policy(
                iam.PolicyStatement(
                    sid="DestroyGroup", actions=["cloudfront:DeleteKeyGroup"], resources=["*"]
                )
            )
        self.function.acknowledge(
            "AwsSolutions-IAM5[Resource::*]",
            "CloudFront's public keys and key groups, and KMS's new keys, have no name before "
            "they are made.",
        )

    def _permit_kms(self, signing_role: iam.IRole) -> None:
        """Add the statement for keys in KMS, in parts: whose resources and conditions differ.

        A condition on the keys' own tag takes minutes to count (AWS page "ABAC for AWS KMS"),
        longer than a stack's first key may take.
        """
        stack = Stack.of(self)
        key = stack.format_arn(service="kms", resource="key", resource_name="*")
        only_signing = {
            "StringEquals": {"kms:GranteePrincipal": signing_role.role_arn},
            "ForAllValues:StringEquals": {"kms:GrantOperations": ["Sign"]},
        }
        parts: dict[str, tuple[list[str], str, Mapping[str, object] | None]] = {
            "MakeKmsKeys": (["kms:CreateKey", "kms:ListKeys", "kms:TagResource"], "*", None),
            "UseKmsKeys": (
                [
                    "kms:DescribeKey",
                    "kms:GetPublicKey",
                    "kms:Sign",
                ],
                key,
                None,
            ),
            # By then the tag counts; a try that comes too early is made again by the next tick.
            "EndKmsKeys": (
                ["kms:DisableKey", "kms:ScheduleKeyDeletion"],
                key,
                {"StringEquals": {"aws:ResourceTag/signer-ring": self._name}},
            ),
            # Without it the rotation could permit anybody to do anything with a key.
            "GrantKmsKeys": (["kms:CreateGrant"], key, only_signing),
        }
        for sid, (actions, resource, conditions) in parts.items():
            statement = iam.PolicyStatement(
                sid=sid, actions=actions, resources=[resource], conditions=conditions
            )
            self.function.role.add_to_principal_policy(statement)
        self.function.acknowledge(
            "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:kms:"
            f"{stack.region}:<AWS::AccountId>:key/*]",
            "A new key has no name yet; a condition on its tag takes minutes to count.",
        )

    def _resource(self, probe_url: str | None) -> CustomResource:
        settings = self._settings
        properties: dict[str, str] = {
            "Name": self._name,
            "SigningSecret": self.signing_secret.secret_arn,
            "StandbySecret": self.standby_secret.secret_arn,
            "ProbeUrl": probe_url or "",
            "Probes": str(settings.probes),
            "Destroy": "true" if settings.destroy else "false",
            **{name: getattr(settings, ours) for name, ours in _PROPERTIES.items()},
        }
        # Now, and not when the function is asked, in the middle of a deployment.
        asked({**properties, "IssuerRoleArn": "said by let_sign"})
        return CustomResource(
            self,
            "Ring",
            resource_type="Custom::SigningKeyRing",
            service_token=self.function.lambda_function.function_arn,
            service_timeout=Duration.seconds(_EVENT_SECONDS),
            properties=properties,
            # What Delete does is the function's to decide, by Destroy.
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _schedule(self) -> scheduler.CfnSchedule:
        stack = Stack.of(self)
        own_account = {"StringEquals": {"aws:SourceAccount": stack.account}}
        role = iam.Role(
            self,
            "SchedulerRole",
            assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com", conditions=own_account),
        )
        arn = self.function.lambda_function.function_arn
        role.add_to_principal_policy(
            iam.PolicyStatement(
                sid="InvokeTick", actions=["lambda:InvokeFunction"], resources=[arn]
            )
        )
        schedule = scheduler.CfnSchedule(
            self,
            "Schedule",
            description=f"{self._name}: one tick of the rotation",
            schedule_expression=_rate(self._settings.tick_minutes),
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=arn,
                role_arn=role.role_arn,
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(maximum_retry_attempts=0),
            ),
        )
        schedule.node.add_dependency(role)
        return schedule


@jsii.implements(IValidation)
class _HasSigner:
    """Keys in KMS are of no use to anybody while nobody is permitted to sign with them."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def validate(self) -> list[str]:
        """Return what is wrong."""
        lacking = self._keyring.signs_in_kms and self._keyring.signing_role is None
        return ["keys in KMS need Keyring.let_sign(role)"] if lacking else []


def _rate(minutes: int) -> str:
    return "rate(1 minute)" if minutes == 1 else f"rate({minutes} minutes)"
