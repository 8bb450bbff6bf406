"""The policies that CloudFront has in every account, by their ids.

AWS pages: "Use managed cache policies", "Use managed origin request policies", "Use managed
response headers policies".
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

_METHODS: Final = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
_SECURITY: Final[dict[str, Any]] = {
    "ReferrerPolicy": {"ReferrerPolicy": "strict-origin-when-cross-origin", "Override": False},
    "ContentTypeOptions": {"Override": True},
    "FrameOptions": {"FrameOption": "SAMEORIGIN", "Override": False},
    "StrictTransportSecurity": {"AccessControlMaxAgeSec": 31_536_000, "Override": False},
    "XSSProtection": {"Protection": True, "ModeBlock": True, "Override": False},
}

COOKIES: Final = MappingProxyType(
    {
        # Cache policies.
        "2e54312d-136d-493c-8eb9-b001f22f67d2": "all",  # Amplify
        "4135ea2d-6df8-44a3-9df3-4b5a84be39ad": "none",  # CachingDisabled
        "658327ea-f89d-4fab-a63d-7e88639e58f6": "none",  # CachingOptimized
        "b2884449-e4de-46a7-ac36-70bc7f1ddd6d": "none",  # ...ForUncompressedObjects
        "08627262-05a9-4f76-9ded-b50ca2e3a84f": "none",  # Elemental-MediaPackage
        "83da9c7e-98b4-4e11-a168-04f0df8e2c65": "all",  # UseOriginCacheControlHeaders
        "4cc15a8a-d715-48a4-82b8-cc0b614638fe": "all",  # ...-QueryStrings
        # Origin request policies.
        "216adef6-5c7f-47e4-b989-5492eafa07d3": "all",  # AllViewer
        "33f36d7e-f396-46d9-90e0-52428a34d9dc": "all",  # AllViewerAndCloudFrontHeaders-2022-06
        "b689b0a8-53d0-40ab-baf2-68738e2966ac": "all",  # AllViewerExceptHostHeader
        "59781a5b-3903-41f3-afcb-af62929ccde1": "none",  # CORS-CustomOrigin
        "88a5eaf4-2fd4-4709-b370-b4c650ea3fcf": "none",  # CORS-S3Origin
        "775133bc-15f2-49f9-abea-afb2e0bf67d2": "none",  # Elemental-MediaTailor-...Manifests
        "bf0718e1-ba1e-49d1-88b1-f726733018ae": "none",  # HostHeaderOnly
        "acba4595-bd28-49b8-b9fe-13317c0390fa": "none",  # UserAgentRefererHeaders
    }
)
"""Id of a cache policy or an origin request policy to which cookies reach the origin."""


def _cors(methods: list[str], exposed: list[str]) -> dict[str, Any]:
    return {
        "AccessControlAllowOrigins": {"Items": ["*"]},
        "AccessControlAllowMethods": {"Items": methods},
        "AccessControlExposeHeaders": {"Items": exposed},
        "AccessControlAllowCredentials": False,
        "OriginOverride": False,
    }


_SIMPLE: Final = _cors([], [])
_WITH_PREFLIGHT: Final = _cors(_METHODS, ["*"])

RESPONSE_HEADERS: Final = MappingProxyType(
    {
        "60669652-455b-4ae9-85a4-c4c02393f86c": {"CorsConfig": _SIMPLE},
        "5cc3b908-e619-4b99-88e5-2cf7f45965bd": {"CorsConfig": _WITH_PREFLIGHT},
        "67f7725c-6f97-4210-82d7-5512b31e9d03": {"SecurityHeadersConfig": _SECURITY},
        "e61eb60c-9c35-4d20-a928-2b84e02af89c": {
            "CorsConfig": _SIMPLE,
            "SecurityHeadersConfig": _SECURITY,
        },
        "eaab4381-ed33-4a86-88ca-d9558dc6cd63": {
            "CorsConfig": _WITH_PREFLIGHT,
            "SecurityHeadersConfig": _SECURITY,
        },
    }
)
"""Id of a response headers policy to its configuration."""
