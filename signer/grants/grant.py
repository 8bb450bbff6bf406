"""A row of a grants table, and the permit that it becomes for one viewer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from urllib.parse import unquote

from signer.errors import GrantError
from signer.grants.claims import Conditions, Refusal, Slot
from signer.grants.paths import PathTemplate, encoded_item
from signer.policy import Policy

Transport = Literal["cookies", "urls"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a table promises to viewers whose claims meet its conditions.

    Attributes:
        name: What clients call it.
        path: What it opens.
        lifetime: How long each cookie or URL lasts.
        transport: Signed cookies for everything below the path, or signed URLs one by one.
        cookie_path: Where browsers send the cookies.
        when: Conditions on claims; none means every viewer who is logged in.
        slots: Where the slots of the path take their values.
        public: Given to everybody, logged in or not.
        allow_entire_distribution: The path may be the whole site.
        line: Where the table's file has it.
    """

    name: str
    path: PathTemplate
    lifetime: timedelta
    transport: Transport
    cookie_path: PathTemplate
    when: Conditions = ()
    slots: tuple[Slot, ...] = ()
    public: bool = False
    allow_entire_distribution: bool = False
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deny:
    """A row that takes grants away; it wins over every grant.

    Attributes:
        when: Conditions on claims.
        grants: Names of the grants; None for all.
        line: Where the table's file has it.
    """

    when: Conditions
    grants: frozenset[str] | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Permit:
    """A grant with its slots filled: what one viewer may have.

    Attributes:
        grant: Name of the grant.
        resource: What a policy names, for example ``https://media.example.com/t/acme/docs/*``.
        path: Its path, ``/t/acme/docs/*`` or one file.
        cookie_path: Where browsers send the cookies.
        lifetime: How long each cookie or URL lasts.
        transport: ``cookies`` or ``urls``.
        allow_entire_distribution: The Resource may open the whole site.

    Raises:
        ResourceError: The Resource is not one that may be signed.
    """

    grant: str
    resource: str
    path: str
    cookie_path: str
    lifetime: timedelta
    transport: Transport
    allow_entire_distribution: bool = False

    def __post_init__(self) -> None:
        """Check the Resource by the rules that it will be signed under."""
        Policy(
            self.resource,
            date_less_than=1,
            allow_entire_distribution=self.allow_entire_distribution,
        )

    def item_path(self, item: str) -> str:
        """Return the path of an object that a client names, for use in a URL.

        Args:
            item: The object's plain name relative to the permit's directory, as in
                ``reports/May 2030.pdf``; or its whole path, beginning with ``/``. For a permit of
                one file the file's name, or nothing.

        Returns:
            The path, percent-encoded as clients send it, always inside the permit's path.

        Raises:
            GrantError: ``item_outside``, or the name is not a plain one; see
                :func:`signer.grants.paths.encoded_item`.
        """
        directory = self.path.rpartition("/")[0] + "/"
        if isinstance(item, str) and item.startswith("/"):
            whole = unquote(directory)
            if not item.startswith(whole):
                raise _outside()
            item = item[len(whole) :]
        if self.path.endswith("/*"):
            return directory + encoded_item(item)
        if item != "" and directory + encoded_item(item) != self.path:
            raise _outside()
        return self.path

    def item_url(self, item: str) -> str:
        """Return the URL, unsigned, of an object that a client names; see :meth:`item_path`."""
        return self.resource.removesuffix(self.path) + self.item_path(item)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one grant for one viewer.

    Attributes:
        grant: Name of the grant.
        permits: What was given; empty when nothing was.
        refusals: Why it was not given, or which values of a slot were left out.
    """

    grant: str
    permits: tuple[Permit, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    @property
    def granted(self) -> bool:
        """True when at least one permit was given."""
        return bool(self.permits)


def _outside() -> GrantError:
    return GrantError("item_outside", "the item is not inside the grant's path")
