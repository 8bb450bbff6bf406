"""The demo's distribution as something that CloudFront has: made through its API, and followed."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, Final

from signer.edge import (
    Behavior,
    CloudFrontApi,
    Distribution,
    EdgeLocation,
    LocalSettings,
    Locations,
)
from signer.edge.distribution import METHODS

LOCATIONS: Final = (EdgeLocation("near"), EdgeLocation("far", 8.0))
"""One edge location that learns of a change at once, and one that takes eight seconds."""

POLL_SECONDS: Final = 1.0

# AWS's own policies, under the ids that AWS gave them. AWS pages: "Use managed cache policies",
# "Use managed origin request policies".
_CACHING_DISABLED: Final = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
_ALL_VIEWER: Final = "216adef6-5c7f-47e4-b989-5492eafa07d3"


def followed(
    client: Any,  # noqa: ANN401 - boto3's clients have no common type
    site: Distribution,
    key_group_id: str,
    *,
    locations: Sequence[EdgeLocation] = LOCATIONS,
    poll_seconds: float = POLL_SECONDS,
) -> Locations:
    """Make a distribution in CloudFront, and return edge locations that follow it.

    Args:
        client: boto3's client of CloudFront.
        site: What to make; its origins stay what they are on this machine.
        key_group_id: The key group that all its private behaviors trust.
        locations: Simulated edge locations.
        poll_seconds: Seconds between two looks at CloudFront.

    Raises:
        ConfigurationError: ``cloudfront_distribution``: CloudFront gave it an id that is none.
    """
    made = client.create_distribution(DistributionConfig=_config(site, key_group_id))
    local = LocalSettings(
        origins=site.origins,
        domain_names=site.domain_names,
        explain_header=site.explain_header,
    )
    api = CloudFrontApi(client, made["Distribution"]["Id"], local)
    return Locations(api.read, locations, poll_seconds=poll_seconds)


def _config(site: Distribution, key_group_id: str) -> dict[str, object]:
    """Return a distribution in the terms of CreateDistribution (API_CreateDistribution)."""
    behaviors = [
        {"PathPattern": behavior.path_pattern, **_behavior(behavior, key_group_id)}
        for behavior in site.behaviors
    ]
    return {
        "CallerReference": str(uuid.uuid4()),
        "Comment": "signer dev",
        "Enabled": True,
        "DefaultRootObject": site.default_root_object or "",
        "Origins": _items([_origin(name) for name in site.origins]),
        "DefaultCacheBehavior": _behavior(site.default_behavior, key_group_id),
        "CacheBehaviors": _items(behaviors),
    }


def _origin(name: str) -> dict[str, object]:
    # The edge on this machine knows what stands for it; nobody ever asks for this host.
    custom = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}
    return {"Id": name, "DomainName": f"{name}.demo.invalid", "CustomOriginConfig": custom}


def _behavior(behavior: Behavior, key_group_id: str) -> dict[str, object]:
    groups = [key_group_id] if behavior.trusted_key_groups else []
    told: dict[str, object] = {
        "TargetOriginId": behavior.origin,
        "ViewerProtocolPolicy": "allow-all",
        "CachePolicyId": _CACHING_DISABLED,
        "AllowedMethods": _items(sorted(METHODS[behavior.allowed_methods])),
        "TrustedKeyGroups": {"Enabled": bool(groups), **_items(groups)},
    }
    if behavior.forward_cookies:
        told["OriginRequestPolicyId"] = _ALL_VIEWER
    return told


def _items(items: list[Any]) -> dict[str, object]:
    return {"Quantity": len(items), "Items": items}
