"""What CloudFront's API tells about a distribution, in the terms of the local edge.

What this edge does not know about is passed over where that is harmless (docs/edge.md lists it)
and refused where a guess would open what CloudFront keeps shut, or ask the wrong server.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from signer.edge.cloudfront_origins import Told, items_of, origins_of
from signer.edge.cloudfront_policies import Policies
from signer.edge.distribution import METHODS, AllowedMethods, Behavior, Distribution
from signer.edge.local_settings import LeftOut, LocalSettings
from signer.errors import ConfigurationError, excerpt
from signer.verifier import TrustedKeyGroup

# Aliases and the distribution's own name resolve to CloudFront; these are what works locally.
_LOCAL_NAMES: Final = ("localhost", "127.0.0.1")


def behaviors_of(config: Told) -> list[Told]:
    """Return the default behavior and then the others, in their order."""
    return [config["DefaultCacheBehavior"], *items_of(config.get("CacheBehaviors"))]


def key_group_ids(behavior: Told) -> list[str]:
    """Return the ids of the key groups that a behavior trusts.

    Raises:
        ConfigurationError: ``cloudfront_behavior``: it needs signatures by keys that cannot be
            read.
    """
    signers, groups = behavior.get("TrustedSigners") or {}, behavior.get("TrustedKeyGroups") or {}
    if signers.get("Enabled") or items_of(signers):
        raise _unusable(behavior, "trusts signers of AWS accounts, whose keys no API tells")
    ids = items_of(groups)
    if groups.get("Enabled") and not ids:
        raise _unusable(behavior, "trusts key groups, and names none")
    return ids


def distribution_of(
    told: Told,
    groups: Mapping[str, TrustedKeyGroup],
    policies: Policies,
    local: LocalSettings,
) -> Distribution:
    """Put together what the API told.

    Args:
        told: ``Distribution`` of GetDistribution.
        groups: Every key group that a behavior trusts, by its id.
        policies: Finds the policies of behaviors.
        local: Belongs to this machine.

    Raises:
        ConfigurationError: ``cloudfront_origin``, ``cloudfront_behavior``,
            ``cloudfront_error_page``, or a field that this edge does not take.
    """
    config = told["DistributionConfig"]
    _check_left_out(config, local.without)
    default, *others = [
        Behavior(
            origin=behavior["TargetOriginId"],
            path_pattern=behavior.get("PathPattern", "*"),
            trusted_key_groups=tuple(groups[one].name for one in key_group_ids(behavior)),
            allowed_methods=_methods(behavior),
            forward_cookies=policies.forwards_cookies(behavior),
            response_headers=policies.response_headers(behavior),
        )
        for behavior in behaviors_of(config)
    ]
    used = dict.fromkeys(behavior.origin for behavior in (default, *others))
    return Distribution(
        origins=origins_of(config, used, local),
        default_behavior=default,
        behaviors=tuple(others),
        key_groups={group.name: group for group in groups.values()},
        domain_names=_domain_names(told) if local.domain_names is None else local.domain_names,
        default_root_object=config.get("DefaultRootObject") or None,
        viewer_certificate=local.viewer_certificate,
        assumptions=local.assumptions,
        explain_header=local.explain_header,
    )


def _check_left_out(config: Told, without: tuple[LeftOut, ...]) -> None:
    """Refuse what would answer viewers otherwise than this edge, unless it may be left out."""
    for behavior in behaviors_of(config):
        for key in ("FunctionAssociations", "LambdaFunctionAssociations"):
            if items_of(behavior.get(key)) and "functions" not in without:
                problem = "runs functions at the edge, which the local edge does not run"
                raise _unusable(behavior, problem, advice=_advice("functions"))
    for page in items_of(config.get("CustomErrorResponses")):
        # One without a page only says how long an error is cached.
        if page.get("ResponsePagePath") and "error_pages" not in without:
            raise ConfigurationError(
                "cloudfront_error_page",
                f"the distribution has an error page of its own for {page['ErrorCode']}, which "
                "the local edge does not show",
                advice=_advice("error_pages"),
            )


def _advice(what: LeftOut) -> str:
    return f'to serve the rest, put without = ["{what}"] into the configuration file'


def _methods(behavior: Told) -> AllowedMethods:
    # GET and HEAD are CloudFront's own default.
    given = frozenset(items_of(behavior.get("AllowedMethods"))) or METHODS["GET_HEAD"]
    for name, methods in METHODS.items():
        if methods == given:
            return name
    raise _unusable(behavior, "allows methods that CloudFront does not offer together")


def _domain_names(told: Told) -> tuple[str, ...]:
    aliases = items_of(told["DistributionConfig"].get("Aliases"))
    names = [*aliases, *filter(None, [told.get("DomainName")]), *_LOCAL_NAMES]
    return tuple(dict.fromkeys(name.lower() for name in names))


def _unusable(behavior: Told, problem: str, *, advice: str = "") -> ConfigurationError:
    pattern = excerpt(behavior.get("PathPattern", "*"))
    text = f"the behavior {pattern} {problem}"
    return ConfigurationError("cloudfront_behavior", text, advice=advice)
