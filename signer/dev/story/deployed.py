"""The part of the story that is about the stack: it is what was synthesized, and it ends whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from signer.dev.bucket import empty
from signer.dev.rotating import client_of
from signer.dev.story.viewer import require

if TYPE_CHECKING:
    from signer.dev.deployment import Deployment

_UNCHANGED = "There were no differences"


class DeployedSteps:
    """Before everything else, and after it."""

    def __init__(self, deployment: Deployment) -> None:
        """Remember the stack; nothing is asked yet."""
        self._cdk = deployment.cdk
        self._outputs = deployment.outputs

    def first(self) -> list[tuple[str, Callable[[], str]]]:
        """Return the steps that come first, each with its title."""
        return [("what is deployed is what was synthesized", self.unchanged)]

    def last(self) -> list[tuple[str, Callable[[], str]]]:
        """Return the steps that come last, each with its title."""
        return [("the stack is taken down, and nothing of it is left", self.taken_down)]

    def unchanged(self) -> str:
        """Another deployment has nothing to do, though a ring has begun to make keys."""
        told = self._cdk.diff()
        require(_UNCHANGED in told, told)
        return "cdk diff: no differences"

    def taken_down(self) -> str:
        """Distribution, functions, key group and keys, ring, secrets and bucket."""
        endpoint_url = self._cdk.endpoint_url
        files = empty(endpoint_url, self._outputs["BucketName"])
        self._cdk.destroy()
        cloudfront = client_of(endpoint_url, "cloudfront")
        left = {
            "distributions": cloudfront.list_distributions()["DistributionList"].get("Items", []),
            "key groups": cloudfront.list_key_groups()["KeyGroupList"].get("Items", []),
            "public keys": cloudfront.list_public_keys()["PublicKeyList"].get("Items", []),
            "functions": client_of(endpoint_url, "lambda").list_functions()["Functions"],
            "tables": client_of(endpoint_url, "dynamodb").list_tables()["TableNames"],
        }
        remaining = [name for name, found in left.items() if found]
        require(not remaining, f"there still are {', '.join(remaining)}")
        return f"{files} files and every resource are gone"
