"""A response headers policy, as CloudFront's API and templates tell it."""

from __future__ import annotations

from collections.abc import Iterator

from signer.edge.cloudfront_origins import Told, is_true, items_of
from signer.edge.response_headers import AddedHeader, Cors, ResponseHeadersPolicy

_NOTHING: Told = {}


def response_headers_of(config: Told) -> ResponseHeadersPolicy:
    """Return the policy of a ``ResponseHeadersPolicyConfig``.

    Its ``Server-Timing`` is passed over: it is about CloudFront's own work.

    Raises:
        ConfigurationError: A header is none.
    """
    cors = config.get("CorsConfig")
    security = config.get("SecurityHeadersConfig") or _NOTHING
    custom = config.get("CustomHeadersConfig")
    return ResponseHeadersPolicy(
        remove=tuple(one["Header"] for one in items_of(config.get("RemoveHeadersConfig"))),
        cors=None if not cors else _cors(cors),
        headers=(
            *_security(security),
            *(
                AddedHeader(
                    name=one["Header"],
                    value=one.get("Value") or "",
                    override=is_true(one.get("Override")),
                )
                for one in items_of(custom)
            ),
        ),
    )


def _cors(told: Told) -> Cors:
    age = told.get("AccessControlMaxAgeSec")
    return Cors(
        allow_origins=tuple(items_of(told["AccessControlAllowOrigins"])),
        allow_methods=tuple(items_of(told["AccessControlAllowMethods"])),
        allow_headers=tuple(items_of(told.get("AccessControlAllowHeaders"))),
        expose_headers=tuple(items_of(told.get("AccessControlExposeHeaders"))),
        allow_credentials=is_true(told["AccessControlAllowCredentials"]),
        max_age=None if age is None else int(age),
        origin_override=is_true(told["OriginOverride"]),
    )


def _security(told: Told) -> Iterator[AddedHeader]:
    values = {
        "ContentSecurityPolicy": ("content-security-policy", _content_security_policy),
        "ContentTypeOptions": ("x-content-type-options", lambda _: "nosniff"),
        "FrameOptions": ("x-frame-options", lambda one: str(one["FrameOption"])),
        "ReferrerPolicy": ("referrer-policy", lambda one: str(one["ReferrerPolicy"])),
        "StrictTransportSecurity": ("strict-transport-security", _transport_security),
        "XSSProtection": ("x-xss-protection", _xss_protection),
    }
    for key, (name, value) in values.items():
        one = told.get(key)
        if one:
            yield AddedHeader(name=name, value=value(one), override=is_true(one["Override"]))


def _content_security_policy(told: Told) -> str:
    return str(told["ContentSecurityPolicy"])


def _transport_security(told: Told) -> str:
    parts = [f"max-age={int(told['AccessControlMaxAgeSec'])}"]
    parts += ["includeSubDomains"] if is_true(told.get("IncludeSubdomains")) else []
    parts += ["preload"] if is_true(told.get("Preload")) else []
    return "; ".join(parts)


def _xss_protection(told: Told) -> str:
    if not is_true(told["Protection"]):
        return "0"
    report = told.get("ReportUri")
    return (
        "1; mode=block"
        if is_true(told.get("ModeBlock"))
        else f"1; report={report}"
        if report
        else "1"
    )
