"""The setting ``SIGNER``, and what is made of it.

=================  ==============================================================================
``CREDENTIAL``     where the credential is kept, see :func:`signer.open_issuer`
``GRANTS``         path of the grants file, or as for ``CREDENTIAL``
``BASE_URL``       scheme and host under which viewers reach CloudFront
``COOKIES``        optional: fields of :class:`signer.CookieAttributes`
``CLAIMS``         optional: function from a user to claims, or its dotted path
``ACCESS``         instead of the first four: a :class:`signer.access.Access`, a function that
                   returns one, or the dotted path of either
=================  ==============================================================================
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from django.conf import settings
from django.utils.module_loading import import_string

from signer.access import Access
from signer.errors import ConfigurationError, CredentialError, RemoteError, excerpt
from signer.integrations.opening import open_access
from signer.integrations.viewer import Claims

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

    UserClaims: TypeAlias = Callable[[AbstractBaseUser | AnonymousUser], Claims | None]

REQUIRED: Final = ("CREDENTIAL", "GRANTS", "BASE_URL")
KNOWN: Final = frozenset({*REQUIRED, "COOKIES", "CLAIMS", "ACCESS"})

# Between two attempts at opening credential and grants, for all requests of a process, in seconds.
_PAUSE: Final = 5.0

_lock = threading.Lock()
_opened: dict[str, Any] = {}


def get_access() -> Access:
    """Return the :class:`signer.access.Access` of ``SIGNER``, opened once in a process.

    Raises:
        ConfigurationError: A setting is missing or wrong; the message names it.
        GrantError: The grants file is wrong.
        CredentialError: The credential cannot be opened.
        RemoteError: ``grants_unavailable``.
    """
    given = given_settings()
    with _lock:
        # Settings are only ever replaced as a whole, by tests.
        if _opened.get("settings") is not given:
            _opened.clear()
            _opened.update(settings=given, not_before=0.0)
        if "access" not in _opened:
            if time.monotonic() < _opened["not_before"]:
                raise _opened["failure"].again()
            try:
                _opened["access"] = _open(given)
            except (CredentialError, RemoteError) as error:
                _opened.update(failure=error, not_before=time.monotonic() + _PAUSE)
                raise
        access: Access = _opened["access"]
        return access


def given_settings() -> Mapping[str, Any]:
    """Return ``SIGNER`` with its names checked, and nothing opened.

    Raises:
        ConfigurationError: It is missing, not a dict, or has names that are missing or unknown.
    """
    given = getattr(settings, "SIGNER", None)
    if not isinstance(given, dict):
        raise wrong("SIGNER", "is not set to a dict")
    if unknown := given.keys() - KNOWN:
        advice = f"known are {', '.join(sorted(KNOWN))}"
        raise wrong("SIGNER", f"has no setting {excerpt(min(map(str, unknown)))}", advice)
    for name in () if given.get("ACCESS") else REQUIRED:
        if not given.get(name):
            raise wrong(f"SIGNER[{name!r}]", "is not set")
    if not isinstance(given.get("COOKIES", {}), dict):
        raise wrong("SIGNER['COOKIES']", "is not a dict")
    return given


def claims_function() -> UserClaims:
    """Return the function from users to claims.

    Raises:
        ConfigurationError: ``SIGNER['CLAIMS']`` is neither a function nor the path of one.
    """
    function = named("CLAIMS", given_settings().get("CLAIMS") or user_claims)
    if not callable(function):
        raise wrong("SIGNER['CLAIMS']", "is not a function or the dotted path of one")
    return function


def user_claims(user: AbstractBaseUser | AnonymousUser) -> Claims | None:
    """Return what Django knows about a user: the default for ``SIGNER['CLAIMS']``.

    Returns:
        ``sub`` (the primary key), ``username``, ``groups`` (names), ``staff`` and ``superuser``;
        None for a user that is not active.
    """
    if not user.is_active:
        return None
    groups = getattr(user, "groups", None)
    return {
        "sub": str(user.pk),
        "username": user.get_username(),
        "groups": sorted(groups.values_list("name", flat=True)) if groups is not None else [],
        "staff": bool(getattr(user, "is_staff", False)),
        "superuser": bool(getattr(user, "is_superuser", False)),
    }


def named(name: str, value: object) -> object:
    """Import what a setting names by a dotted path; anything else is what it is.

    Raises:
        ConfigurationError: There is nothing of that name.
    """
    if not isinstance(value, str):
        return value
    try:
        found: object = import_string(value)
    except ImportError as error:
        raise wrong(f"SIGNER[{name!r}]", f"cannot be imported: {error}") from error
    return found


def wrong(name: str, problem: str, advice: str = "") -> ConfigurationError:
    """Return the error for a setting."""
    return ConfigurationError("setting", f"{name} {problem}", advice=advice, field=name)


def _open(given: Mapping[str, Any]) -> Access:
    if given.get("ACCESS"):
        access = named("ACCESS", given["ACCESS"])
        if callable(access):
            access = access()
        if not isinstance(access, Access):
            raise wrong("SIGNER['ACCESS']", "is not an Access, nor a function that returns one")
        return access
    return open_access(
        credential=given["CREDENTIAL"],
        grants=given["GRANTS"],
        base_url=given["BASE_URL"],
        cookies=given.get("COOKIES"),
    )
