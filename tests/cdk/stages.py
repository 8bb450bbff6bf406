"""The configurations whose templates are looked at, and what is looked for in them."""

from __future__ import annotations

from tests.cdk.templates import LOGIN, Json, behaviors, of_type, only, template_of

CDN = "AWS::CloudFront::Distribution"
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
ALL_BUT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
ARN = "arn:aws:acm:us-east-1:111122223333:certificate/0"
STAGES: dict[str, Json] = {
    "usual": {},
    "log-in": {"issuer": {**LOGIN, "images_grant": "images"}},
    "own domain": {
        "site": {"domain_names": ["media.example.com"], "certificate_arn": ARN},
        "issuer": {**LOGIN, "oidc_client_secret_name": "media/client", "tracing": True},
    },
    "own zone": {
        "site": {
            "domain_names": ["media.example.com", "cdn.example.com"],
            "hosted_zone_id": "Z0",
            "hosted_zone_name": "example.com",
            "rate_limit": 500,
        }
    },
    "public": {"site": {"public_paths": ["/static/*", "/index.html"], "bind_ip": True}},
    "cross-site": {
        "site": {
            "cors_origins": ["https://app.example.com"],
            "frame_ancestors": ["https://app.example.com"],
            "allowed_countries": ["DE", "US"],
        }
    },
    "keys in KMS": {"keys": {"custody": "kms"}},
    "ends with its stack": {"keys": {"destroy": True}, "site": {"retain_bucket": False}},
    "http api": {"issuer": {**LOGIN, "front_end": "http_api"}},
    "small account": {"issuer": {"reserved_concurrency": 0}},
    "snapshot": {
        "site": {"domain_names": ["media.example.com"], "certificate_arn": ARN},
        "issuer": {**LOGIN, "snap_start": True},
    },
}
ISSUERS = ("/auth/*", "/images/*/url")
"""What the issuer may answer; the second only where a grant is named for it."""


def stage(name: str) -> Json:
    return template_of(**STAGES[name])


def told(template: Json) -> Json:
    config: Json = only(template, CDN)["DistributionConfig"]
    return config


def variables(template: Json, handler: str) -> Json:
    (found,) = (
        one["Properties"]["Environment"]["Variables"]
        for one in of_type(template, "AWS::Lambda::Function").values()
        if one["Properties"]["Handler"] == handler
    )
    environment: Json = found
    return environment


def function(template: Json, handler: str) -> tuple[str, Json]:
    (found,) = (
        (name, one)
        for name, one in of_type(template, "AWS::Lambda::Function").items()
        if one["Properties"]["Handler"] == handler
    )
    return found


def issuers(template: Json) -> list[str]:
    """Return the patterns that the issuer answers."""
    return [pattern for pattern in behaviors(template) if pattern in ISSUERS]
