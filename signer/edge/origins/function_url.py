"""A Lambda function behind its Function URL, asked as CloudFront's origin access control asks it.

AWS sources: "Restrict access to an AWS Lambda function URL origin"
(private-content-restricting-access-to-lambda); "Create a signed AWS API request"
(reference_sigv-create-signed-request) for the canonical form of path and query.

Needs ``lambda:InvokeFunctionUrl``, and ``lambda:InvokeFunction`` with the condition
``lambda:InvokedViaFunctionUrl``, on the function.
"""

from __future__ import annotations

import hashlib
from urllib.parse import quote, unquote_to_bytes

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from signer.edge.origin import FunctionUrlOrigin
from signer.edge.origins.function_payload import HASH_HEADER, refusal, whole_body
from signer.edge.origins.request import OriginRequest
from signer.edge.origins.signing import SigningCredentials
from signer.edge.origins.upstream import Upstream
from signer.edge.responses import EdgeResponse, Headers, one_chunk

# What the signature itself sends, and what this edge says about the body it has read.
_REPLACED = frozenset(
    {
        b"authorization",
        b"content-length",
        b"x-amz-date",
        b"x-amz-security-token",
        HASH_HEADER,
    }
)


class FunctionUrlCaller:
    """Sends requests to one Function URL, signed unless it is open to anybody."""

    def __init__(self, origin: FunctionUrlOrigin) -> None:
        self._origin = origin
        self._prefix = f"/{origin.prefix}" if origin.prefix else ""
        self._upstream = Upstream(
            origin.endpoint_url or f"https://{origin.host}",
            connect_timeout=origin.connect_timeout,
            read_timeout=origin.read_timeout,
        )
        self._credentials = SigningCredentials(origin)

    async def fetch(self, request: OriginRequest) -> EdgeResponse:
        """Sign a request and forward it; see :class:`Fetcher`."""
        signed = self._origin.origin_access_control
        body = await whole_body(request)
        refused = refusal(request, body, signed=signed)
        if refused is not None:
            return refused
        replaced = _REPLACED if signed else {b"content-length"}
        headers = [pair for pair in request.headers if pair[0] not in replaced]
        if request.body is not None:
            headers.append((b"content-length", str(len(body)).encode()))
        own = await self._signature(request, body) if signed else []
        return await self._upstream.send(
            request.method,
            self._prefix + request.target,
            [(b"host", self._origin.host.encode()), *own, *headers],
            None if request.body is None else one_chunk(body),
        )

    async def close(self) -> None:
        """Close idle connections."""
        await self._upstream.close()

    async def _signature(self, request: OriginRequest, body: bytes) -> Headers:
        """Return the headers of the signature; the path is signed as it is sent."""
        credentials = await self._credentials.fresh()
        query = _canonical_query(request.query)
        path = self._prefix + request.path
        unsigned = AWSRequest(
            method=request.method,
            url=f"https://{self._origin.host}{path}{f'?{query}' if query else ''}",
            headers={HASH_HEADER.decode(): hashlib.sha256(body).hexdigest()},
        )
        SigV4Auth(credentials, "lambda", self._origin.region).add_auth(unsigned)
        return [
            (name.lower().encode("latin-1"), str(value).encode("latin-1"))
            for name, value in unsigned.headers.items()
        ]


def _canonical_query(query: str) -> str:
    """Return the query as Lambda spells it when it checks the signature.

    It reads a plus sign as the space of a form, as it does for ``queryStringParameters``.
    """
    pairs = [part.partition("=") for part in query.split("&") if part]
    return "&".join(f"{_encoded(name)}={_encoded(value)}" for name, _, value in pairs)


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(text.replace("+", " ")), safe="-._~")
