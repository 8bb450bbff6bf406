"""What CloudFront's API tells about a distribution, in the terms of the local edge.

What this edge does not know about is passed over where that is harmless (docs/edge.md lists it)
and refused where a guess would open what CloudFront keeps shut, or ask the wrong server.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from signer.assumptions import Assumptions
from signer.edge.distribution import (
    METHODS,
    AllowedMethods,
    Behavior,
    Distribution,
    HttpOrigin,
    Origin,
    S3Origin,
    ViewerCertificate,
)
from signer.errors import ConfigurationError, excerpt
from signer.verifier import TrustedKeyGroup

Told = Mapping[str, Any]
"""A structure of CloudFront's API, as boto3 gives it."""

# AWS page: "Amazon S3 endpoints and quotas" (s3 in the General Reference). Website endpoints are
# custom origins.
_S3_DOMAIN: Final = re.compile(
    r"(?P<bucket>.+?)\.s3(?:[.-](?:dualstack\.)?(?P<region>[a-z]{2,}(?:-[a-z]+)+-[0-9]+))?"
    r"\.amazonaws\.com(?:\.cn)?"
)
# Aliases and the distribution's own name resolve to CloudFront; these are what works locally.
_LOCAL_NAMES: Final = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSettings:
    """What the API cannot know about this machine.

    Attributes:
        origins: Origin id (or id of an origin group) to what stands for it here.
        domain_names: Host names that viewers may use; None for the distribution's own name and
            aliases, ``localhost`` and ``127.0.0.1``.
        viewer_certificate: Serve TLS; plain HTTP when None.
        assumptions: Rules where AWS documentation is silent.
        explain_header: Tell viewers the precise reason of a refusal in ``x-edge-reason``.
        s3_endpoint_url: The S3 of buckets that `origins` does not name; AWS's when None.
    """

    origins: Mapping[str, Origin] = field(default_factory=dict)
    domain_names: tuple[str, ...] | None = None
    viewer_certificate: ViewerCertificate | None = None
    assumptions: Assumptions = field(default_factory=Assumptions)
    explain_header: bool = False
    s3_endpoint_url: str | None = None


def behaviors_of(config: Told) -> list[Told]:
    """Return the default behavior and then the others, in their order."""
    return [config["DefaultCacheBehavior"], *_items(config.get("CacheBehaviors"))]


def key_group_ids(behavior: Told) -> list[str]:
    """Return the ids of the key groups that a behavior trusts.

    Raises:
        ConfigurationError: ``cloudfront_behavior``: it needs signatures by keys that cannot be
            read.
    """
    signers, groups = behavior.get("TrustedSigners") or {}, behavior.get("TrustedKeyGroups") or {}
    if signers.get("Enabled") or _items(signers):
        raise _unusable(behavior, "trusts signers of AWS accounts, whose keys no API tells")
    ids = _items(groups)
    if groups.get("Enabled") and not ids:
        raise _unusable(behavior, "trusts key groups, and names none")
    return ids


def distribution_of(
    told: Told,
    groups: Mapping[str, TrustedKeyGroup],
    forwards_cookies: Callable[[Told], bool],
    local: LocalSettings,
) -> Distribution:
    """Put together what the API told.

    Args:
        told: ``Distribution`` of GetDistribution.
        groups: Every key group that a behavior trusts, by its id.
        forwards_cookies: Tells whether a behavior passes cookies on, by its policies.
        local: Belongs to this machine.

    Raises:
        ConfigurationError: ``cloudfront_origin``, ``cloudfront_behavior``, or a field that this
            edge does not take.
    """
    config = told["DistributionConfig"]
    default, *others = [
        Behavior(
            origin=behavior["TargetOriginId"],
            path_pattern=behavior.get("PathPattern", "*"),
            trusted_key_groups=tuple(groups[one].name for one in key_group_ids(behavior)),
            allowed_methods=_methods(behavior),
            forward_cookies=forwards_cookies(behavior),
        )
        for behavior in behaviors_of(config)
    ]
    used = dict.fromkeys(behavior.origin for behavior in (default, *others))
    return Distribution(
        origins=_origins(config, used, local),
        default_behavior=default,
        behaviors=tuple(others),
        key_groups={group.name: group for group in groups.values()},
        domain_names=_domain_names(told) if local.domain_names is None else local.domain_names,
        default_root_object=config.get("DefaultRootObject") or None,
        viewer_certificate=local.viewer_certificate,
        assumptions=local.assumptions,
        explain_header=local.explain_header,
    )


def _methods(behavior: Told) -> AllowedMethods:
    # GET and HEAD are CloudFront's own default.
    given = frozenset(_items(behavior.get("AllowedMethods"))) or METHODS["GET_HEAD"]
    for name, methods in METHODS.items():
        if methods == given:
            return name
    raise _unusable(behavior, "allows methods that CloudFront does not offer together")


def _domain_names(told: Told) -> tuple[str, ...]:
    aliases = _items(told["DistributionConfig"].get("Aliases"))
    names = [*aliases, *filter(None, [told.get("DomainName")]), *_LOCAL_NAMES]
    return tuple(dict.fromkeys(name.lower() for name in names))


def _origins(config: Told, used: Mapping[str, None], local: LocalSettings) -> dict[str, Origin]:
    told = {origin["Id"]: origin for origin in _items(config.get("Origins"))}
    groups = {group["Id"] for group in _items(config.get("OriginGroups"))}
    for name in local.origins:
        if name not in told and name not in groups:
            # A misspelt name would leave the real origin in use, unnoticed.
            there = ", ".join(sorted({*told, *groups}))
            raise ConfigurationError(
                "configuration_reference",
                f"the distribution has no origin {excerpt(name)}",
                advice=f"it has: {there}",
                field=f"origins.{name}",
            )
    origins: dict[str, Origin] = {}
    for name in used:
        if name in local.origins:
            origins[name] = local.origins[name]
        elif name in told:
            origins[name] = _origin(told[name], local)
        else:
            raise _untold(name, "is a group of origins" if name in groups else "is not told")
    return origins


def _origin(told: Told, local: LocalSettings) -> Origin:
    name, domain = told["Id"], told["DomainName"]
    if _items(told.get("CustomHeaders")):
        raise _untold(name, "gets headers of its own, which the local edge does not send")
    bucket = _S3_DOMAIN.fullmatch(domain)
    if bucket is not None and "CustomOriginConfig" not in told:
        region = {"region": bucket["region"]} if bucket["region"] else {}
        return S3Origin(
            bucket["bucket"],
            prefix=told.get("OriginPath") or "",
            endpoint_url=local.s3_endpoint_url,
            **region,
        )
    custom = told.get("CustomOriginConfig")
    if custom is None:
        kind = "is in a VPC" if "VpcOriginConfig" in told else "has no known kind of address"
        raise _untold(name, kind)
    if told.get("OriginAccessControlId"):
        raise _untold(name, "is asked with signed requests")
    return HttpOrigin(
        _base_url(told, custom, secure=local.viewer_certificate is not None),
        connect_timeout=float(told.get("ConnectionTimeout") or 10),
        read_timeout=float(custom.get("OriginReadTimeout") or 30),
    )


def _base_url(told: Told, custom: Told, *, secure: bool) -> str:
    protocol = custom["OriginProtocolPolicy"]
    # Viewers here have one scheme in a run, so match-viewer is known as well.
    encrypted = secure if protocol == "match-viewer" else protocol == "https-only"
    scheme, port, usual = (
        ("https", custom.get("HTTPSPort"), 443)
        if encrypted
        else ("http", custom.get("HTTPPort"), 80)
    )
    host = told["DomainName"] if port in {None, usual} else f"{told['DomainName']}:{port}"
    return f"{scheme}://{host}{told.get('OriginPath') or ''}"


def _untold(name: str, problem: str) -> ConfigurationError:
    return ConfigurationError(
        "cloudfront_origin",
        f"the origin {excerpt(name)} {problem}",
        advice=f"say what stands for it here, in [origins.{name}] of the configuration file",
        origin=name,
    )


def _unusable(behavior: Told, problem: str) -> ConfigurationError:
    pattern = excerpt(behavior.get("PathPattern", "*"))
    return ConfigurationError("cloudfront_behavior", f"the behavior {pattern} {problem}")


def _items(told: Told | None) -> list[Any]:
    """Return the items of one of CloudFront's lists, which leaves them out when it is empty."""
    return list((told or {}).get("Items") or [])
