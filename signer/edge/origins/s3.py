"""A private bucket, read as CloudFront's origin access control reads it.

AWS source: "Restrict access to an Amazon S3 origin" (private-content-restricting-access-to-s3):
every request is signed with SigV4, whatever the viewer sent as ``Authorization``. S3 computes the
signature over the one canonical encoding of a path, so that is what is signed and sent.

Needs ``s3:GetObject`` on the bucket's objects; with ``s3:ListBucket`` on the bucket a missing
object is a 404 instead of a 403, as behind CloudFront.
"""

from __future__ import annotations

from urllib.parse import quote, unquote_to_bytes

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from signer.edge.origin import S3Origin
from signer.edge.origins.request import OriginRequest
from signer.edge.origins.signing import SigningCredentials
from signer.edge.origins.upstream import Upstream
from signer.edge.responses import EdgeResponse, Headers

_FORWARDED = frozenset(
    {
        b"accept",
        b"access-control-request-headers",
        b"access-control-request-method",
        b"content-length",
        b"content-type",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"origin",
        b"range",
    }
)
_UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
_CONNECT_TIMEOUT, _READ_TIMEOUT = 10.0, 30.0


class S3Reader:
    """Signs and sends requests to one bucket."""

    def __init__(self, origin: S3Origin) -> None:
        self._origin = origin
        if origin.endpoint_url:
            self._base = origin.endpoint_url.rstrip("/")
            self._prefix = f"/{origin.bucket}"
        else:
            suffix = ".cn" if origin.region.startswith("cn-") else ""
            self._base = f"https://{origin.bucket}.s3.{origin.region}.amazonaws.com{suffix}"
            self._prefix = ""
        if origin.prefix:
            self._prefix += f"/{origin.prefix}"
        self._upstream = Upstream(
            self._base, connect_timeout=_CONNECT_TIMEOUT, read_timeout=_READ_TIMEOUT
        )
        self._credentials = SigningCredentials(origin)

    async def fetch(self, request: OriginRequest) -> EdgeResponse:
        """Sign a request and forward it; see :class:`Fetcher`."""
        target = self._prefix + _canonical(request)
        signed = await self._signed(request, target)
        kept = [(name, value) for name, value in request.headers if name in _FORWARDED]
        response = await self._upstream.send(request.method, target, [*signed, *kept], request.body)
        others = [(name, value) for name, value in response.headers if name != b"server"]
        response.headers = [*others, (b"server", b"AmazonS3")]
        return response

    async def close(self) -> None:
        """Close idle connections."""
        await self._upstream.close()

    async def _signed(self, request: OriginRequest, target: str) -> Headers:
        """Return ``Host`` and the headers of the signature."""
        credentials = await self._credentials.fresh()
        host = self._upstream.host
        unsigned = AWSRequest(
            method=request.method,
            url=f"{self._base.partition('://')[0]}://{host}{target}",
            headers={"host": host},
        )
        # A streamed body cannot be hashed before it is sent.
        payload = _UNSIGNED_PAYLOAD if request.body is not None else None
        _Signer(credentials, self._origin.region, payload).add_auth(unsigned)
        return [
            (name.lower().encode("latin-1"), str(value).encode("latin-1"))
            for name, value in unsigned.headers.items()
        ]


def _canonical(request: OriginRequest) -> str:
    """Return path and query in SigV4's encoding; the same object, spelled in one way.

    An encoded slash stays one: decoded, it would lead out of the behavior that took the request.
    """
    path = "/".join(_encoded(segment) for segment in request.path.split("/"))
    pairs = [part.partition("=") for part in request.query.split("&") if part]
    query = "&".join(
        _encoded(name) + delimiter + _encoded(value) for name, delimiter, value in pairs
    )
    return f"{path}?{query}" if query else path


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(text), safe="-._~")


class _Signer(S3SigV4Auth):
    """S3's variant of SigV4, with the payload hash decided by us."""

    def __init__(self, credentials: ReadOnlyCredentials, region: str, payload: str | None) -> None:
        super().__init__(credentials, "s3", region)
        self._payload = payload

    def payload(self, request: AWSRequest) -> str:
        """Return the hash of the body, or the word that stands for none."""
        if self._payload is not None:
            return self._payload
        return str(super().payload(request))
