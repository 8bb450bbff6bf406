"""What may be sent to a Lambda function, and what of it CloudFront's signature covers.

AWS source: "Restrict access to an AWS Lambda function URL origin"
(private-content-restricting-access-to-lambda): with origin access control CloudFront signs every
request, so that the viewer's ``Authorization`` is replaced, and a client must send the SHA-256 of
what it posts or puts, because "Lambda doesn't support unsigned payloads".
"""

from __future__ import annotations

import hashlib
import json

from signer.edge.origins.function_event import MAX_PAYLOAD_BYTES
from signer.edge.origins.request import OriginRequest
from signer.edge.responses import EdgeResponse, whole

HASH_HEADER = b"x-amz-content-sha256"
"""Where a client says what it sends."""

_FORBIDDEN, _TOO_LARGE = 403, 413
_HASH_OF_NOTHING = hashlib.sha256(b"").hexdigest()
_SIGNED_PAYLOADS = frozenset({"POST", "PUT"})
_SIGNATURE_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS "
    "Secret Access Key and signing method. Consult the service documentation for details."
)


async def whole_body(request: OriginRequest) -> bytes:
    """Read the body, but no more than shows that it is too large."""
    body = bytearray()
    if request.body is not None:
        async for chunk in request.body:
            body += chunk
            if len(body) > MAX_PAYLOAD_BYTES:
                break
    return bytes(body)


def refusal(request: OriginRequest, body: bytes, *, signed: bool) -> EdgeResponse | None:
    """Return Lambda's answer to what a function never gets; None when it gets the request.

    Args:
        request: For the function.
        body: Its whole body.
        signed: Whether CloudFront signs it.
    """
    if len(body) > MAX_PAYLOAD_BYTES:
        return _answer(_TOO_LARGE, "RequestEntityTooLargeException", "Request is too large.")
    if signed and not _payload_is_signed(request, body):
        return _answer(_FORBIDDEN, "InvalidSignatureException", _SIGNATURE_MISMATCH)
    return None


def _payload_is_signed(request: OriginRequest, body: bytes) -> bool:
    """Tell whether the hash that CloudFront signs over is the one that Lambda computes."""
    declared = request.header(HASH_HEADER)
    if declared is None and request.method not in _SIGNED_PAYLOADS:
        declared = _HASH_OF_NOTHING
    return declared == hashlib.sha256(body).hexdigest()


def _answer(status: int, error_type: str, message: str) -> EdgeResponse:
    body = json.dumps({"message": message})
    return whole(status, "application/json", body, (b"x-amzn-errortype", error_type.encode()))
