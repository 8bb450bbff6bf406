"""The origins of a distribution, as CloudFront's API tells them, in the terms of the local edge."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypedDict

from signer.edge.local_settings import LocalSettings
from signer.edge.origin import FunctionUrlOrigin, HttpOrigin, Origin, S3Origin, is_function_url
from signer.errors import ConfigurationError, excerpt

Told = Mapping[str, Any]
"""A structure of CloudFront's API, as boto3 gives it."""

# AWS page: "Amazon S3 endpoints and quotas" (s3 in the General Reference). Website endpoints are
# custom origins.
_S3_DOMAIN: Final = re.compile(
    r"(?P<bucket>.+?)\.s3(?:[.-](?:dualstack\.)?(?P<region>[a-z]{2,}(?:-[a-z]+)+-[0-9]+))?"
    r"\.amazonaws\.com(?:\.cn)?"
)


class _Credentials(TypedDict):
    access_key_id: str | None
    secret_access_key: str | None
    session_token: str | None


def items_of(told: Told | None) -> list[Any]:
    """Return the items of one of CloudFront's lists, which leaves them out when it is empty."""
    return list((told or {}).get("Items") or [])


def is_true(value: object) -> bool:
    """Tell whether a flag is set; templates may write it as a word."""
    return str(value).lower() == "true"


def origins_of(config: Told, used: Mapping[str, None], local: LocalSettings) -> dict[str, Origin]:
    """Return what is asked on this machine for each origin.

    Args:
        config: ``DistributionConfig``.
        used: Ids of the origins that behaviors name.
        local: Has what stands for some of them here.

    Raises:
        ConfigurationError: ``cloudfront_origin``, ``configuration_reference``, or a field that
            an origin here does not take.
    """
    told = {origin["Id"]: origin for origin in items_of(config.get("Origins"))}
    groups = {group["Id"] for group in items_of(config.get("OriginGroups"))}
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
            raise untold_origin(name, "is a group of origins" if name in groups else "is not told")
    return origins


def untold_origin(name: str, problem: str) -> ConfigurationError:
    """Return the error for an origin that somebody has to name here."""
    return ConfigurationError(
        "cloudfront_origin",
        f"the origin {excerpt(name)} {problem}",
        advice=f"say what stands for it here, in [origins.{name}] of the configuration file",
        origin=name,
    )


def _origin(told: Told, local: LocalSettings) -> Origin:
    name, domain = told["Id"], told["DomainName"]
    if items_of(told.get("CustomHeaders")):
        raise untold_origin(name, "gets headers of its own, which the local edge does not send")
    bucket = _S3_DOMAIN.fullmatch(domain)
    if bucket is not None and "CustomOriginConfig" not in told:
        region = {"region": bucket["region"]} if bucket["region"] else {}
        return S3Origin(
            bucket["bucket"],
            prefix=told.get("OriginPath") or "",
            endpoint_url=local.s3_endpoint_url,
            **region,
            **_credentials(local),
        )
    custom = told.get("CustomOriginConfig")
    if custom is None:
        kind = "is in a VPC" if "VpcOriginConfig" in told else "has no known kind of address"
        raise untold_origin(name, kind)
    connect_timeout = float(told.get("ConnectionTimeout") or 10)
    read_timeout = float(custom.get("OriginReadTimeout") or 30)
    if is_function_url(domain):
        return FunctionUrlOrigin(
            f"https://{domain}",
            endpoint_url=local.lambda_endpoint_url,
            prefix=told.get("OriginPath") or "",
            origin_access_control=bool(told.get("OriginAccessControlId")),
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            **_credentials(local),
        )
    if told.get("OriginAccessControlId"):
        raise untold_origin(name, "is asked with signed requests")
    return HttpOrigin(
        _base_url(told, custom, secure=local.viewer_certificate is not None),
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
    )


def _credentials(local: LocalSettings) -> _Credentials:
    return {
        "access_key_id": local.access_key_id,
        "secret_access_key": local.secret_access_key,
        "session_token": local.session_token,
    }


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
