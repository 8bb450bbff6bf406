"""What AWS documentation leaves open about checking signatures, as named switches.

Every field is a rule on which the CloudFront developer guide is silent or contradicts itself.
The default is the cautious reading: what is in doubt is denied, except where the permissive
reading is in wide and observed use. A :class:`signer.verifier.Verdict` names the fields that
mattered for its decision, so that nobody mistakes an assumption for a fact.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Literal

Duplicates = Literal["deny", "first", "last"]


def _because(sentence: str) -> dict[str, str]:
    return {"sentence": sentence}


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """Rules for the cases that documentation leaves open; see :meth:`describe`."""

    clock_skew_seconds: int = field(
        default=0,
        metadata=_because("No tolerance for clock skew is documented; dates count to the second."),
    )
    last_second_denied: bool = field(
        default=True,
        metadata=_because(
            "The second named by DateLessThan itself is not described; access has ended then."
        ),
    )
    latest_epoch_seconds: int = field(
        default=9_223_372_036,
        metadata=_because(
            "The guide's largest date is given in two units that disagree; the earlier one counts."
        ),
    )
    duplicate_parameters: Duplicates = field(
        default="deny",
        metadata=_because("Which of two equal query parameters counts is silent."),
    )
    duplicate_cookies: Duplicates = field(
        default="deny",
        metadata=_because("Which of two cookies of one name counts is silent."),
    )
    policy_before_expires: bool = field(
        default=True,
        metadata=_because("With both Policy and Expires present, Policy is used."),
    )
    exact_hash_algorithm: bool = field(
        default=True,
        metadata=_because(
            "Hash-Algorithm values other than SHA1 and SHA256, and other spellings, are denied."
        ),
    )
    unpadded_base64: bool = field(
        default=False,
        metadata=_because("Whether base64 without its padding is accepted is silent."),
    )
    standard_base64: bool = field(
        default=False,
        metadata=_because("Whether base64 with + = / left in it is accepted is silent."),
    )
    host_case_matters: bool = field(
        default=True,
        metadata=_because("Host names are compared as sent; clients send lower case."),
    )
    default_port_matters: bool = field(
        default=True,
        metadata=_because("An explicit default port is compared as sent; clients omit it."),
    )
    percent_encoding_matters: bool = field(
        default=True,
        metadata=_because(
            "Whether %7E and ~, or %2f and %2F, compare as equal is silent; they do not."
        ),
    )
    parameter_case_matters: bool = field(
        default=True,
        metadata=_because("Whether names of parameters may be written in another case is silent."),
    )
    policy_read_before_signature: bool = field(
        default=True,
        metadata=_because(
            "Which error is given when neither policy nor signature can be read is silent."
        ),
    )
    most_wildcards: int = field(
        default=64,
        metadata=_because("No limit to the wildcards of a Resource is documented."),
    )
    http_star_protocol: bool = field(
        default=True,
        metadata=_because(
            "http*:// is not in today's list of protocols but in wide use; it means both."
        ),
    )
    escaped_query_delimiter: bool = field(
        default=True,
        metadata=_because(
            "The ? that opens a query may be written with a backslash, as older texts demand."
        ),
    )
    cookie_wildcards_anywhere: bool = field(
        default=True,
        metadata=_because(
            "For cookies wildcards match anywhere in the string; the sections of the signed URL "
            "page are not mentioned there."
        ),
    )
    dot_segments_denied: bool = field(
        default=True,
        metadata=_because(
            "Whether a Resource is compared before or after dot segments are resolved is silent; "
            "a path that has any, plain or percent-encoded, is denied."
        ),
    )
    wildcard_in_canned_policy: bool = field(
        default=False,
        metadata=_because(
            "A canned policy cannot contain a wildcard; whether a literal * in the URL counts as "
            "one is silent."
        ),
    )
    bare_statement: bool = field(
        default=False,
        metadata=_because("Statement as an object, not a list, was shown by older texts only."),
    )
    extra_members: bool = field(
        default=False,
        metadata=_because("Whether unknown members of a policy are ignored is silent."),
    )
    duplicate_members: bool = field(
        default=False,
        metadata=_because("Which of two members of one name in a policy counts is silent."),
    )
    bare_ip_is_one_host: bool = field(
        default=False,
        metadata=_because("An IpAddress without a mask is not documented; the guide writes /32."),
    )
    ipv6_ranges: bool = field(
        default=False,
        metadata=_because(
            "IpAddress is IPv4 only by the policy pages, while sample pages speak of IPv6 too."
        ),
    )
    mapped_ipv4_viewer: bool = field(
        default=False,
        metadata=_because("Whether ::ffff:192.0.2.1 counts as 192.0.2.1 is silent."),
    )
    options_needs_signature: bool = field(
        default=True,
        metadata=_because("No exemption of OPTIONS from the signature is documented."),
    )

    @classmethod
    def describe(cls) -> dict[str, str]:
        """Return one sentence for each field name."""
        return {item.name: item.metadata["sentence"] for item in fields(cls)}
