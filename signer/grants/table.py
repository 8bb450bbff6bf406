"""The grants table: who gets what."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from itertools import product
from typing import Final, Self

from signer.errors import GrantError, UrlError
from signer.grants.claims import (
    MAX_SLOT_VALUES,
    Refusal,
    claim_names,
    denies,
    slot_values,
    too_many,
    unmet,
)
from signer.grants.document import Fields, read_json, read_toml
from signer.grants.grant import Deny, Grant, Outcome, Permit
from signer.grants.reading import permit_of, read_table
from signer.wire import wire_url

# Without https, cookies and URLs could be read on the way; on this machine there is no way.
_SECURE = re.compile(
    r"https://|http://(?:localhost|[a-z0-9.-]+\.localhost|127(?:\.[0-9]+){3}|\[::1\])(?::[0-9]+)?$"
)

Claims = Mapping[str, object]


class GrantTable:
    """Grants and deny rows for one distribution; immutable, and safe to share between threads.

    Attributes:
        base_url: Scheme and host of everything that is granted.
        grants: The grants, in the order of the file.
        deny: The deny rows, in the order of the file.
    """

    def __init__(self, fields: Fields, *, base_url: str) -> None:
        """Read a parsed file; :meth:`from_toml` and :meth:`from_json` call this."""
        self.base_url: Final = _checked_base_url(base_url)
        grants, deny = read_table(fields, self.base_url)
        self.grants: Final[tuple[Grant, ...]] = grants
        self.deny: Final[tuple[Deny, ...]] = deny
        self.needed_claims: Final = claim_names(
            [*(grant.when for grant in grants), *(row.when for row in deny)],
            [slot for grant in grants for slot in grant.slots],
        )

    @classmethod
    def from_toml(cls, text: str, *, base_url: str, source: str = "grants.toml") -> Self:
        """Read a table from TOML; docs/grants.md describes every field.

        Args:
            text: The file's text.
            base_url: Scheme and host that viewers use, such as ``https://media.example.com``.
            source: What error messages call the file.

        Raises:
            GrantError: ``grants_...``, evidence names ``source``, ``line`` and ``field``; or
                ``grant_base_url``.
        """
        return cls(read_toml(text, source), base_url=base_url)

    @classmethod
    def from_json(cls, text: str, *, base_url: str, source: str = "grants.json") -> Self:
        """Read a table from JSON with the same fields; see :meth:`from_toml`."""
        return cls(read_json(text, source), base_url=base_url)

    @classmethod
    def from_text(cls, text: str, *, base_url: str, source: str = "grants") -> Self:
        """Read a table from JSON if it begins like JSON, else from TOML."""
        read = cls.from_json if text.lstrip().startswith("{") else cls.from_toml
        return read(text, base_url=base_url, source=source)

    def permits(
        self, claims: Claims | None, *, names: Collection[str] | None = None
    ) -> tuple[Permit, ...]:
        """Return what a viewer may have.

        Args:
            claims: Claims that are proven, from a token or a session; None when nobody is logged
                in, which leaves public grants only.
            names: Look at these grants only; unknown names give nothing.

        Raises:
            GrantError: ``grant_too_many``; ``claims_type``.
        """
        asked = None if names is None else tuple(names)
        return tuple(
            permit
            for grant in self.grants
            if asked is None or grant.name in asked
            for permit in self._outcome(grant, claims).permits
        )

    def explain(self, claims: Claims | None) -> tuple[Outcome, ...]:
        """Return what became of every grant, and why.

        Raises:
            GrantError: ``claims_type``.
        """
        outcomes = []
        for grant in self.grants:
            try:
                outcomes.append(self._outcome(grant, claims))
            except GrantError as error:
                if error.code != "grant_too_many":
                    raise
                outcomes.append(Outcome(grant.name, (), (Refusal(error.code, error.message),)))
        return tuple(outcomes)

    def possible_cookie_paths(self, claims: Claims | None) -> tuple[str, ...]:
        """Return every cookie path that these claims can ever have had, whatever the conditions."""
        known = _checked_claims(claims) or {}
        paths: dict[str, None] = {}
        for grant in self.grants:
            if grant.transport == "cookies":
                try:
                    permits, _ = self._filled(grant, known)
                except GrantError:  # too many, so none of them was ever set
                    continue
                paths.update(dict.fromkeys(permit.cookie_path for permit in permits))
        return tuple(paths)

    def is_cookie_path(self, text: object) -> bool:
        """Tell whether a text is the cookie path of one of this table's grants, slots filled."""
        return isinstance(text, str) and any(
            grant.cookie_path.is_filled(text)
            for grant in self.grants
            if grant.transport == "cookies"
        )

    def _outcome(self, grant: Grant, claims: Claims | None) -> Outcome:
        claims = _checked_claims(claims)
        if claims is None and not grant.public:
            return Outcome(grant.name, (), (Refusal("login_needed", "nobody is logged in"),))
        for number, row in enumerate(self.deny, 1):
            if (row.grants is None or grant.name in row.grants) and denies(row.when, claims or {}):
                where = f"deny row {number} (line {row.line}) takes it away"
                return Outcome(grant.name, (), (Refusal("denied", where),))
        refusal = unmet(grant.when, claims or {})
        if refusal is not None:
            return Outcome(grant.name, (), (refusal,))
        return Outcome(grant.name, *self._filled(grant, claims or {}))

    def _filled(
        self, grant: Grant, claims: Claims
    ) -> tuple[tuple[Permit, ...], tuple[Refusal, ...]]:
        """Return a permit for every combination of slot values, and the values left out."""
        columns: list[list[str]] = []
        refusals: list[Refusal] = []
        combinations = 1
        for slot in grant.slots:
            values, refused = slot_values(slot, claims)
            columns.append(values)
            refusals += refused
            combinations *= len(values)
        if combinations > MAX_SLOT_VALUES:
            raise too_many(grant.name)
        names = grant.path.slots
        rows = [dict(zip(names, row, strict=True)) for row in product(*columns)]
        return tuple(permit_of(grant, self.base_url, row) for row in rows), tuple(refusals)


def _checked_claims(claims: Claims | None) -> Claims | None:
    if claims is None or isinstance(claims, Mapping):
        return claims
    raise GrantError("claims_type", f"claims must be a mapping, not {type(claims).__name__}")


def _checked_base_url(base_url: str) -> str:
    """Return scheme, host and port in the form that clients send."""
    try:
        origin = wire_url(base_url).removesuffix("/")
    except UrlError as error:
        raise GrantError("grant_base_url", error.message, advice=error.advice) from None
    if origin.count("/") > 2 or "?" in origin:  # noqa: PLR2004 - the two behind the scheme
        raise GrantError(
            "grant_base_url",
            "the base URL has a path or a query",
            advice="give scheme and host only, as in https://media.example.com",
        )
    if not _SECURE.match(origin):
        raise GrantError(
            "grant_base_url",
            "the base URL is not https://",
            advice="http:// is only taken for localhost",
        )
    return origin
