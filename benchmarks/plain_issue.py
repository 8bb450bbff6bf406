"""The issuer's job written plainly: what a careful developer would deploy without this project.

Secret by boto3, bearer token by joserfc, cookies by botocore's CloudFrontSigner and cryptography.
One grant, imports and clients at module level, secret and key set fetched once. It is run in the
benchmark of cold starts beside lambda/issue.py, by the same runtime client and servers.
"""

from __future__ import annotations

import base64
import json
import os
import re
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3
from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

_BASE_URL = os.environ["BASE_URL"]
_TENANT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LIFE = timedelta(minutes=15)
_TIMEOUT = 5
_secrets = boto3.client("secretsmanager")
_claims = jwt.JWTClaimsRegistry(
    iss={"essential": True, "value": os.environ["OIDC_ISSUER"]},
    aud={"essential": True, "value": os.environ["AUDIENCE"]},
    exp={"essential": True},
    leeway=60,
)


@cache
def _key_set() -> KeySet:
    with urllib.request.urlopen(os.environ["JWKS_URL"], timeout=_TIMEOUT) as answer:  # noqa: S310 - configured
        return KeySet.import_key_set(json.load(answer))


@cache
def _signer() -> CloudFrontSigner:
    secret = _secrets.get_secret_value(SecretId=os.environ["SECRET_ID"])
    credential = json.loads(secret["SecretString"])
    key = load_pem_private_key(credential["private_key_pem"].encode(), password=None)

    def sign(message: bytes) -> bytes:
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(message, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - CloudFront's default
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key.sign(message, ec.ECDSA(hashes.SHA1()))  # noqa: S303 - the same

    return CloudFrontSigner(credential["key_pair_id"], sign)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer ``POST /auth/cookies`` with signed cookies for the caller's tenant."""
    http = event["requestContext"]["http"]
    if http["method"] != "POST" or event["rawPath"] != "/auth/cookies":
        return _answer(404, {"error": "not found"})
    try:
        token = jwt.decode(
            event["headers"].get("x-issuer-token", ""), _key_set(), algorithms=["RS256"]
        )
        _claims.validate(token.claims)
    except (JoseError, ValueError):
        return _answer(401, {"error": "the token is not valid"})
    tenant = token.claims.get("tenant")
    if not isinstance(tenant, str) or not _TENANT.fullmatch(tenant):
        return _answer(403, {"error": "no grant"})
    path = f"/t/{tenant}/docs/"
    expires = datetime.now(UTC) + _LIFE
    return _answer(200, {"expires_at": int(expires.timestamp())}, _cookies(path, expires))


def _cookies(path: str, expires: datetime) -> list[str]:
    signer = _signer()
    policy = signer.build_policy(f"{_BASE_URL}{path}*", expires)
    values = {
        "CloudFront-Policy": _encoded(policy.encode()),
        "CloudFront-Signature": _encoded(signer.rsa_signer(policy.encode())),
        "CloudFront-Key-Pair-Id": signer.key_id,
    }
    attributes = f"Path={path}; Secure; HttpOnly; SameSite=Lax"
    return [f"{name}={value}; {attributes}" for name, value in values.items()]


def _encoded(data: bytes) -> str:
    encoded = base64.b64encode(data).decode()
    return encoded.replace("+", "-").replace("=", "_").replace("/", "~")


def _answer(
    status: int, body: dict[str, object], cookies: list[str] | None = None
) -> dict[str, Any]:
    print(json.dumps({"time": int(time.time()), "status": status}))
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"},
        "cookies": cookies or [],
        "body": json.dumps(body),
    }
