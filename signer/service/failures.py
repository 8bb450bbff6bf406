"""From an error to the answer that a client gets: problem+json, or a small page for people.

What a client can mend is told with its own code. What only an operator can mend is one of three
codes (``internal``, ``unavailable``, ``signing_unavailable``); the cause goes to the log.
RFC 9457 is the format's standard.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from dataclasses import replace
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
from signer.service.messages import ALWAYS, Reply

_STATUS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "body_too_large": 413,
        "csrf_header": 403,
        "front_end": 500,
        "grant_cookies_too_large": 500,
        "grant_needs_cloudfront": 500,
        "grant_not_given": 403,
        "grant_too_many": 500,
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
    (GrantError, 400),
    (IdentityError, 401),
    (RemoteError, 503),
    (CredentialError, 503),
    (SigningError, 503),
)
_SERVER_ERROR: Final = 500
_UNAUTHORIZED: Final = 401
_UNAVAILABLE: Final = 503
_RETRY_AFTER: Final = "10"

_PAGE: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 17px/1.5 system-ui, sans-serif; max-width: 32em; margin: 15vh auto; padding: 0 1em }}
a {{ display: inline-block; margin-top: 1em }}
small {{ color: #666 }}
</style>
<h1>{title}</h1>
<p>{detail}</p>
<p><a href="/auth/login">Log in again</a></p>
<small>{code}</small>
"""


def problem(error: Exception) -> Reply:
    """Return the answer to a request that ended in an error; nothing of the request is in it."""
    if not isinstance(error, SignerError):
        return _described(_SERVER_ERROR, "internal", "the issuer failed", cause=_kind(error))
    status = _status(error)
    if status < _SERVER_ERROR:
        detail = f"{error.message}; {error.advice}" if error.advice else error.message
        reply = _described(status, error.code, detail)
        if error.code.startswith("token_"):
            # RFC 6750, section 3.
            return reply.also({"WWW-Authenticate": 'Bearer error="invalid_token"'})
        return reply.also({"WWW-Authenticate": "Bearer"}) if status == _UNAUTHORIZED else reply
    if status != _UNAVAILABLE:
        return _described(status, "internal", "the issuer is not set up right", cause=error.code)
    signing = isinstance(error, CredentialError | SigningError)
    code = "signing_unavailable" if signing else "unavailable"
    what = "nothing can be signed at the moment" if signing else "a service behind does not answer"
    return _described(status, code, f"{what}; try again soon", cause=error.code).also(
        {"Retry-After": _RETRY_AFTER}
    )


def page(reply: Reply) -> Reply:
    """Return a problem as a page, for a person whose browser was sent here.

    It has no script and leads nowhere by itself, so that no error can become a circle.
    """
    content = json.loads(reply.body)
    body = _PAGE.format(**{name: html.escape(str(value)) for name, value in content.items()})
    headers = {
        **reply.headers,
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    }
    return replace(reply, headers=headers, body=body)


def _status(error: SignerError) -> int:
    if error.code in _STATUS:
        return _STATUS[error.code]
    for kind, status in _BY_KIND:
        if isinstance(error, kind):
            return status
    return _SERVER_ERROR


def _described(status: int, code: str, detail: str, *, cause: str | None = None) -> Reply:
    content = {
        "type": f"urn:cloudfront-issuer:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail[:1].upper() + detail[1:] + ".",
    }
    # Here too, since a front end answers with a problem that the service never saw.
    headers = {**ALWAYS, "Content-Type": "application/problem+json"}
    return Reply(status, headers, body=json.dumps(content), code=code, cause=cause)


def _kind(error: Exception) -> str:
    """Name an unforeseen error by its class and where it was raised; its text may be secret."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_globals.get('__name__')}:{place.tb_lineno}" if place else "?"
    return f"{type(error).__name__} at {where}"
