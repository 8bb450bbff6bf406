"""A request and a reply, in the terms of HTTP alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from signer.errors import RequestError

if TYPE_CHECKING:
    from signer.access import AccessCookies

MAX_BODY: Final = 64 * 1024
MAX_QUERY: Final = 16 * 1024

# Signed URLs and cookies are in these answers: nothing keeps them, nothing passes them on, and
# nothing reads them as something else.
ALWAYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    Attributes:
        method: In upper case.
        path: As the client sent it: percent-encoded, without the query.
        query: What follows ``?``, as the client sent it.
        headers: Field name in lower case to value, several joined by a comma.
        cookies: Name to value; of a repeated name the first, which is the most specific one.
        body: As the client sent it, decoded from whatever the front end made of it.
    """

    method: str
    path: str
    query: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    def parameters(self) -> dict[str, str]:
        """Decode the query.

        Raises:
            RequestError: ``query``: a parameter twice, too many, or too much of it.
        """
        try:
            pairs = parse_qsl(
                self.query if len(self.query) <= MAX_QUERY else "=",
                keep_blank_values=True,
                max_num_fields=50,
                errors="strict",
            )
        except ValueError:
            pairs = [("", "")]
        names = [name for name, _ in pairs]
        # Which of two values is meant is guessed differently by every program.
        if len(set(names)) != len(names) or "" in names:
            raise RequestError("query", "the query cannot be read, or has a parameter twice")
        return dict(pairs)

    def json(self) -> dict[str, Any]:
        """Parse the body, which must be a JSON object; no body is an empty object.

        Raises:
            RequestError: ``body_too_large``, ``media_type``, ``body``.
        """
        if len(self.body) > MAX_BODY:
            raise RequestError("body_too_large", f"the body has more than {MAX_BODY} bytes")
        if not self.body:
            return {}
        media_type = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise RequestError("media_type", "the body is not sent as application/json")
        try:
            parsed = json.loads(self.body)
        # A few thousand brackets exhaust the parser's stack.
        except (ValueError, RecursionError):
            parsed = None
        if not isinstance(parsed, dict):
            raise RequestError("body", "the body is not a JSON object")
        return parsed


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer, and what may be logged about it.

    Attributes:
        status: HTTP status.
        headers: Field name to value.
        cookies: Values of ``Set-Cookie`` fields, one each.
        body: Text of the body.
        route: The route's pattern, never the path itself.
        code: Code of the problem, if it is one.
        cause: Code of the error behind it, for operators only.
        grants: Names of the grants that were issued.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    cookies: tuple[str, ...] = field(default=(), repr=False)
    body: str = field(default="", repr=False)
    route: str = ""
    code: str | None = None
    cause: str | None = None
    grants: tuple[str, ...] = ()

    def also(self, headers: Mapping[str, str]) -> Reply:
        """Return the reply with more header fields."""
        return replace(self, headers={**self.headers, **headers})

    def giving(self, made: AccessCookies) -> Reply:
        """Return the reply with signed cookies before its own."""
        return replace(
            self,
            cookies=(*made.set_cookie_headers, *self.cookies),
            grants=made.grants,
            cause="grant_too_many" if made.left_out else None,
        )


def json_reply(
    status: int,
    content: Mapping[str, object],
    *,
    cookies: tuple[str, ...] = (),
    grants: tuple[str, ...] = (),
) -> Reply:
    """Return a JSON answer."""
    body = json.dumps(content, separators=(",", ":"))
    headers = {"Content-Type": "application/json"}
    return Reply(status, headers, cookies=cookies, body=body, grants=grants)
