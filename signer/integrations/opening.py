"""Opening an :class:`~signer.access.Access` from a backend's settings."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from signer.access import Access
from signer.cookies import CookieAttributes
from signer.custody import open_issuer
from signer.errors import ConfigurationError, CookieError, excerpt
from signer.grants_place import read_grants

# A grant says its own path: one for all would send every set of cookies everywhere.
_COOKIE_SETTINGS = {item.name for item in fields(CookieAttributes)} - {"path"}


def open_access(
    *,
    credential: str,
    grants: str | Path,
    base_url: str,
    cookies: Mapping[str, object] | None = None,
    clock: Callable[[], float] = time.time,
) -> Access:
    """Open a credential and a grants file; do it once, when the program starts.

    Args:
        credential: Where the credential is kept, see :func:`signer.open_issuer`.
        grants: Path of a file in TOML or JSON, or as for :func:`signer.open_issuer`.
        base_url: Scheme and host under which viewers reach CloudFront, such as
            ``https://media.example.com``. Never taken from a request.
        cookies: Fields of :class:`signer.CookieAttributes` but ``path``, such as
            ``{"same_site": "None", "partitioned": True}`` for pages of other sites.
        clock: Returns seconds since 1970.

    Raises:
        ConfigurationError: The grants file cannot be read, or ``cookies`` is wrong.
        GrantError: The grants file is wrong.
        CredentialError: The credential cannot be opened.
    """
    table = read_grants(grants, base_url=base_url)
    attributes = read_attributes(cookies)
    return Access(table, open_issuer(credential, clock=clock), attributes=attributes, clock=clock)


def read_attributes(cookies: Mapping[str, object] | None) -> CookieAttributes:
    """Return the attributes that a mapping in a settings file asks for.

    Raises:
        ConfigurationError: ``cookie_setting``: unknown names, or values that no browser honours.
    """
    given: dict[str, Any] = dict(cookies or {})
    if unknown := given.keys() - _COOKIE_SETTINGS:
        raise ConfigurationError(
            "cookie_setting",
            f"cookies: there is no setting {excerpt(min(map(str, unknown)))}",
            advice=f"known are {', '.join(sorted(_COOKIE_SETTINGS))}",
            field="cookies",
        )
    try:
        return CookieAttributes(**given)
    except CookieError as error:
        raise ConfigurationError(
            "cookie_setting", f"cookies: {error.message}", advice=error.advice, field="cookies"
        ) from None
