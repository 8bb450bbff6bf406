"""From claims to cookies and URLs: a grants table and something that signs.

What a viewer gets is decided by :mod:`signer.grants` and signed by an :class:`signer.Issuer`; or,
where objects are fetched from S3 directly, by anything with the same ``signed_url``.

Cookies are session cookies unless ``CookieAttributes.max_age`` is set, as AWS advises ("Use signed
cookies", private-content-signed-cookies); a lifetime longer than the grant's is cut to it. Access
ends with the policy in either case.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, Protocol, runtime_checkable

from signer.cookies import CookieAttributes, SignedCookies
from signer.errors import GrantError, UrlError
from signer.grants import GrantTable, Permit
from signer.issuer import Issuer

MAX_SET_COOKIE_BYTES: Final = 16_384
"""Most bytes of Set-Cookie values in one response. CloudFront accepts about 20 kB of response
headers from an origin; the rest is for the other headers."""

_MOST_HELD = 64

Claims = Mapping[str, object]


class UrlSigner(Protocol):
    """What signs URLs: an :class:`signer.Issuer`, or one for S3 presigned URLs."""

    def signed_url(self, url: str, /, *, expires_in: timedelta | int) -> str:
        """Return the URL, signed."""
        ...


class SignedUrl(Protocol):
    """A signed URL that knows its end."""

    @property
    def url(self) -> str:
        """The URL. It is a credential."""
        ...

    @property
    def expires_at(self) -> int:
        """When it ends, in epoch seconds."""
        ...


@runtime_checkable
class PresigningSigner(Protocol):
    """A signer whose URLs may end earlier than asked, with the credentials that sign them."""

    @property
    def max_lifetime(self) -> timedelta:
        """Longest life of anything signed."""
        ...

    def presigned(self, url: str, /, *, expires_in: timedelta | int) -> SignedUrl:
        """Return the URL, signed, with its end."""
        ...


@dataclass(frozen=True, slots=True)
class AccessCookies:
    """Cookies for one viewer.

    Attributes:
        set_cookie_headers: Values of ``Set-Cookie`` headers, each a header of its own. They are
            credentials.
        expires_at: When the first of the cookies ends, in epoch seconds; None when none is set.
        grants: Names of the grants that are served by cookies.
        held: Cookie paths that the browser has now: keep them, and pass them as ``held`` next time.
            Among them are those that were to be cleared and did not fit into the response.
        left_out: Names of grants that are not served, since the claims ask for too many of their
            directories. Whoever may add somebody to groups could otherwise keep them out of
            everything.
    """

    set_cookie_headers: list[str] = field(repr=False)
    expires_at: int | None
    grants: tuple[str, ...]
    held: tuple[str, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccessUrl:
    """A signed URL.

    Attributes:
        url: The URL. It is a credential.
        expires_at: When it ends, in epoch seconds.
    """

    url: str = field(repr=False)
    expires_at: int


class Access:
    """Turns claims into signed cookies and URLs; safe to share between threads."""

    def __init__(
        self,
        table: GrantTable,
        signer: Issuer | UrlSigner,
        *,
        attributes: CookieAttributes | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Bind a table to what signs for it.

        Args:
            table: Who gets what.
            signer: An :class:`signer.Issuer` for CloudFront. Anything else signs URLs only.
            attributes: Attributes of all cookies; their ``path`` comes from the grant.
            clock: Returns seconds since 1970, like the signer's.

        Raises:
            GrantError: ``grant_attributes_path``; ``grant_lifetime`` for a grant that lasts longer
                than the issuer signs for.
            CookieError: The attributes' domain does not contain the table's host.
        """
        self.table: Final = table
        self._signer = signer
        self._cookie_signer = signer if isinstance(signer, Issuer) else None
        self._presigner = signer if isinstance(signer, PresigningSigner) else None
        self._attributes = attributes or CookieAttributes()
        self._clock = clock
        self._by_cookies = [one.name for one in table.grants if one.transport == "cookies"]
        self._check()

    @property
    def sets_cookies(self) -> bool:
        """True when the table has grants by cookies and the signer can make them."""
        return self._cookie_signer is not None and bool(self._by_cookies)

    def cookies(
        self,
        claims: Claims | None,
        *,
        held: Collection[str] = (),
        until: float | None = None,
    ) -> AccessCookies:
        """Return cookies for everything that the claims open by cookies.

        Only CloudFront checks cookies: with another signer than an :class:`signer.Issuer` there
        are none, and such grants give URLs only.

        Args:
            claims: Claims that are proven; None when nobody is logged in.
            held: Cookie paths of an earlier answer. Those not granted now are expired.
            until: Nothing lasts longer than that, in epoch seconds, whatever the grants say.

        Raises:
            GrantError: ``grant_cookies_too_large``.
            SigningError: The key's backend failed.
            CredentialError: The credential could not be read for too long.
        """
        signer = self._cookie_signer
        if signer is None:
            return AccessCookies([], None, (), ())
        now = int(self._clock())
        found, left_out = self._permits(claims)
        permits = [_ending(one, now, until) for one in found]
        paths = tuple(permit.cookie_path for permit in permits)
        headers: list[str] = []
        for permit in permits:
            headers += self._set(permit, signer)
        size = sum(map(len, headers))
        if size > MAX_SET_COOKIE_BYTES:
            raise GrantError(
                "grant_cookies_too_large",
                f"the cookies of {len(paths)} grants take {size} bytes of response headers, and "
                f"{MAX_SET_COOKIE_BYTES} are sent at most",
                advice='grant a directory above them, or use transport = "urls"',
                size=size,
            )
        gone = [path for path in _known(self.table, held) if path not in paths]
        lines, left = _cleared_while_they_fit(self._attributes, gone, MAX_SET_COOKIE_BYTES - size)
        shortest = min((permit.lifetime for permit in permits), default=None)
        ends = None if shortest is None else now + int(shortest.total_seconds())
        grants = tuple(dict.fromkeys(permit.grant for permit in permits))
        return AccessCookies([*lines, *headers], ends, grants, (*paths, *left), left_out)

    def clearing_headers(self, claims: Claims | None, *, held: Collection[str] = ()) -> list[str]:
        """Do what :func:`clearing_headers` does, if this makes cookies at all."""
        if not self.sets_cookies:
            return []
        return clearing_headers(self.table, self._attributes, claims, held=held)

    def url(
        self, claims: Claims | None, grant: str, item: str, *, until: float | None = None
    ) -> AccessUrl:
        """Return a signed URL for one object.

        Args:
            claims: Claims that are proven; None when nobody is logged in.
            grant: Name of the grant.
            item: The object's name inside it, see :meth:`signer.grants.Permit.item_path`.
            until: As for :meth:`cookies`.

        Raises:
            GrantError: ``login_required`` without claims, ``grant_not_given`` with them, whether
                or not there is such a grant;
                ``item_ambiguous``; ``item_...``.
            SigningError: The key's backend failed.
            CredentialError: The credential could not be read for too long.
        """
        now = int(self._clock())
        permit = _ending(self._permit(claims, grant, item), now, until)
        url = permit.item_url(item)
        if self._presigner is not None:
            try:
                signed = self._presigner.presigned(url, expires_in=permit.lifetime)
            except UrlError as error:
                # With what stands in front of it, a name can be too long for S3.
                raise GrantError("item_too_long", error.message, advice=error.advice) from None
            return AccessUrl(signed.url, signed.expires_at)
        ends = now + int(permit.lifetime.total_seconds())
        return AccessUrl(self._signer.signed_url(url, expires_in=permit.lifetime), ends)

    def _permits(self, claims: Claims | None) -> tuple[list[Permit], tuple[str, ...]]:
        """Return the permits of all grants by cookies, and the grants that have too many."""
        found: list[Permit] = []
        left_out: list[str] = []
        for name in self._by_cookies:
            try:
                found += self.table.permits(claims, names=[name])
            except GrantError as error:
                if error.code != "grant_too_many":
                    raise
                left_out.append(name)
        return found, tuple(left_out)

    def _permit(self, claims: Claims | None, grant: str, item: str) -> Permit:
        permits = self.table.permits(claims, names=[grant])
        if not permits:
            raise _not_given(claims)
        if len(permits) == 1:
            return permits[0]
        if not (isinstance(item, str) and item.startswith("/")):
            raise GrantError(
                "item_ambiguous",
                "the grant opens several directories",
                advice="name the item by its whole path, beginning with /",
            )
        for permit in permits[:-1]:
            try:
                permit.item_path(item)
            except GrantError as error:
                if error.code != "item_outside":
                    raise
            else:
                return permit
        return permits[-1]

    def _set(self, permit: Permit, signer: Issuer) -> list[str]:
        attributes = self._at(permit.cookie_path)
        if attributes.max_age is not None:
            longest = int(permit.lifetime.total_seconds())
            attributes = replace(attributes, max_age=min(attributes.max_age, longest))
        return signer.signed_cookies(
            permit.resource,
            expires_in=permit.lifetime,
            attributes=attributes,
            allow_entire_distribution=permit.allow_entire_distribution,
        ).set_cookie_headers()

    def _at(self, path: str) -> CookieAttributes:
        return replace(self._attributes, path=path)

    def _check(self) -> None:
        if self._attributes.path is not None:
            raise GrantError(
                "grant_attributes_path",
                "the cookie attributes have a path",
                advice="leave it out; each grant has its own, see cookie_path",
            )
        bounded = self._cookie_signer or self._presigner
        if bounded is not None:
            longest = bounded.max_lifetime
            for grant in self.table.grants:
                if grant.lifetime > longest:
                    raise GrantError(
                        "grant_lifetime",
                        f"the grant {grant.name} lasts longer than the issuer signs for "
                        f"({longest})",
                        advice="shorten its ttl, or raise max_lifetime",
                    )
        # Refuses a domain that does not contain the host, which no browser would accept.
        SignedCookies({}, resource=f"{self.table.base_url}/", attributes=self._at("/"))


def clearing_headers(
    table: GrantTable,
    attributes: CookieAttributes,
    claims: Claims | None,
    *,
    held: Collection[str] = (),
) -> list[str]:
    """Return ``Set-Cookie`` values that remove every cookie these claims can have had.

    For log-out, which needs no key: conditions are not looked at, since claims may have met them
    earlier. What is above :data:`MAX_SET_COOKIE_BYTES` is left out, held paths last.

    Args:
        table: Has the paths.
        attributes: Those that the cookies were set with.
        claims: The claims as far as they are known.
        held: Cookie paths of earlier answers.
    """
    paths = dict.fromkeys([*_known(table, held), *table.possible_cookie_paths(claims)])
    return _cleared_while_they_fit(attributes, paths, MAX_SET_COOKIE_BYTES)[0]


def _cleared_while_they_fit(
    attributes: CookieAttributes, paths: Iterable[str], room: int
) -> tuple[list[str], list[str]]:
    """Return the lines that clear cookies of paths, in their order, and the paths that are left."""
    headers: list[str] = []
    left: list[str] = []
    for path in paths:
        lines = SignedCookies.clearing_headers(replace(attributes, path=path))
        size = sum(map(len, lines))
        if size > room:
            left.append(path)
        else:
            room -= size
            headers += lines
    return headers, left


def _known(table: GrantTable, held: Collection[str]) -> list[str]:
    """Return what is a cookie path of a table: nothing else is ever put in a header."""
    known = (path for path in held if table.is_cookie_path(path))
    return list(dict.fromkeys(known))[:_MOST_HELD]


def _ending(permit: Permit, now: int, until: float | None) -> Permit:
    """Shorten a permit that would outlast what it was given for."""
    if until is None or permit.lifetime.total_seconds() <= until - now:
        return permit
    return replace(permit, lifetime=timedelta(seconds=max(1, int(until - now))))


def _not_given(claims: Claims | None) -> GrantError:
    # The same for a grant that does not exist: whether it does is nobody's business.
    if claims is None:
        return GrantError(
            "login_required", "nobody is logged in, and this is not public", advice="log in"
        )
    return GrantError(
        "grant_not_given",
        "there is no such grant for this viewer",
        advice="log in again if it has been given since",
    )
