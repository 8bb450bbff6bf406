"""Policies: what is signed.

A policy has exactly one statement: a Resource, an end, optionally a start and an IPv4 range. It
is *canned* if and only if it names one exact URL and an end and nothing else; CloudFront then
rebuilds it from the request, so its text is fixed to the byte. Any other policy is *custom* and
travels with the request.

AWS sources: "Create a signed URL using a canned policy" and "... using a custom policy"
(private-content-creating-signed-url-canned-policy, -custom-policy).
"""

from __future__ import annotations

import ipaddress
import json
import math
import re
from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from typing import NamedTuple

from signer.errors import PolicyError, ResourceError, excerpt
from signer.resource import is_entire_distribution, is_exact, wire_resource

# The guide gives 9223372036854775807 and the date 2262-04-11, which agree only in nanoseconds;
# in seconds that date is this number. Older texts stop at the 32-bit limit.
_LATEST = 9_223_372_036
_MILLISECONDS = 10**11
_LARGEST = 2**63 - 1
_IPV4_RANGE = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/(?:[0-9]|[12][0-9]|3[0-2]))?")


def epoch_seconds(value: datetime | int, *, name: str) -> int:
    """Turn a point in time into the whole seconds that a policy carries.

    Args:
        value: Aware ``datetime`` (fractions are cut off) or seconds since 1970 UTC.
        name: What the value is, for the error message.

    Raises:
        PolicyError: ``time_naive``, ``time_milliseconds``, ``time_type`` or ``time_range``.
    """
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise PolicyError(
                "time_naive",
                f"{name} is a datetime without a time zone",
                advice="use datetime.now(UTC) or attach the zone you mean",
            )
        value = math.floor(value.timestamp())
    elif isinstance(value, bool) or not isinstance(value, int):
        raise PolicyError(
            "time_type",
            f"{name} must be an aware datetime or int seconds, not {type(value).__name__}",
        )
    if value >= _MILLISECONDS:
        raise PolicyError(
            "time_milliseconds", f"{name} looks like milliseconds", advice="divide by 1000"
        )
    if not 0 < value <= _LATEST:
        raise PolicyError("time_range", f"{name} is not between 1970 and 2262")
    return value


def ipv4_range(value: str) -> str:
    """Return an IPv4 address or range in the form ``a.b.c.d/n``.

    Args:
        value: One address, or one CIDR range whose host bits are zero.

    Raises:
        PolicyError: ``ip_version`` for IPv6, which CloudFront does not check; ``ip_host_bits``;
            ``ip_everyone`` for a range that restricts nothing; ``ip_malformed``.
    """
    if not isinstance(value, str):
        raise PolicyError("ip_type", f"ip_address must be a str, not {type(value).__name__}")
    if ":" in value:
        raise PolicyError(
            "ip_version",
            "ip_address is not IPv4, and CloudFront compares IPv4 addresses only",
            advice="leave it out, and do not enable IPv6 on a distribution that uses it",
        )
    if not _IPV4_RANGE.fullmatch(value):
        raise PolicyError("ip_malformed", f"{excerpt(value)} is not an IPv4 address or CIDR range")
    try:
        network = ipaddress.IPv4Network(value, strict=False)
    except ValueError:
        raise PolicyError(
            "ip_malformed", f"{excerpt(value)} is not an IPv4 address or CIDR range"
        ) from None
    if str(network) != (value if "/" in value else f"{value}/32"):
        raise PolicyError(
            "ip_host_bits", f"{value} has host bits set", advice=f"write {network} if you mean it"
        )
    if network.prefixlen == 0:
        raise PolicyError(
            "ip_everyone", f"{value} restricts nothing", advice="leave ip_address out"
        )
    return str(network)


@dataclass(frozen=True, slots=True)
class Policy:
    """One statement, validated and in wire form; an invalid one cannot be constructed.

    Attributes:
        resource: URL or pattern; after construction in the form of
            :func:`signer.resource.wire_resource`.
        date_less_than: First second at which access ends (aware datetime or epoch seconds; after
            construction epoch seconds).
        date_greater_than: Access begins after this second; CloudFront denies at it.
        ip_address: IPv4 address or range of the viewer; after construction with its mask.
        allow_entire_distribution: Permit a Resource that opens a whole site or unnamed hosts.
        escape_query_delimiter: Write the ``?`` that opens the Resource's query as a backslash and
            ``?``, as older texts of the guide demand. It makes the policy custom.

    Raises:
        ResourceError: See :func:`signer.resource.wire_resource`; ``resource_too_broad`` without
            the opt-in.
        PolicyError: See :func:`epoch_seconds` and :func:`ipv4_range`; ``time_window`` when the
            start is not before the end.
    """

    resource: str
    _: KW_ONLY
    date_less_than: datetime | int
    date_greater_than: datetime | int | None = None
    ip_address: str | None = None
    allow_entire_distribution: bool = False
    escape_query_delimiter: bool = False

    def __post_init__(self) -> None:
        """Validate and normalise every field."""
        resource = wire_resource(self.resource)
        if not self.allow_entire_distribution and is_entire_distribution(resource):
            raise ResourceError(
                "resource_too_broad",
                f"the Resource {excerpt(resource)} opens an entire distribution",
                advice="name a directory, or pass allow_entire_distribution=True",
                resource=resource,
            )
        end = epoch_seconds(self.date_less_than, name="date_less_than")
        start = self.date_greater_than
        if start is not None:
            start = epoch_seconds(start, name="date_greater_than")
            if start >= end:
                raise PolicyError("time_window", "date_greater_than is not before date_less_than")
        # The instance is frozen for everybody else.
        for name, value in (
            ("resource", resource),
            ("date_less_than", end),
            ("date_greater_than", start),
            ("ip_address", None if self.ip_address is None else ipv4_range(self.ip_address)),
        ):
            object.__setattr__(self, name, value)

    @property
    def is_canned(self) -> bool:
        """True when CloudFront can rebuild the policy from the request alone."""
        return (
            self.date_greater_than is None
            and self.ip_address is None
            and is_exact(self.resource)
            and not (self.escape_query_delimiter and "?" in self.resource)
        )

    @property
    def end(self) -> int:
        """``date_less_than`` in epoch seconds."""
        return int(self.date_less_than)  # type: ignore[arg-type]  # int since construction

    def to_json(self) -> str:
        """Return the exact text that is signed: minimal JSON in CloudFront's member order."""
        resource = self.resource
        if self.escape_query_delimiter:
            resource = resource.replace("?", "\\\\?", 1)
        conditions = f'"DateLessThan":{{"AWS:EpochTime":{self.date_less_than}}}'
        if self.ip_address is not None:
            conditions += f',"IpAddress":{{"AWS:SourceIp":"{self.ip_address}"}}'
        if self.date_greater_than is not None:
            conditions += f',"DateGreaterThan":{{"AWS:EpochTime":{self.date_greater_than}}}'
        # The Resource cannot hold a quote, backslash, control or non-ASCII character by now.
        return f'{{"Statement":[{{"Resource":"{resource}","Condition":{{{conditions}}}}}]}}'


def canned_policy_text(resource: str, date_less_than: int | str) -> str:
    """Return the canned policy as CloudFront rebuilds it from a request.

    Args:
        resource: The request's URL without CloudFront's parameters; not validated.
        date_less_than: Value of ``Expires``.
    """
    return (
        f'{{"Statement":[{{"Resource":"{resource}","Condition":'
        f'{{"DateLessThan":{{"AWS:EpochTime":{date_less_than}}}}}}}]}}'
    )


class DecodedPolicy(NamedTuple):
    """A policy as it arrived, for display and checking; nothing about it is trusted.

    Attributes:
        resource: Pattern, or None when the statement has none (which opens everything that the
            key signs for).
        date_less_than: End in epoch seconds.
        date_greater_than: Start in epoch seconds, if any.
        ip_address: Source IP condition as written, if any.
        text: The signed text.
    """

    resource: str | None
    date_less_than: int
    date_greater_than: int | None
    ip_address: str | None
    text: str


def decode_policy(
    data: bytes,
    *,
    bare_statement: bool = False,
    extra_members: bool = False,
    duplicate_members: bool = False,
) -> DecodedPolicy:
    """Read a policy document strictly.

    Args:
        data: JSON in UTF-8, after base64.
        bare_statement: Accept ``Statement`` as an object instead of a list.
        extra_members: Ignore members that the guide does not name, instead of refusing.
        duplicate_members: Let the last of two members of one name win, instead of refusing.

    Raises:
        PolicyError: ``policy_json`` (not JSON, or not UTF-8), ``policy_statements`` (not exactly
            one statement), ``policy_members``, ``policy_resource``, ``policy_date``,
            ``policy_ip``.
    """
    try:
        text = data.decode("utf-8")
        document: object = json.loads(
            text, object_pairs_hook=dict if duplicate_members else _unique_members
        )
    except (ValueError, RecursionError):
        raise PolicyError("policy_json", "the policy is not a JSON document") from None
    top = _members(document, required={"Statement"}, optional=set(), extra=extra_members)
    statement = top["Statement"]
    if isinstance(statement, list) and len(statement) == 1:
        statement = statement[0]
    elif not (bare_statement and isinstance(statement, dict)):
        raise PolicyError("policy_statements", "the policy has not exactly one statement")
    fields = _members(statement, required={"Condition"}, optional={"Resource"}, extra=extra_members)
    condition = _members(
        fields["Condition"],
        required={"DateLessThan"},
        optional={"DateGreaterThan", "IpAddress"},
        extra=extra_members,
    )
    resource = fields.get("Resource")
    if "Resource" in fields and not isinstance(resource, str):
        raise PolicyError("policy_resource", "the policy's Resource is not a string")
    return DecodedPolicy(
        resource=resource if isinstance(resource, str) else None,
        date_less_than=_date(condition["DateLessThan"], "DateLessThan", extra=extra_members),
        date_greater_than=(
            _date(condition["DateGreaterThan"], "DateGreaterThan", extra=extra_members)
            if "DateGreaterThan" in condition
            else None
        ),
        ip_address=(
            _address(condition["IpAddress"], extra=extra_members)
            if "IpAddress" in condition
            else None
        ),
        text=text,
    )


def needed_leniencies(data: bytes) -> list[str]:
    """Return the names of the leniencies that :func:`decode_policy` needs to read a document.

    Empty when it needs none, or when even all of them together do not help.
    """
    names = ("bare_statement", "extra_members", "duplicate_members")
    every = dict.fromkeys(names, True)
    if not _is_readable(data, **every):
        return []
    return [name for name in names if not _is_readable(data, **{**every, name: False})]


def _is_readable(data: bytes, **leniencies: bool) -> bool:
    try:
        decode_policy(data, **leniencies)
    except PolicyError:
        return False
    return True


def _unique_members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _members(
    value: object, *, required: set[str], optional: set[str], extra: bool
) -> dict[str, object]:
    if (
        not isinstance(value, dict)
        or not required <= value.keys()
        or not (extra or value.keys() <= required | optional)
    ):
        names = " and ".join(sorted(required))
        raise PolicyError("policy_members", f"the policy has no object with {names} alone")
    return value


def _date(value: object, name: str, *, extra: bool) -> int:
    epoch = _members(value, required={"AWS:EpochTime"}, optional=set(), extra=extra)[
        "AWS:EpochTime"
    ]
    if isinstance(epoch, bool) or not isinstance(epoch, int) or abs(epoch) > _LARGEST:
        raise PolicyError("policy_date", f"the policy's {name} is not an integer")
    return epoch


def _address(value: object, *, extra: bool) -> str:
    address = _members(value, required={"AWS:SourceIp"}, optional=set(), extra=extra)[
        "AWS:SourceIp"
    ]
    if not isinstance(address, str):
        raise PolicyError("policy_ip", "the policy's IpAddress is not a string")
    return address
