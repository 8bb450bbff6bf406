"""Who else changes the keys: messages about calls that only the rotation should make.

They come from CloudTrail, so the account needs a trail with management events; CloudFront's are in
us-east-1. AWS page: "AWS service events delivered via AWS CloudTrail". A call that was refused
counts as well, where it names what it was for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from aws_cdk import Fn, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns
from constructs import Construct

Pattern = dict[str, Any]

GROUP_CALLS: Final = ("DeleteKeyGroup", "UpdateKeyGroup")
KEY_CALLS: Final = ("CreatePublicKey", "DeletePublicKey", "UpdatePublicKey")
SECRET_CALLS: Final = (
    "DeleteResourcePolicy",
    "DeleteSecret",
    "PutResourcePolicy",
    "PutSecretValue",
    "ReplicateSecretToRegions",
    "RestoreSecret",
    "RotateSecret",
    "UpdateSecret",
    "UpdateSecretVersionStage",
)
READING_CALLS: Final = ("GetSecretValue",)

_ALL_EVENTS: Final = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
# Of an ARN: arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-SUFFIX
_NAME_PART: Final = 6
_SEEN: Final = MappingProxyType(
    {
        "what": "$.detail.eventName",
        "who": "$.detail.userIdentity.arn",
        "from": "$.detail.sourceIPAddress",
        "when": "$.detail.eventTime",
        "id": "$.detail.eventID",
        "error": "$.detail.errorCode",
    }
)


class KeyAudit(Construct):
    """Rules of EventBridge that tell a topic about changes to keys by anybody but the rotation.

    Changes of distributions are not among them: deployments make them. ``kms:Sign`` is not either:
    issuers call it all day.

    Args:
        scope: Where it belongs.
        construct_id: Its name there.
        topic: Who is told. One that was made elsewhere has to let ``events.amazonaws.com`` publish.
        rotators: ARNs of the roles that may change keys: the tick function's. Of other rings in
            the account as well, since a call that makes a public key does not say for which.
        key_group_id: The ring's key group; without it, changes of every group are told.
        signing_secret: Changes of it are told.
        standby_secret: The next key's: changes are told, and every reading by anybody else.
        readers: ARNs of the roles that may read the signing secret. With them everybody else's
            reading is told; CloudTrail has each reading, so this is an option.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        topic: sns.ITopic,
        rotators: Sequence[str],
        key_group_id: str | None = None,
        signing_secret: secretsmanager.ISecret | None = None,
        standby_secret: secretsmanager.ISecret | None = None,
        readers: Sequence[str] = (),
    ) -> None:
        super().__init__(scope, construct_id)
        self._topic = topic
        group = {} if key_group_id is None else {"requestParameters": {"id": [key_group_id]}}
        self._rule(
            "Group",
            "A key group was changed, and not by the rotation",
            calls("cloudfront", GROUP_CALLS, besides=rotators, detail=group),
            "signer rotate status tells whether a foreign key is in the group.",
        )
        self._rule(
            "Keys",
            "A public key was changed, and not by the rotation",
            calls("cloudfront", KEY_CALLS, besides=rotators),
            "It opens nothing until it is in a key group.",
        )
        if signing_secret is not None:
            self._secret_rules(signing_secret, rotators, readers)
        if standby_secret is not None:
            self._rule(
                "Standby",
                "The secret with the next key was read or changed, and not by the rotation",
                calls(
                    "secretsmanager",
                    (*READING_CALLS, *SECRET_CALLS),
                    besides=rotators,
                    detail=_changed(standby_secret),
                ),
                "signer rotate revoke KEY ends it before it signs, if it is known to others.",
                state=_ALL_EVENTS,
            )

    def _secret_rules(
        self, secret: secretsmanager.ISecret, rotators: Sequence[str], readers: Sequence[str]
    ) -> None:
        self._rule(
            "Secret",
            "The signing secret was changed, and not by the rotation",
            calls("secretsmanager", SECRET_CALLS, besides=rotators, detail=_changed(secret)),
            "signer rotate status tells whether issuers sign with a key of the ring.",
        )
        if readers:
            self._rule(
                "Reading",
                "The signing secret was read by somebody who does not sign",
                calls(
                    "secretsmanager",
                    READING_CALLS,
                    besides=[*rotators, *readers],
                    detail={"requestParameters": {"secretId": secret_ids(secret)}},
                ),
                "signer rotate revoke KEY ends all that the key opens, if it is known to others.",
                state=_ALL_EVENTS,
            )

    def _rule(
        self, name: str, means: str, pattern: Pattern, todo: str, *, state: str = "ENABLED"
    ) -> None:
        message = f"{means}: <what> by <who> from <from> at <when>, event <id>. <error> {todo}"
        rule = events.CfnRule(
            self,
            name,
            description=means,
            event_pattern=pattern,
            state=state,
            targets=[
                events.CfnRule.TargetProperty(
                    id="Topic",
                    arn=self._topic.topic_arn,
                    input_transformer=events.CfnRule.InputTransformerProperty(
                        input_paths_map=dict(_SEEN), input_template=f'"{message}"'
                    ),
                )
            ],
        )
        self._topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid=f"Tell{name}",
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self._topic.topic_arn],
                conditions={"ArnEquals": {"aws:SourceArn": rule.attr_arn}},
            )
        )


def calls(
    service: str,
    names: Sequence[str],
    *,
    besides: Sequence[str],
    detail: Mapping[str, Any] | None = None,
) -> Pattern:
    """Return the pattern of calls by anybody but some roles.

    Args:
        service: Such as ``cloudfront``.
        names: Of the calls.
        besides: ARNs of roles.
        detail: What else is to be in CloudTrail's record.
    """
    # Users and the account's root have no role: "anything-but" alone does not match what is not
    # there. AWS page: "Comparison operators for use in event patterns".
    others = [{"anything-but": list(besides)}, {"exists": False}]
    return {
        "source": [f"aws.{service}"],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {
            "eventSource": [f"{service}.amazonaws.com"],
            "eventName": list(names),
            "userIdentity": {"sessionContext": {"sessionIssuer": {"arn": others}}},
            **(detail or {}),
        },
    }


def secret_ids(secret: secretsmanager.ISecret) -> list[str]:
    """Return what a caller may call a secret: its ARN, or its name."""
    arn = secret.secret_arn
    made = secret.node.default_child
    if not isinstance(made, secretsmanager.CfnSecret):
        return [arn, secret.secret_name]
    name = Stack.of(secret).resolve(made.name)
    if name is None:
        # CloudFormation's own names are LOGICALID-RANDOM, and the ARN ends with one more part.
        parts = Fn.split("-", Fn.select(_NAME_PART, Fn.split(":", arn)))
        name = Fn.join("-", [Fn.select(0, parts), Fn.select(1, parts)])
    return [arn, name]


def _changed(secret: secretsmanager.ISecret) -> Pattern:
    """Return how a record says which secret was changed.

    AWS page: "Match AWS Secrets Manager events with Amazon EventBridge": the answer has the ARN,
    by whatever name the caller called it; in some older forms as ``aRN``. A call that was refused
    has no answer.
    """
    arn = secret.secret_arn
    return {
        "$or": [
            {"requestParameters": {"secretId": secret_ids(secret)}},
            {"responseElements": {"arn": [arn]}},
            {"responseElements": {"aRN": [arn]}},
        ]
    }
