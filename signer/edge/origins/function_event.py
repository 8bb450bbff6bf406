"""A Function URL's event and response: payload format 2.0.

AWS sources: "Invoking Lambda function URLs" (urls-invocation) for both formats and for what Lambda
makes of a response without ``statusCode``; "Working with AWS Lambda proxy integrations for HTTP
APIs" (http-api-develop-integrations-lambda) for the same format there: duplicate headers and query
parameters are combined with commas, cookies stand in a list of their own. What they leave open is
listed in docs/edge.md.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from typing import Any
from urllib.parse import parse_qsl, unquote

from signer.edge.origins.request import OriginError, OriginRequest, without_hop_by_hop
from signer.edge.responses import EdgeResponse, Headers, one_chunk

MAX_PAYLOAD_BYTES = 6_291_456
"""Largest event and largest response of a synchronous invocation (quota page, 6 MB each)."""

EDGE_ADDRESS = "127.0.0.1"
"""The other end of the function's connection: the edge, not the viewer."""

_TEXT = re.compile(
    r"text/|application/(?:[a-z0-9.+-]+\+)?(?:json|xml)\b|application/javascript\b", re.IGNORECASE
)
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD_VALUE = re.compile(r"[\t -~\x80-\xff]*")
_OK, _LOWEST_STATUS, _HIGHEST_STATUS, _BAD_GATEWAY = 200, 200, 599, 502
_WITHOUT_BODY = frozenset({204, 304})


def event_of(
    request: OriginRequest,
    body: bytes,
    *,
    domain_name: str,
    request_id: str,
    signed: bool,
    decoded: bool = False,
) -> dict[str, Any]:
    """Make the event that Lambda passes to a function.

    Args:
        request: As CloudFront sends it.
        body: Its whole body.
        domain_name: Host name of the Function URL.
        request_id: Lambda's id of the invocation.
        signed: Whether origin access control signs the request, so that there is a caller.
        decoded: Whether the path arrives decoded, as an HTTP API passes it on; AWS does not say
            so, but live events do (github.com/hotsock/voker/pull/8).
    """
    path = unquote(request.path) if decoded else request.path
    headers = _event_headers(request, domain_name)
    url_id, now = domain_name.partition(".")[0], time.time()
    text = _as_text(body, headers.get("content-type", ""))
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": url_id,
            "authentication": None,
            "authorizer": {"iam": dict.fromkeys(_CALLER)} if signed else None,
            "domainName": domain_name,
            "domainPrefix": url_id,
            "http": {
                "method": request.method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": EDGE_ADDRESS,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": bool(body) and text is None,
    }
    cookies = [pair.strip() for pair in (request.header(b"cookie") or "").split(";")]
    if any(cookies):
        event["cookies"] = [pair for pair in cookies if pair]
    if request.query:
        event["queryStringParameters"] = _parameters(request.query)
    if body:
        event["body"] = base64.b64encode(body).decode() if text is None else text
    return event


_CALLER = (
    "accessKey",
    "accountId",
    "callerId",
    "cognitoIdentity",
    "principalOrgId",
    "userArn",
    "userId",
)


def _event_headers(request: OriginRequest, domain_name: str) -> dict[str, str]:
    """Return what the function sees: lower-case names, duplicates joined, cookies elsewhere."""
    joined: dict[str, str] = {}
    for raw_name, raw_value in request.headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name != "cookie":
            joined[name] = f"{joined[name]},{value}" if name in joined else value
    return {
        **joined,
        "host": domain_name,
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    }


def _parameters(query: str) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, errors="replace"):
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _as_text(body: bytes, content_type: str) -> str | None:
    """Return a body of a text type; None for one that goes as base64."""
    if not _TEXT.match(content_type):
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def response_of(result: object) -> EdgeResponse:
    """Read what a function returned, decoded from JSON.

    Raises:
        OriginError: 502: it is no response; the detail names the field.
    """
    if not isinstance(result, dict) or "statusCode" not in result:
        data = json.dumps(result, ensure_ascii=False).encode()
        return _response(_OK, [(b"content-type", b"application/json")], data)
    status = result["statusCode"]
    if isinstance(status, str) and status.isascii() and status.isdigit():
        status = int(status)
    if type(status) is not int or not _LOWEST_STATUS <= status <= _HIGHEST_STATUS:
        raise _unusable("statusCode", "is not a status from 200 to 599")
    headers = _given_headers(result.get("headers") or {})
    if not any(name == b"content-type" for name, _ in headers):
        headers.append((b"content-type", b"application/json"))
    headers += _cookies(result.get("cookies") or [])
    return _response(status, headers, _given_body(result))


def _response(status: int, headers: Headers, data: bytes) -> EdgeResponse:
    if len(data) > MAX_PAYLOAD_BYTES:
        raise _unusable("body", f"is larger than {MAX_PAYLOAD_BYTES} bytes")
    if status in _WITHOUT_BODY:
        return EdgeResponse(status, headers, one_chunk(b""))
    length = (b"content-length", str(len(data)).encode())
    return EdgeResponse(status, [*headers, length], one_chunk(data))


def _given_headers(given: object) -> Headers:
    if not isinstance(given, dict):
        raise _unusable("headers", "is not an object")
    pairs = [(_field("headers", name, _FIELD_NAME).lower(), value) for name, value in given.items()]
    return [
        (name, value)
        for name, value in without_hop_by_hop(
            [(name, _field("headers", _word(value), _FIELD_VALUE)) for name, value in pairs]
        )
        if name != b"content-length"
    ]


def _cookies(given: object) -> Headers:
    if not isinstance(given, list):
        raise _unusable("cookies", "is not a list")
    return [(b"set-cookie", _field("cookies", line, _FIELD_VALUE)) for line in given]


def _given_body(result: dict[str, Any]) -> bytes:
    body = result.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise _unusable("body", "is not a string")
    if not result.get("isBase64Encoded"):
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise _unusable("body", "is not base64, as isBase64Encoded says") from None


def _word(value: object) -> object:
    """Write numbers and booleans as JSON does; leave everything else to be judged."""
    return json.dumps(value) if isinstance(value, int | float) else value


def _field(where: str, text: object, form: re.Pattern[str]) -> bytes:
    """Return a header's name or value as bytes; the text itself is never shown."""
    if isinstance(text, str):
        encoded = text.encode("utf-8", "replace")
        if form.fullmatch(encoded.decode("latin-1")):
            return encoded
    raise _unusable(where, "has a name or value that no header can have")


def _unusable(where: str, problem: str) -> OriginError:
    return OriginError(_BAD_GATEWAY, f"The function's response is unusable: {where} {problem}")
