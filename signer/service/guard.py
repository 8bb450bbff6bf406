"""Which pages may call: the header and the origins that a POST needs, and CORS.

Another site's page can make a browser send a POST with cookies, but not with a header of its own
unless a preflight permits it, and only to origins listed here it does (OWASP, "Cross-Site Request
Forgery Prevention", custom request headers; Fetch Metadata).
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final

from signer.errors import RequestError
from signer.service.messages import Reply, Request

REQUEST_HEADER: Final = "x-issuer-request"

_PERMITTED_HEADERS: Final = (
    "authorization, content-type, x-amz-content-sha256, x-issuer-request, x-issuer-token"
)
_PREFLIGHT_SECONDS: Final = "600"


class Guard:
    """Checks requests against the origins that may call."""

    def __init__(self, origins: AbstractSet[str]) -> None:
        """Remember exact origins, such as ``https://app.example.com``."""
        self._origins = origins

    def check_post(self, request: Request) -> None:
        """Refuse a POST that a page of another site may have caused.

        Raises:
            RequestError: ``csrf_header``, ``origin``.
        """
        origin = request.headers.get("origin")
        site = request.headers.get("sec-fetch-site", "same-origin")
        # Browsers send Origin with every POST; a client that sends none carries nobody's cookies.
        if (origin is not None and origin not in self._origins) or (
            origin is None and site == "cross-site"
        ):
            raise RequestError(
                "origin",
                "the request comes from a page of another site",
                advice="list its origin in SIGNER_ALLOWED_ORIGINS if it may call",
            )
        if request.headers.get(REQUEST_HEADER) != "1":
            raise RequestError(
                "csrf_header", "the request has no X-Issuer-Request: 1", advice="send that header"
            )

    def preflight(self, request: Request) -> Reply:
        """Answer a preflight request; permission is in the fields that :meth:`allowed` adds."""
        return self.allowed(
            request,
            Reply(
                204,
                {
                    "Access-Control-Allow-Methods": "GET, POST",
                    "Access-Control-Allow-Headers": _PERMITTED_HEADERS,
                    "Access-Control-Max-Age": _PREFLIGHT_SECONDS,
                },
            ),
        )

    def allowed(self, request: Request, reply: Reply) -> Reply:
        """Let a page of a listed origin read the answer, and keep caches apart by origin."""
        origin = request.headers.get("origin")
        if origin is None or origin not in self._origins:
            return reply.also({"Vary": "Origin"})
        return reply.also(
            {
                "Vary": "Origin",
                "Access-Control-Allow-Origin": origin,
                "Access-Control-Allow-Credentials": "true",
            }
        )
