"""System checks: ``manage.py check`` says what is wrong with the settings, not a viewer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.contrib.staticfiles.storage import HashedFilesMixin
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.utils.module_loading import import_string

from signer.errors import SignerError
from signer.grants import GrantTable
from signer.grants_place import STORES, read_grants
from signer.integrations.django.settings import (
    claims_function,
    get_access,
    given_settings,
)
from signer.integrations.django.storage import PublicUrlStorageMixin, SignedUrlStorageMixin
from signer.integrations.opening import read_attributes

_MIDDLEWARE: Final = "signer.integrations.django.SignedAccessMiddleware"
_BEFORE_IT: Final = (
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
)


def check_settings(*, app_configs: object, **_: object) -> list[CheckMessage]:
    """Check ``SIGNER`` and the order of ``MIDDLEWARE``; AWS is not asked for anything."""
    del app_configs
    try:
        given = given_settings()
        claims_function()
        if not given.get("ACCESS"):
            table = _table()
            read_attributes(given.get("COOKIES"))
            if table is not None and not str(given["CREDENTIAL"]).startswith(STORES):
                get_access()
    except SignerError as error:
        return [_error(error, "signer.E001")]
    return list(_check_order())


def check_storages(*, app_configs: object, **_: object) -> list[CheckMessage]:
    """Check that each private storage names a grant there is, and that no private one is hashed."""
    del app_configs
    found: list[CheckMessage] = []
    try:
        table = _table()
    except SignerError:
        table = None  # Said by check_settings.
    names = None if table is None else sorted(grant.name for grant in table.grants)
    for alias, entry in settings.STORAGES.items():
        try:
            backend = import_string(entry["BACKEND"])
        except (ImportError, KeyError, TypeError):
            continue  # Django's own checks and errors name these better.
        if isinstance(backend, type):
            found.extend(_check_storage(alias, backend, entry.get("OPTIONS") or {}, names))
    return found


def check_credential(*, app_configs: object, **_: object) -> list[CheckMessage]:
    """Open the credential, wherever it is: for ``manage.py check --deploy``."""
    del app_configs
    try:
        get_access()
    except SignerError as error:
        return [_error(error, "signer.E004")]
    return []


def _check_order() -> Iterator[CheckMessage]:
    middleware = list(settings.MIDDLEWARE)
    if _MIDDLEWARE not in middleware:
        yield CheckWarning(
            "SignedAccessMiddleware is not in MIDDLEWARE: nobody gets signed cookies",
            hint=f"add {_MIDDLEWARE!r} after AuthenticationMiddleware",
            id="signer.W001",
        )
        return
    place = middleware.index(_MIDDLEWARE)
    for name in _BEFORE_IT:
        if name not in middleware[:place]:
            yield Error(
                f"{name.rpartition('.')[2]} does not stand before SignedAccessMiddleware",
                hint=f"put {name!r} above {_MIDDLEWARE!r} in MIDDLEWARE",
                id="signer.E002",
            )


def _check_storage(
    alias: str, backend: type, options: dict[str, Any], names: list[str] | None
) -> Iterator[CheckMessage]:
    where = f"STORAGES[{alias!r}]"
    if issubclass(backend, SignedUrlStorageMixin):
        grant = options.get("grant", backend.grant)
        if names is not None and grant not in names:
            yield Error(
                f"{where} has the grant {grant!r}, which is not in the grants file",
                hint=f"the file has {', '.join(names)}",
                id="signer.E003",
            )
        if issubclass(backend, HashedFilesMixin):
            # Hashed storages write their URLs into stylesheets, where a signed one ends.
            yield Error(
                f"{where} writes its URLs into files, and signed URLs end",
                hint="use PublicUrlStorageMixin for static files",
                id="signer.E005",
            )
    elif issubclass(backend, PublicUrlStorageMixin) and not options.get("prefix", backend.prefix):
        yield CheckWarning(
            f"{where} has no prefix: its files lie at the root of the distribution",
            hint='give "prefix" in its OPTIONS, such as "public"',
            id="signer.W002",
        )


def _table() -> GrantTable | None:
    """Return the grants, without opening the credential unless ``ACCESS`` holds both.

    None when they are kept at AWS: only :func:`check_credential` asks there.
    """
    given = given_settings()
    if given.get("ACCESS"):
        return get_access().table
    if str(given["GRANTS"]).startswith(STORES):
        return None
    return read_grants(given["GRANTS"], base_url=given["BASE_URL"])


def _error(error: SignerError, identity: str) -> Error:
    return Error(error.message, hint=error.advice or None, obj=error.code, id=identity)
