"""SigV4 for query strings, computed anew from AWS's description and nothing else."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlsplit


def signature_of(
    method: str, url: str, secret: str, headers: Mapping[str, str] | None = None
) -> str:
    """Return the signature that S3 would expect of a presigned request."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    _, day, region, service, _ = query["X-Amz-Credential"].split("/")
    sent = {"host": parts.netloc, **(headers or {})}
    names = query["X-Amz-SignedHeaders"].split(";")
    canonical_query = "&".join(
        f"{quote(name, safe='-._~')}={quote(value, safe='-._~')}"
        for name, value in sorted(query.items())
        if name != "X-Amz-Signature"
    )
    canonical = "\n".join(
        [
            method,
            parts.path,
            canonical_query,
            *(f"{name}:{sent[name]}" for name in names),
            "",
            ";".join(names),
            "UNSIGNED-PAYLOAD",
        ]
    )
    scope = f"{day}/{region}/{service}/aws4_request"
    text = "\n".join(
        [
            "AWS4-HMAC-SHA256",
            query["X-Amz-Date"],
            scope,
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request", text):
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()


def sent_signature(url: str) -> str:
    """Return the signature that a URL carries."""
    return dict(parse_qsl(urlsplit(url).query))["X-Amz-Signature"]
