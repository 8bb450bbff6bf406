"""The one Region that CloudFront's own things are in."""

from __future__ import annotations

from typing import Final

import jsii
from aws_cdk import Stack, Token
from constructs import Construct, IValidation

REGION: Final = "us-east-1"
"""Where CloudFront's certificates, web ACLs, metrics, logs and calls are."""


@jsii.implements(IValidation)
class InItsRegion:
    """Tells, when a stack is synthesized, of a construct that would be of no use in its Region.

    Args:
        construct: The construct.
        because: What is there and nowhere else, such as "certificates for CloudFront are".
    """

    def __init__(self, construct: Construct, because: str) -> None:
        self._construct = construct
        self._because = because

    def validate(self) -> list[str]:
        """Return what is wrong."""
        region = Stack.of(self._construct).region
        if Token.is_unresolved(region) or region == REGION:
            return []
        return [f"{self._because} in {REGION}, and this stack is not"]
