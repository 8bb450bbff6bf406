"""A small Lambda that believes nobody: it recomputes every signature, from AWS's description.

AWS page: "Create a signed AWS API request" (reference_sigv-create-signed-request).
"""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import parse_qsl, quote

from starlette.types import Receive, Scope, Send

ACCESS_KEY, SECRET_KEY, REGION = "AKIAEXAMPLE", "wJalr", "eu-central-1"
URL = f"https://abc.lambda-url.{REGION}.on.aws"


class FakeFunctionUrl:
    """An ASGI application behind one Function URL; remembers the requests it was asked."""

    def __init__(self, token: str | None = None) -> None:
        self.token = token
        self.requests: list[dict[str, str]] = []
        self.targets: list[str] = []
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.requests.append(headers)
        query = scope["query_string"].decode()
        self.targets.append(scope["raw_path"].decode() + (f"?{query}" if query else ""))
        self.bodies.append(body)
        status = 200 if self._accepts(scope, headers, body) else 403
        start = [(b"content-type", b"text/plain"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
        await send({"type": "http.response.start", "status": status, "headers": start})
        await send({"type": "http.response.body", "body": b"from the function"})

    def _accepts(self, scope: Scope, headers: dict[str, str], body: bytes) -> bool:
        given = headers.get("authorization", "").removeprefix("AWS4-HMAC-SHA256 ")
        parts = dict(part.split("=", 1) for part in given.split(", ") if "=" in part)
        date, digest = headers.get("x-amz-date", ""), hashlib.sha256(body).hexdigest()
        scope_of_key = f"{date[:8]}/{REGION}/lambda/aws4_request"
        if parts.get("Credential") != f"{ACCESS_KEY}/{scope_of_key}":
            return False
        if headers.get("x-amz-security-token") != self.token:
            return False
        names = parts["SignedHeaders"].split(";")
        query = parse_qsl(scope["query_string"].decode(), keep_blank_values=True)
        # By name, then by value: "a" comes before "a-b", although "=" comes after "-".
        pairs = sorted((_encoded(name), _encoded(value)) for name, value in query)
        canonical = [
            scope["method"],
            quote(scope["raw_path"].decode(), safe="/-._~"),
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{headers[name]}" for name in names),
            "",
            parts["SignedHeaders"],
            headers.get("x-amz-content-sha256", digest),
        ]
        hashed = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
        key = f"AWS4{SECRET_KEY}".encode()
        for word in scope_of_key.split("/"):
            key = hmac.digest(key, word.encode(), "sha256")
        text = f"AWS4-HMAC-SHA256\n{date}\n{scope_of_key}\n{hashed}"
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        complete = {"host", "x-amz-date", "x-amz-content-sha256"} <= set(names)
        honest = headers["x-amz-content-sha256"] == digest
        return complete and honest and hmac.compare_digest(signature, parts["Signature"])


def _encoded(text: str) -> str:
    return quote(text, safe="-._~")
