"""A signature and the forms in which it travels: URLs and cookies."""

from __future__ import annotations

import re
from typing import Final

from signer.cookies import CookieAttributes, SignedCookies
from signer.encoding import encode_base64
from signer.errors import KeyPairIdError, ResourceError, UrlError, excerpt
from signer.keys import HashAlgorithm
from signer.policy import Policy
from signer.resource import match_url_resource
from signer.wire import MAX_URL_BYTES, is_plain_tail, wire_url

_RSA_SIGNATURE_BYTES = 256
_P256_SIGNATURE_BYTES = range(8, 73)
_DER_SEQUENCE = 0x30

_KEY_PAIR_ID = re.compile(r"[A-Z0-9]{1,64}")
_NOT_KEY_PAIR_IDS = (
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "the id of a key group"),
    (re.compile(r"A(KIA|SIA)[A-Z0-9]{8,}"), "an AWS access key id"),
    (re.compile(r"E[A-Z0-9]{12,13}"), "the id of a distribution"),
)


class SignedPolicy:
    """A policy with its signature: one signature for as many URLs as the Resource covers.

    Attributes:
        policy: What was signed.
        key_pair_id: CloudFront's id of the public key.
        hash_algorithm: Hash under the signature.
        signature: In CloudFront's base64. A credential until the policy ends.
    """

    __slots__ = (
        "_covered_prefix",
        "_parameters",
        "hash_algorithm",
        "key_pair_id",
        "policy",
        "signature",
    )

    def __init__(
        self, policy: Policy, key_pair_id: str, hash_algorithm: HashAlgorithm, signature: str
    ) -> None:
        """Prepare what is the same for every URL; :meth:`Issuer.sign` calls this."""
        self.policy: Final = policy
        self.key_pair_id: Final = key_pair_id
        self.hash_algorithm: Final = hash_algorithm
        self.signature: Final = signature
        carrier = (
            f"Expires={policy.date_less_than}"
            if policy.is_canned
            else f"Policy={encode_base64(policy.to_json().encode())}"
        )
        identity = identity_parameters(key_pair_id, hash_algorithm)
        self._parameters = f"{carrier}&Signature={signature}{identity}"
        self._covered_prefix = _plain_prefix(policy.resource)

    def url(self, url: str) -> str:
        """Return a signed URL for one object that the Resource covers.

        Args:
            url: As for :meth:`Issuer.signed_url`.

        Raises:
            UrlError: The URL cannot be signed, or is longer than 8,192 bytes once signed.
            ResourceError: ``resource_mismatch`` when the Resource does not cover the URL.
        """
        prefix = self._covered_prefix
        if (
            prefix is not None
            and isinstance(url, str)
            and url.startswith(prefix)
            and is_plain_tail(url, len(prefix))
        ):
            return with_parameters(url, self._parameters)
        wire = wire_url(url)
        require_cover(self.policy.resource, wire)
        return with_parameters(wire, self._parameters)

    def cookies(self, attributes: CookieAttributes | None = None) -> SignedCookies:
        """Return the policy as signed cookies.

        Args:
            attributes: Cookie attributes; the safe defaults when None.

        Raises:
            ResourceError: ``resource_protocol_cookies`` for ``*://``, which only URLs may use;
                ``resource_wildcard_cookies`` for a ``*`` before the end without the opt-in.
            CookieError: See :class:`signer.cookies.SignedCookies`.
        """
        resource = self.policy.resource
        if not resource.startswith("http"):
            raise ResourceError(
                "resource_protocol_cookies",
                "a Resource for cookies must begin with http:// or https://",
                advice="name the protocol that viewers use",
            )
        if "*" in resource[:-1] and not self.policy.allow_entire_distribution:
            raise ResourceError(
                "resource_wildcard_cookies",
                "in a Resource for cookies, a * before the end opens more than it seems to: it "
                "also matches across the host and the query, which the viewer chooses",
                advice="end the Resource in the only *, or pass allow_entire_distribution=True",
            )
        values = {}
        if self.policy.is_canned:
            values["CloudFront-Expires"] = str(self.policy.date_less_than)
        else:
            values["CloudFront-Policy"] = encode_base64(self.policy.to_json().encode())
        values["CloudFront-Signature"] = self.signature
        values["CloudFront-Key-Pair-Id"] = self.key_pair_id
        if self.hash_algorithm is HashAlgorithm.SHA256:
            values["CloudFront-Hash-Algorithm"] = "SHA256"
        return SignedCookies(values, resource=resource, attributes=attributes or CookieAttributes())

    def __repr__(self) -> str:
        """Show what was signed, never the signature."""
        return f"SignedPolicy({self.policy.to_json()}, {self.key_pair_id})"


def checked_key_pair_id(key_pair_id: str) -> str:
    """Return a key pair id that may be one.

    Raises:
        KeyPairIdError: The id is malformed, or recognisably the id of something else.
    """
    text = key_pair_id if isinstance(key_pair_id, str) else ""
    for pattern, meaning in _NOT_KEY_PAIR_IDS:
        if pattern.fullmatch(text):
            raise KeyPairIdError(
                "key_pair_id_other",
                f"the key pair id looks like {meaning}",
                advice="use the id that CloudFront shows for the public key (K...)",
            )
    if not _KEY_PAIR_ID.fullmatch(text):
        raise KeyPairIdError(
            "key_pair_id",
            "the key pair id is not made of up to 64 upper-case letters and digits",
            advice="use the id that CloudFront shows for the public key (K...)",
        )
    return text


def identity_parameters(key_pair_id: str, hash_algorithm: HashAlgorithm) -> str:
    """Return the parameters that name key and hash; they follow the signature.

    The order is botocore's, which CloudFront does not require. SHA-1 is CloudFront's default and
    is not named.
    """
    if hash_algorithm is HashAlgorithm.SHA256:
        return f"&Key-Pair-Id={key_pair_id}&Hash-Algorithm=SHA256"
    return f"&Key-Pair-Id={key_pair_id}"


def with_parameters(wire: str, parameters: str) -> str:
    """Append CloudFront's parameters to a URL in wire form.

    Raises:
        UrlError: The result is longer than CloudFront accepts.
    """
    signed = f"{wire}&{parameters}" if "?" in wire else f"{wire}?{parameters}"
    if len(signed) > MAX_URL_BYTES:
        raise url_too_long(len(signed))
    return signed


def url_too_long(length: int) -> UrlError:
    """Return the error for a signed URL that is longer than CloudFront accepts."""
    return UrlError(
        "url_too_long",
        f"the signed URL has {length} bytes and CloudFront accepts {MAX_URL_BYTES}",
        advice="shorten the URL or its Resource; P-256 signatures save 248 bytes",
        length=length,
    )


def is_signature(signature: object, *, rsa: bool) -> bool:
    """Never let an empty or raw signature out; CloudFront would only say Access denied."""
    if not isinstance(signature, bytes):
        return False
    if rsa:
        return len(signature) == _RSA_SIGNATURE_BYTES
    return (
        len(signature) in _P256_SIGNATURE_BYTES
        and signature[0] == _DER_SEQUENCE
        and signature[1] == len(signature) - 2
    )


def longest_signature(*, rsa: bool) -> str:
    """Return a stand-in as long as a signature can be, to find out before signing what will fit."""
    return encode_base64(bytes(_RSA_SIGNATURE_BYTES if rsa else _P256_SIGNATURE_BYTES[-1]))


def _plain_prefix(resource: str) -> str | None:
    """Return what a URL must begin with, for a Resource that is a literal directory and a ``*``.

    Only where this is all there is to check: the ``*`` ends the path, so any query is covered.
    """
    prefix, star, rest = resource.partition("*")
    if star and not rest and "?" not in prefix and prefix.count("/") > 2:  # noqa: PLR2004 - //host/
        return prefix
    return None


def require_cover(resource: str, wire: str) -> None:
    """Refuse a URL that a Resource does not cover.

    Raises:
        ResourceError: ``resource_mismatch``; evidence names the section that differs.
    """
    result = match_url_resource(resource, wire)
    if not result.matched:
        raise ResourceError(
            "resource_mismatch",
            f"the Resource {excerpt(resource)} does not cover the URL: its "
            f"{result.failed_section} differs",
            advice="a * covers any path below it and any query; other sections must match",
            section=result.failed_section,
        )
