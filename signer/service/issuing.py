"""Issuing cookies for as much as can be issued."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from signer.access import Access
from signer.errors import GrantError


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """Cookies for one viewer; see :class:`signer.access.AccessCookies`.

    Attributes:
        set_cookie_headers: Values of ``Set-Cookie`` headers.
        expires_at: When the first of the cookies ends.
        grants: Names of the grants that are served.
        paths: Cookie paths that were set.
        cause: Code of what kept a grant from being served, for the log.
    """

    set_cookie_headers: tuple[str, ...] = field(default=(), repr=False)
    expires_at: int | None = None
    grants: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    cause: str | None = None


def issued(
    access: Access,
    claims: Mapping[str, object] | None,
    *,
    held: Collection[str],
    until: float | None,
) -> Issued:
    """Issue cookies, without the grants that the claims ask too much of.

    Whoever may add somebody to groups could otherwise keep them out of everything.

    Args:
        access: Table and signer; one that makes no cookies issues none.
        claims: Of the viewer.
        held: Paths of the cookies that the browser has.
        until: Nothing lasts longer than that.

    Raises:
        GrantError: ``grant_cookies_too_large``.
        SigningError: The key's backend failed.
        CredentialError: The credential could not be read for too long.
    """
    left_out: list[str] = []
    while True:
        try:
            made = access.cookies(claims, held=held, until=until, leave_out=left_out)
        except GrantError as error:
            grant = error.evidence.get("grant")
            if error.code != "grant_too_many" or grant in left_out:
                raise
            left_out.append(str(grant))
        else:
            return Issued(
                set_cookie_headers=tuple(made.set_cookie_headers),
                expires_at=made.expires_at,
                grants=made.grants,
                paths=made.paths,
                cause="grant_too_many" if left_out else None,
            )
