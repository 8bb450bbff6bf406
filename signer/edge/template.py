"""A distribution read from a CloudFormation template, as `cdk synth` writes it.

What is in the template is brought into the form of CloudFront's API, so that there is one way from
there on. What only a deployment knows is asked for: keys, and where origins are on this machine.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from signer.edge.cloudfront_config import distribution_of
from signer.edge.cloudfront_origins import Told, items_of
from signer.edge.cloudfront_policies import Policies
from signer.edge.distribution import Distribution
from signer.edge.intrinsics import NO_VALUE, Resolver, shown
from signer.edge.local_settings import TemplateSettings
from signer.edge.managed_policies import COOKIES, RESPONSE_HEADERS
from signer.errors import ConfigurationError, SignerError
from signer.verifier import TrustedKeyGroup

_DISTRIBUTION: Final = "AWS::CloudFront::Distribution"
_ACCESS_CONTROL: Final = "AWS::CloudFront::OriginAccessControl"
_POLICIES: Final = ("CachePolicyId", "OriginRequestPolicyId", "ResponseHeadersPolicyId")
_BEHAVIOR: Final = ("PathPattern", "TargetOriginId", "AllowedMethods", "ForwardedValues")
_ORIGIN: Final = ("DomainName", "OriginPath", "CustomOriginConfig", "ConnectionTimeout")
_PARTS: Final = (
    "CookiesConfig",
    "CorsConfig",
    "CustomHeadersConfig",
    "ParametersInCacheKeyAndForwardedToOrigin",
    "RemoveHeadersConfig",
    "SecurityHeadersConfig",
)
_MOST_BYTES: Final = 2_000_000


def read_template(
    path: Path, settings: TemplateSettings | None = None, *, logical_id: str | None = None
) -> Distribution:
    """Read the distribution of a template.

    Args:
        path: JSON file, such as ``cdk.out/media.template.json``.
        settings: What is not in the template.
        logical_id: Which distribution, if there are several.

    Raises:
        ConfigurationError: ``template_file``, ``template_distribution``; ``template_incomplete``
            with all that somebody has to tell; ``template_value`` or ``template_policy``; or what
            :func:`signer.edge.cloudfront_config.distribution_of` raises.
    """
    template = _parsed(path)
    name = _chosen(template, logical_id, path)
    try:
        return _Reader(template, settings or TemplateSettings()).distribution(name)
    except SignerError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        kind = type(error).__name__
    raise ConfigurationError(
        "template_file", f"{path}: {shown(name)} is not of the form that it should be ({kind})"
    )


def _parsed(path: Path) -> Told:
    try:
        data = path.read_bytes()
        template = json.loads(data) if len(data) <= _MOST_BYTES else None
    except OSError as error:
        problem = f"cannot be read: {error.strerror or 'unknown error'}"
    except (ValueError, RecursionError):
        problem = "is not JSON"
    else:
        if isinstance(template, dict) and isinstance(template.get("Resources"), dict):
            return template
        problem = "is not a CloudFormation template"
    advice = "cdk synth writes one as cdk.out/NAME.template.json"
    raise ConfigurationError("template_file", f"{path}: {problem}", advice=advice)


def _chosen(template: Told, logical_id: str | None, path: Path) -> str:
    there = [
        str(name)
        for name, resource in template["Resources"].items()
        if isinstance(resource, dict) and resource.get("Type") == _DISTRIBUTION
    ]
    if logical_id in there:
        return str(logical_id)
    if logical_id is None and len(there) == 1:
        return there[0]
    problem = (
        f"has no distribution {shown(logical_id)}"
        if logical_id is not None
        else "has several distributions"
        if there
        else "has no distribution"
    )
    advice = f"choose with --distribution one of: {', '.join(map(shown, there))}" if there else ""
    raise ConfigurationError("template_distribution", f"{path}: {problem}", advice=advice)


class _Reader:
    """Brings one distribution into the form of CloudFront's API."""

    def __init__(self, template: Told, settings: TemplateSettings) -> None:
        self._settings = settings
        self._resolver = Resolver(template, settings.values)
        self._missing: list[tuple[str, str]] = []
        for one in settings.values:
            if not self._resolver.knows(one):
                raise ConfigurationError(
                    "configuration_reference",
                    f"the template has no resource, and no parameter, {shown(one)}",
                    advice="a resource goes by its logical id, with .Attribute behind it or not",
                    field=f"values.{one}",
                )

    def distribution(self, name: str) -> Distribution:
        resolver = self._resolver
        config = resolver.opened(resolver.resources[name]["Properties"]["DistributionConfig"])
        default = self._behavior(resolver.opened(config["DefaultCacheBehavior"]))
        others = [self._behavior(one) for one in resolver.items(config.get("CacheBehaviors"))]
        groups = self._key_groups([default, *others])
        used = {behavior["TargetOriginId"] for behavior in (default, *others)}
        told = {
            "DistributionConfig": {
                "DefaultCacheBehavior": default,
                "CacheBehaviors": _listed(others),
                "Origins": _listed(
                    [self._origin(one, used) for one in resolver.items(config.get("Origins"))]
                ),
                "OriginGroups": _listed(self._origin_groups(config.get("OriginGroups"))),
                "CustomErrorResponses": _listed(
                    [
                        resolver.value(one)
                        for one in resolver.items(config.get("CustomErrorResponses"))
                    ]
                ),
                "DefaultRootObject": self._maybe(config, "DefaultRootObject"),
                "Aliases": _listed(self._aliases(config)),
            }
        }
        if self._missing:
            raise self._incomplete()
        return distribution_of(told, groups, self._policies(), self._settings.local)

    def _behavior(self, raw: Told) -> dict[str, Any]:
        resolver = self._resolver
        told = {key: resolver.value(raw[key]) for key in _BEHAVIOR if key in raw}
        told = {key: value for key, value in told.items() if value is not NO_VALUE}
        if "AllowedMethods" in told:
            told["AllowedMethods"] = _listed(told["AllowedMethods"])
        for key in _POLICIES:
            if not _absent(resolver.opened(raw.get(key))):
                told[key] = resolver.handle(raw[key])
        groups = [resolver.handle(one) for one in resolver.items(raw.get("TrustedKeyGroups"))]
        told["TrustedKeyGroups"] = {"Enabled": bool(groups), **_listed(groups)}
        signers = resolver.items(raw.get("TrustedSigners"))
        told["TrustedSigners"] = {"Enabled": bool(signers), **_listed(signers)}
        for key in ("FunctionAssociations", "LambdaFunctionAssociations"):
            told[key] = _listed(resolver.items(raw.get(key)))
        return told

    def _key_groups(self, behaviors: list[dict[str, Any]]) -> dict[str, TrustedKeyGroup]:
        settings = self._settings
        names = [one for told in behaviors for one in items_of(told["TrustedKeyGroups"])]
        for name in settings.key_groups:
            if name not in names:
                there = ", ".join(map(shown, dict.fromkeys(names))) or "none"
                raise ConfigurationError(
                    "configuration_reference",
                    f"no behavior trusts the key group {shown(name)}",
                    advice=f"trusted are: {there}",
                    field=f"key_groups.{name}",
                )
        groups: dict[str, TrustedKeyGroup] = {}
        for name in dict.fromkeys(names):
            if name in settings.key_groups:
                groups[name] = replace(settings.key_groups[name], name=name)
            elif settings.keys:
                groups[name] = TrustedKeyGroup(keys=settings.keys, name=name)
            else:
                what = f"the keys of the key group {shown(name)}"
                self._missing.append((what, f"--key, or [key_groups.{_toml_key(name)}]"))
        return groups

    def _origin(self, raw: Told, used: set[str]) -> dict[str, Any]:
        """Return an origin; of one that is not asked, or stands for another here, only its id."""
        resolver = self._resolver
        name = resolver.text(raw["Id"])
        told: dict[str, Any] = {"Id": name}
        if name not in used or name in self._settings.local.origins:
            return told
        try:
            given = {key: raw[key] for key in _ORIGIN if key in raw}
            told |= resolver.value(given)
            control = self._access_control(raw.get("OriginAccessControlId"))
        except ConfigurationError as error:
            if error.code != "template_value":
                raise
            needed = error.evidence.get("needed")
            value = f", or {_toml_key(str(needed))} in [values]" if needed else ""
            self._missing.append(
                (
                    f"where the origin {shown(name)} is ({error.message})",
                    f"[origins.{_toml_key(name)}]{value}",
                )
            )
            return told
        told["OriginAccessControlId"] = control
        # Their values may be secret, and are not sent.
        told["CustomHeaders"] = _listed(resolver.items(raw.get("OriginCustomHeaders")))
        if "VpcOriginConfig" in raw:
            told["VpcOriginConfig"] = {}
        return told

    def _access_control(self, raw: object) -> str:
        """Return the id of an origin access control that signs always, or nothing."""
        resolver = self._resolver
        if _absent(resolver.opened(raw)):
            return ""
        name = resolver.handle(raw)
        resource = resolver.resources.get(name) or {}
        if resource.get("Type") == _ACCESS_CONTROL:
            config = resource["Properties"]["OriginAccessControlConfig"]
            if resolver.text(config["SigningBehavior"]) != "always":
                raise ConfigurationError(
                    "cloudfront_origin",
                    f"{shown(name)} does not sign every request, which the local edge does",
                    advice="set its SigningBehavior to always",
                )
        return name

    def _origin_groups(self, raw: object) -> list[dict[str, str]]:
        resolver = self._resolver
        groups = resolver.opened(raw)
        if _absent(groups):
            return []
        return [{"Id": resolver.text(one["Id"])} for one in resolver.items(groups.get("Items"))]

    def _aliases(self, config: Told) -> list[str]:
        if self._settings.local.domain_names is not None:
            return []
        return [self._resolver.text(one) for one in self._resolver.items(config.get("Aliases"))]

    def _maybe(self, config: Told, key: str) -> str | None:
        found = self._resolver.value(config.get(key))
        return None if _absent(found) else str(found)

    def _policies(self) -> Policies:
        settings = self._settings

        def cookies(kind: str) -> Callable[[str], Told]:
            def find(policy_id: str) -> Told:
                if policy_id in COOKIES:
                    known = COOKIES[policy_id]
                elif policy_id in settings.forward_cookies:
                    known = "all" if settings.forward_cookies[policy_id] else "none"
                else:
                    return self._own_policy(policy_id, kind, "[forward_cookies] has its id")
                config = {"CookiesConfig": {"CookieBehavior": known}}
                return {"ParametersInCacheKeyAndForwardedToOrigin": config, **config}

            return find

        def headers(policy_id: str) -> Told:
            if policy_id in RESPONSE_HEADERS:
                return RESPONSE_HEADERS[policy_id]
            where = f"there is a table [response_headers.{_toml_key(policy_id)}]"
            return self._own_policy(policy_id, "ResponseHeadersPolicy", where)

        return Policies(
            cache=cookies("CachePolicy"),
            origin_request=cookies("OriginRequestPolicy"),
            response_headers=headers,
            known=settings.response_headers,
        )

    def _own_policy(self, name: str, kind: str, where: str) -> Told:
        resource = self._resolver.resources.get(name) or {}
        if resource.get("Type") != f"AWS::CloudFront::{kind}":
            raise ConfigurationError(
                "template_policy",
                f"the {kind} {shown(name)} is neither in the template nor one of AWS's own",
                advice=f"see to it that {where} in the configuration file",
            )
        config = self._resolver.opened(resource["Properties"][f"{kind}Config"])
        # Its name and comment may be known to a deployment only.
        found = {part: self._resolver.value(config[part]) for part in _PARTS if part in config}
        return {part: value for part, value in found.items() if value is not NO_VALUE}

    def _incomplete(self) -> ConfigurationError:
        missing = dict.fromkeys(self._missing)
        return ConfigurationError(
            "template_incomplete",
            "only a deployment knows " + "; ".join(what for what, _ in missing),
            advice="say it with "
            + "; and ".join(how for _, how in missing)
            + " (tables of the configuration file)",
            missing=tuple(what for what, _ in missing),
        )


def _absent(found: object) -> bool:
    return found is NO_VALUE or not found


def _listed(items: list[Any]) -> dict[str, Any]:
    return {"Quantity": len(items), "Items": items}


def _toml_key(name: str) -> str:
    bare = name.replace("-", "").replace("_", "")
    return name if bare.isascii() and bare.isalnum() else json.dumps(name)
