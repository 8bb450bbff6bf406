"""Why a rule of a policy linter is not kept: said where the construct is made."""

from __future__ import annotations

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Record why a construct, with all in it, does not keep a rule.

    Args:
        construct: What the rule complains about.
        rule: Such as ``AwsSolutions-SMG4``, or ``AwsSolutions-IAM5[Resource::*]``.
        reason: For whoever reads the report.
    """
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))
