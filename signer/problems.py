"""From an error to what an HTTP client is told of it: problem+json (RFC 9457).

What a client can mend is told with its own code. What only an operator can mend is one of three
codes (``internal``, ``unavailable``, ``signing_unavailable``); the cause is for the log.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from signer.errors import (
    CredentialError,
    GrantError,
    IdentityError,
    RemoteError,
    RequestError,
    SignerError,
    SigningError,
)

_STATUS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "body_too_large": 413,
        "csrf_header": 403,
        "front_end": 500,
        "grant_not_given": 403,
        "login_required": 401,
        "media_type": 415,
        "method": 405,
        "origin": 403,
        "route": 404,
        "session_too_large": 500,
    }
)
"""Where the status does not follow from the kind of the error."""

_BY_KIND: Final = (
    (RequestError, 400),
    (IdentityError, 401),
    (RemoteError, 503),
    (CredentialError, 503),
    (SigningError, 503),
)
_BAD_REQUEST: Final = 400
_SERVER_ERROR: Final = 500
_UNAUTHORIZED: Final = 401
_UNAVAILABLE: Final = 503
_RETRY_AFTER: Final = "10"

# A problem may name what a viewer was granted or not: nobody keeps it, and nothing guesses at it.
_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Content-Type": "application/problem+json",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What a client is told, and the cause that it is not told.

    Attributes:
        status: HTTP status.
        code: Short name of the problem, stable between versions.
        detail: A sentence for a person; nothing of the request is in it.
        cause: For an operator's log: the code of the error behind ``code``, where they differ.
        headers: All header fields of the answer.
    """

    status: int
    code: str
    detail: str
    cause: str | None
    headers: Mapping[str, str]

    def to_json(self) -> str:
        """Return the body."""
        return json.dumps(
            {
                "type": f"urn:cloudfront-issuer:{self.code}",
                "title": HTTPStatus(self.status).phrase,
                "status": self.status,
                "code": self.code,
                "detail": self.detail,
            }
        )


def problem_of(error: Exception) -> Problem:
    """Return what to tell of an error; of an error that is not ours nothing but that there was one.

    Args:
        error: What a request ended in.
    """
    if not isinstance(error, SignerError):
        return _described(_SERVER_ERROR, "internal", "the issuer failed", cause=_kind(error))
    status = _status(error)
    if status < _SERVER_ERROR:
        return _described(status, error.code, str(error), extra=_challenge(status, error.code))
    if status != _UNAVAILABLE:
        return _described(status, "internal", "the issuer is not set up right", cause=error.code)
    signing = isinstance(error, CredentialError | SigningError)
    code = "signing_unavailable" if signing else "unavailable"
    what = "nothing can be signed at the moment" if signing else "a service behind does not answer"
    later = {"Retry-After": _RETRY_AFTER}
    return _described(status, code, f"{what}; try again soon", cause=error.code, extra=later)


def _challenge(status: int, code: str) -> dict[str, str]:
    if code.startswith("token_"):
        # RFC 6750, section 3.
        return {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    return {"WWW-Authenticate": "Bearer"} if status == _UNAUTHORIZED else {}


def _status(error: SignerError) -> int:
    if error.code in _STATUS:
        return _STATUS[error.code]
    if isinstance(error, GrantError) and error.code.startswith("item_"):
        # The name that a client gave; everything else about grants is the operator's.
        return _BAD_REQUEST
    for kind, status in _BY_KIND:
        if isinstance(error, kind):
            return status
    return _SERVER_ERROR


def _described(
    status: int,
    code: str,
    detail: str,
    *,
    cause: str | None = None,
    extra: Mapping[str, str] = MappingProxyType({}),
) -> Problem:
    sentence = f"{detail[:1].upper()}{detail[1:]}."
    headers = MappingProxyType({**_HEADERS, **extra})
    return Problem(status=status, code=code, detail=sentence, cause=cause, headers=headers)


def _kind(error: Exception) -> str:
    """Name an unforeseen error by its class and where it was raised; its text may be secret."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_globals.get('__name__')}:{place.tb_lineno}" if place else "?"
    return f"{type(error).__name__} at {where}"
