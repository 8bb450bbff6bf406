"""The causes of a refusal that can be seen without asking AWS, by number.

The numbers are those of ``docs/explain.md`` and never change; gaps are causes that only a look at
the distribution's configuration or a live request can show.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Cause:
    """One entry of the catalogue.

    Attributes:
        number: Stable number.
        code: Short name in snake case, stable as well.
        title: What is wrong, in a few words.
        detects: What is looked at to find it.
        advice: What to do about it, where the finding has nothing more precise to say.
    """

    number: int
    code: str
    title: str
    detects: str
    advice: str


_CAUSES: Final = (
    Cause(
        1,
        "credentials_missing",
        "No complete set of CloudFront's parameters or cookies arrived",
        "the names that are absent from the query and the cookies, also behind a #",
        "Send all of them: Expires or Policy, Signature, Key-Pair-Id, and Hash-Algorithm for "
        "SHA-256.",
    ),
    Cause(
        2,
        "key_pair_id_placeholder",
        "The key pair id is empty or a placeholder",
        "an empty value, or undefined, null, None and the like",
        "The signer read its key pair id from a setting that was not there; set it.",
    ),
    Cause(
        3,
        "key_pair_id_other",
        "The key pair id is the id of something else",
        "the form of a key group, access key, distribution, root key pair or name",
        "Use the id that CloudFront shows for the public key (K...).",
    ),
    Cause(
        4,
        "key_not_trusted",
        "No trusted key group has the key",
        "the key pair id is not among the public keys given",
        "Compare the id with the key groups of the cache behavior that matches the path.",
    ),
    Cause(
        6,
        "key_removed_early",
        "The key is not trusted although the policy still runs",
        "the key pair id is not among the public keys given, and the end lies ahead",
        "Keep a key in its key group until everything signed with it has ended; add it back.",
    ),
    Cause(
        8,
        "s3_host",
        "The URL names the S3 bucket, not the distribution",
        "a host below amazonaws.com",
        "Use the distribution's host name, or sign an S3 presigned URL instead.",
    ),
    Cause(
        9,
        "expired",
        "Access has ended",
        "DateLessThan or Expires against the time of the request",
        "Issue a new one; if it ended too soon for its use, with a longer life.",
    ),
    Cause(
        10,
        "not_yet_valid",
        "Access has not begun",
        "DateGreaterThan against the time of the request, also within a minute of it",
        "Leave the start out when it is meant to be now, or set it a minute back.",
    ),
    Cause(
        11,
        "milliseconds",
        "A date is in milliseconds",
        "a date of 10^11 or more",
        "Divide by 1000: CloudFront counts seconds.",
    ),
    Cause(
        12,
        "date_misread",
        "A date may have been misread",
        "the date would fit with day and month swapped, or as local time",
        "Give aware datetimes or epoch seconds, never a text without a time zone.",
    ),
    Cause(
        14,
        "expires_changed",
        "Expires is not the end that was signed",
        "the signature fits another end, or Expires differs from the policy",
        "Send the Expires that was signed; it cannot be changed afterwards.",
    ),
    Cause(
        15,
        "parameter_added",
        "A query parameter was added after signing",
        "the signature or the Resource fits once some of the parameters are removed",
        "Add parameters before signing, or sign a Resource that ends in *.",
    ),
    Cause(
        16,
        "query_rewritten",
        "The URL was re-encoded or reordered on its way",
        "the signature or the Resource fits another spelling: + and %20, ' and %27, ~ and %7E, "
        "upper and lower hex digits, order, dot segments, host case, default port",
        "Sign the URL exactly as clients send it (signer url does), and keep proxies and "
        "frameworks from rewriting it.",
    ),
    Cause(
        17,
        "not_encoded_when_signed",
        "The URL was not percent-encoded when it was signed",
        "the signature or the Resource fits the unencoded text, or an over-encoded path",
        "Encode the URL first and sign the result; clients send only encoded URLs.",
    ),
    Cause(
        18,
        "json_escapes",
        "The signed policy was written with JSON escapes",
        r"the signature fits a policy with \u0026, \/ and the like",
        "Switch HTML escaping off in the JSON writer, or build the canned policy as text.",
    ),
    Cause(
        19,
        "policy_spelling",
        "The signed policy was spelled differently",
        "the signature fits another spacing, member order or trailing line break",
        "Sign the canned policy without white space and in CloudFront's member order; a custom "
        "policy exactly as it is sent.",
    ),
    Cause(
        20,
        "base64_alphabet",
        "The base64 is not in CloudFront's alphabet",
        "+, = or / left in a value, the URL-safe alphabet of RFC 4648, missing padding",
        "Replace + by -, = by _ and / by ~ in padded standard base64.",
    ),
    Cause(
        21,
        "base64_line_breaks",
        "The base64 has line breaks or spaces in it",
        "white space, plain or percent-encoded, in Policy or Signature",
        "Write base64 in one line (openssl base64 -A).",
    ),
    Cause(
        22,
        "signed_base64",
        "The signature covers the base64 text, not the policy",
        "the signature fits the encoded policy",
        "Sign the JSON text, then encode policy and signature.",
    ),
    Cause(
        23,
        "hash_marker",
        "Hash-Algorithm does not name the hash that was used",
        "the signature fits the other hash, or the value is neither SHA1 nor SHA256",
        "Send Hash-Algorithm=SHA256 with SHA-256 signatures, and no marker with SHA-1.",
    ),
    Cause(
        24,
        "raw_ecdsa",
        "The ECDSA signature is raw r and s",
        "64 bytes instead of DER; with the key, that it would be genuine as DER",
        "Convert it to ASN.1 DER before encoding it.",
    ),
    Cause(
        25,
        "rsa_pss",
        "The RSA signature uses PSS padding",
        "the signature is genuine as RSA-PSS",
        "Sign with PKCS#1 v1.5 (in AWS KMS: RSASSA_PKCS1_V1_5_SHA_256).",
    ),
    Cause(
        26,
        "other_key",
        "The private key does not belong to the key pair id",
        "the signature fits another key, or the private key given has another public half",
        "Sign with the private key whose public half was uploaded under this id.",
    ),
    Cause(
        27,
        "key_type",
        "The key is of a kind that CloudFront does not take",
        "the type, size and curve of the keys given",
        "Use P-256 or RSA with 2048 bits: signer keys new.",
    ),
    Cause(
        28,
        "host_differs",
        "The Resource names another host",
        "the domain section; with a canned policy, that the signature fits another host",
        "Sign with the host name that viewers use; a cloudfront.net name and a CNAME are not "
        "interchangeable.",
    ),
    Cause(
        29,
        "scheme_differs",
        "http and https differ",
        "the protocol section; with a canned policy, that the signature fits the other scheme",
        "Sign https:// URLs; with a redirect to HTTPS that is what arrives.",
    ),
    Cause(
        30,
        "resource_misses",
        "The Resource does not cover the path or query",
        "the section of the pattern that failed, and the usual slips in it",
        "End the Resource in * to cover every path below it and every query.",
    ),
    Cause(
        31,
        "escaped_question_mark",
        "A question mark is escaped with a backslash",
        r"\? in the Resource, or a lone backslash that breaks the JSON",
        "Write the ? that opens the query bare; older texts of the guide asked for the escape.",
    ),
    Cause(
        32,
        "wildcard_in_canned",
        "A canned policy was signed with a wildcard",
        "* in the URL, or the signature fits a pattern above the URL",
        "Send the policy itself (Policy, not Expires) when the Resource has a wildcard.",
    ),
    Cause(
        33,
        "statements",
        "The policy has not exactly one statement",
        "the Statement list",
        "Issue one signature or cookie set for each Resource; CloudFront takes one statement.",
    ),
    Cause(
        34,
        "policy_form",
        "The policy document is not what CloudFront reads",
        "members, spelling and types: DateLessThan missing, quoted, fractional",
        "Write dates as bare integers under AWS:EpochTime, and no other members.",
    ),
    Cause(
        35,
        "viewer_ip",
        "The viewer's address does not satisfy the policy",
        "the viewer's IP against IpAddress, IPv6 viewers, and an unusable range",
        "Leave IpAddress out for viewers on mobile, VPN or IPv6 networks.",
    ),
    Cause(
        36,
        "reserved_parameter",
        "One of CloudFront's parameter names in the query switches cookies off",
        "Expires, Policy, Signature, Key-Pair-Id or Hash-Algorithm as the application's own",
        "Rename the application's parameter.",
    ),
    Cause(
        37,
        "cookie_not_sent",
        "The browser does not send the cookies",
        "Domain, Path, Secure, SameSite and age of Set-Cookie lines against the URL",
        "Set the cookies from the distribution's own host, with a literal Path and Secure.",
    ),
    Cause(
        38,
        "cookie_set",
        "The cookie set is incomplete or mixed",
        "missing and misspelled names, two kinds at once, one name twice",
        "Set all cookies of one signature together, and expire those that it does not use.",
    ),
    Cause(
        39,
        "cookie_encoded",
        "A cookie value was encoded or quoted",
        "percent escapes or quotes in a value",
        "Write the values as they are; switch the framework's cookie encoding off.",
    ),
    Cause(
        40,
        "canned_cookie_reused",
        "Canned cookies open one URL only",
        "canned cookies whose signature fits another URL, or not this one",
        "Use a custom policy (CloudFront-Policy) with a wildcard for several files.",
    ),
    Cause(
        47,
        "segments_unsigned",
        "The playlist's segments are not authorised",
        "the URLs in a playlist, judged one by one",
        "Use signed cookies for the directory, or sign a wildcard and append it to each segment.",
    ),
    Cause(
        48,
        "url_too_long",
        "The URL is longer than CloudFront accepts",
        "more than 8,192 bytes",
        "Shorten it: a P-256 key saves 248 bytes, cookies carry the policy elsewhere.",
    ),
    Cause(
        49,
        "ends_while_downloading",
        "Access ends before the download does",
        "the end against the time that the download takes",
        "Give it a longer life: each range request and retry is judged anew.",
    ),
    Cause(
        50,
        "sha1",
        "The signature uses SHA-1",
        "the hash under the signature",
        "Use SHA-256; Fedora, RHEL and FIPS hosts refuse to sign with SHA-1.",
    ),
    Cause(
        51,
        "html_escaped",
        "The URL was escaped for HTML",
        "&amp; or &#38; for &, before CloudFront's parameters or under the signature",
        "Escape a URL once, and only where HTML is written: redirects, JSON, plain text and "
        "command lines take it as it was issued.",
    ),
)

CATALOGUE: Final[Mapping[int, Cause]] = MappingProxyType({cause.number: cause for cause in _CAUSES})
"""Cause number to entry."""
