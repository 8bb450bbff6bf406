"""Issuing signed URLs and signed cookies.

An :class:`Issuer` binds a key to its key pair id and hash; these three always travel together.
It reads no clock but the one it is given, opens nothing, and signs nothing that CloudFront would
refuse or that opens more than was asked for.

Example:
    >>> from signer import Issuer, PrivateKey
    >>> issuer = Issuer(PrivateKey.generate(), key_pair_id="K2JCJMDEHXQW5F")
    >>> url = issuer.signed_url("https://cdn.example.com/films/a.mp4", expires_in=3600)
    >>> url.partition("?")[0]
    'https://cdn.example.com/films/a.mp4'
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NoReturn

from signer.cookies import CookieAttributes, SignedCookies
from signer.encoding import encode_base64
from signer.errors import (
    InputError,
    PolicyError,
    ResourceError,
    SignerError,
    SigningError,
)
from signer.keys import HashAlgorithm, KeyAlgorithm, SigningKey
from signer.policy import Policy, canned_policy_text, decode_policy, epoch_seconds
from signer.resource import wire_resource
from signer.signed_policy import (
    SignedPolicy,
    checked_key_pair_id,
    identity_parameters,
    is_signature,
    longest_signature,
    require_cover,
    url_too_long,
    with_parameters,
)
from signer.wire import MAX_URL_BYTES, wire_url

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_MAX_LIFETIME: Final = timedelta(days=7)
LONGEST_LIFETIME: Final = timedelta(days=36525)
"""The most that ``max_lifetime`` may be: no date issued then is beyond CloudFront's last one."""


class Issuer:
    """Issues signed URLs and cookies with one key.

    Safe to share between threads; construct it once and keep it.
    """

    def __init__(
        self,
        key: SigningKey,
        *,
        key_pair_id: str,
        hash_algorithm: HashAlgorithm = HashAlgorithm.SHA256,
        max_lifetime: timedelta = DEFAULT_MAX_LIFETIME,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Bind a key to its identity.

        Args:
            key: A :class:`signer.keys.PrivateKey`, or anything that signs like one.
            key_pair_id: CloudFront's id of the uploaded public key (``K...``), not of the key
                group and not the key's name.
            hash_algorithm: SHA-256 unless a viewer-side constraint needs CloudFront's older
                default; SHA-1 adds no ``Hash-Algorithm`` marker.
            max_lifetime: Longest life of anything issued. Key rotation has to wait this long.
            clock: Returns seconds since 1970.

        Raises:
            KeyPairIdError: The id is malformed, or recognisably the id of something else.
            InputError: ``hash_algorithm``; ``max_lifetime`` below a second or above 100 years.
        """
        if not isinstance(hash_algorithm, HashAlgorithm):
            raise InputError(
                "hash_algorithm", "hash_algorithm is not HashAlgorithm.SHA256 or HashAlgorithm.SHA1"
            )
        if (
            not isinstance(max_lifetime, timedelta)
            or not timedelta(seconds=1) <= max_lifetime <= LONGEST_LIFETIME
        ):
            raise InputError(
                "max_lifetime", "max_lifetime is not a timedelta from a second to 100 years"
            )
        self._key = key
        self._is_rsa = key.algorithm is KeyAlgorithm.RSA_2048
        self._clock = clock
        self._lifetime = int(max_lifetime.total_seconds())
        self._key_pair_id = checked_key_pair_id(key_pair_id)
        self._identity = identity_parameters(self._key_pair_id, hash_algorithm)
        self._stand_in = longest_signature(rsa=self._is_rsa)
        self._longest_wire = MAX_URL_BYTES - len(
            f"?Expires=2147483647&Signature={self._stand_in}{self._identity}"
        )
        self._hash_algorithm = hash_algorithm
        self._max_lifetime = max_lifetime

    @property
    def key_pair_id(self) -> str:
        """CloudFront's id of the public key."""
        return self._key_pair_id

    @property
    def hash_algorithm(self) -> HashAlgorithm:
        """Hash under everything signed."""
        return self._hash_algorithm

    @property
    def max_lifetime(self) -> timedelta:
        """Longest life of anything issued."""
        return self._max_lifetime

    def signed_url(
        self,
        url: str,
        *,
        expires_in: timedelta | int | None = None,
        date_less_than: datetime | int | None = None,
        date_greater_than: datetime | int | None = None,
        ip_address: str | None = None,
        resource: str | None = None,
        allow_entire_distribution: bool = False,
    ) -> str:
        """Return a signed URL.

        With an end and nothing else the policy is canned and the URL shortest; a start, an IP
        range or a ``resource`` other than the URL make it custom.

        Args:
            url: Absolute URL of one object with the host name that viewers use. It is normalised
                by :func:`signer.wire.wire_url`; what is returned is what was signed.
            expires_in: Life from now, as a ``timedelta`` or in seconds. Either this or
                ``date_less_than``.
            date_less_than: End of access, an aware ``datetime`` or epoch seconds.
            date_greater_than: Access begins after this second. Leave it out for "now": a start at
                the present second is denied, more so with clock skew.
            ip_address: IPv4 address or CIDR range of the viewer.
            resource: Pattern that the signature is good for; it must cover the URL.
            allow_entire_distribution: Permit a pattern that opens a whole site.

        Returns:
            The URL with CloudFront's parameters, ready to be sent.

        Raises:
            UrlError: See :func:`signer.wire.wire_url`.
            ResourceError: See :class:`signer.policy.Policy`; ``resource_mismatch``.
            PolicyError: ``time_missing``, ``time_ambiguous``, ``time_past``, ``time_lifetime`` and
                those of :class:`signer.policy.Policy`.
            SigningError: ``key_failed``, ``signature_form``: the key did not return a signature.
            KeyMaterialError: ``hash_forbidden`` when this machine does not allow SHA-1.
        """
        wire = wire_url(url)
        end = self._end(expires_in, date_less_than)
        if date_greater_than is None and ip_address is None and resource is None:
            # The common case. The text equals Policy(wire, ...).to_json(), without building one.
            if len(wire) > self._longest_wire:
                raise url_too_long(len(wire) + MAX_URL_BYTES - self._longest_wire)
            signature = self._signature(canned_policy_text(wire, end))
            return with_parameters(wire, f"Expires={end}&Signature={signature}{self._identity}")
        pattern = wire if resource is None else wire_resource(resource)
        require_cover(pattern, wire)
        policy = Policy(
            pattern,
            date_less_than=end,
            date_greater_than=date_greater_than,
            ip_address=ip_address,
            allow_entire_distribution=allow_entire_distribution,
        )
        self._rehearsed(policy).url(wire)
        return self.sign(policy).url(wire)

    def signed_cookies(
        self,
        resource: str,
        *,
        expires_in: timedelta | int | None = None,
        date_less_than: datetime | int | None = None,
        date_greater_than: datetime | int | None = None,
        ip_address: str | None = None,
        attributes: CookieAttributes | None = None,
        allow_entire_distribution: bool = False,
    ) -> SignedCookies:
        """Return signed cookies for everything that a Resource covers.

        Args:
            resource: Pattern such as ``https://cdn.example.com/films/*`` (any depth, any query),
                or one exact URL.
            expires_in: As for :meth:`signed_url`.
            date_less_than: As for :meth:`signed_url`.
            date_greater_than: As for :meth:`signed_url`.
            ip_address: As for :meth:`signed_url`.
            attributes: Cookie attributes; the safe defaults when None.
            allow_entire_distribution: Permit a pattern that opens a whole site.

        Raises:
            ResourceError: See :class:`signer.policy.Policy`.
            PolicyError: As for :meth:`signed_url`.
            CookieError: See :class:`signer.cookies.SignedCookies`.
            SigningError: ``key_failed``, ``signature_form``: the key did not return a signature.
            KeyMaterialError: ``hash_forbidden`` when this machine does not allow SHA-1.
        """
        policy = Policy(
            resource,
            date_less_than=self._end(expires_in, date_less_than),
            date_greater_than=date_greater_than,
            ip_address=ip_address,
            allow_entire_distribution=allow_entire_distribution,
        )
        self._rehearsed(policy).cookies(attributes)
        return self.sign(policy).cookies(attributes)

    def sign(self, policy: Policy) -> SignedPolicy:
        """Sign a policy once, for use in many URLs or in cookies.

        Raises:
            PolicyError: ``time_past``, ``time_lifetime``.
            SigningError: ``key_failed``, ``signature_form``: the key did not return a signature.
            KeyMaterialError: ``hash_forbidden`` when this machine does not allow SHA-1.
        """
        life = policy.end - self._clock()
        if not 0 < life <= self._lifetime:
            self._refuse_life(life)
        return SignedPolicy(
            policy, self._key_pair_id, self._hash_algorithm, self._signature(policy.to_json())
        )

    def generate_presigned_url(
        self, url: str, date_less_than: datetime | None = None, policy: str | bytes | None = None
    ) -> str:
        """Do what botocore's ``CloudFrontSigner.generate_presigned_url`` does, with our checks.

        Args:
            url: As for :meth:`signed_url`.
            date_less_than: End of access, for a canned policy; unlike botocore's it must be
                aware.
            policy: A custom policy as JSON text. It is read, checked and written anew, never
                passed through. Either this or ``date_less_than``.

        Raises:
            PolicyError: As for :meth:`signed_url`, and ``policy_...`` for an unusable document.
            UrlError: See :func:`signer.wire.wire_url`.
            ResourceError: As for :meth:`signed_url`; ``resource_missing``.
            SigningError: As for :meth:`signed_url`.
            KeyMaterialError: As for :meth:`signed_url`.
        """
        if (date_less_than is None) == (policy is None):
            raise PolicyError("time_ambiguous", "give either date_less_than or policy")
        if policy is None:
            return self.signed_url(url, date_less_than=date_less_than)
        decoded = decode_policy(_utf8(policy))
        if decoded.resource is None:
            raise ResourceError("resource_missing", "the policy has no Resource")
        return self.signed_url(
            url,
            date_less_than=decoded.date_less_than,
            date_greater_than=decoded.date_greater_than,
            ip_address=decoded.ip_address,
            # Escaping as in older texts of the guide; Policy writes it bare.
            resource=decoded.resource.replace("\\?", "?", 1),
        )

    def __repr__(self) -> str:
        """Show identity, not the key."""
        name, kind = self._key_pair_id, self._key.algorithm.value
        return f"Issuer({name}, {kind}, {self._hash_algorithm.value})"

    def _end(
        self, expires_in: timedelta | int | None, date_less_than: datetime | int | None
    ) -> int:
        now = self._clock()
        life: float
        if expires_in is None:
            if date_less_than is None:
                raise PolicyError(
                    "time_missing", "no end of access", advice="give expires_in or date_less_than"
                )
            end = epoch_seconds(date_less_than, name="date_less_than")
            life = end - now
        elif date_less_than is not None:
            raise PolicyError("time_ambiguous", "give either expires_in or date_less_than")
        else:
            life = _seconds(expires_in)
            end = int(now) + life
        if not 0 < life <= self._lifetime:
            self._refuse_life(life)
        return end

    def _refuse_life(self, life: float) -> NoReturn:
        if life <= 0:
            raise PolicyError("time_past", "the end of access is not in the future")
        raise PolicyError(
            "time_lifetime",
            f"the end of access is more than max_lifetime ({self._max_lifetime}) ahead",
            advice="shorten it, or raise max_lifetime of the Issuer or the credential document",
            max_lifetime=self._lifetime,
        )

    def _rehearsed(self, policy: Policy) -> SignedPolicy:
        """Return the policy with a stand-in of full length, to refuse before signing."""
        return SignedPolicy(policy, self._key_pair_id, self._hash_algorithm, self._stand_in)

    def _signature(self, text: str) -> str:
        try:
            signature = self._key.sign(text.encode("ascii"), self._hash_algorithm)
        except SignerError:
            raise
        except Exception as error:
            raise SigningError("key_failed", "the key's backend failed to sign") from error
        if not is_signature(signature, rsa=self._is_rsa):
            raise SigningError(
                "signature_form",
                "the key did not return an RSA signature of 2048 bits or a DER-encoded ECDSA one",
                advice="raw r and s, as some security modules return them, must be DER-encoded",
            )
        return encode_base64(signature)


def _utf8(policy: str | bytes) -> bytes:
    # A lone surrogate becomes bytes that the decoder refuses, as it does all that is not UTF-8.
    return policy.encode("utf-8", errors="surrogatepass") if isinstance(policy, str) else policy


def _seconds(expires_in: timedelta | int) -> int:
    if isinstance(expires_in, timedelta):
        return int(expires_in.total_seconds())
    if isinstance(expires_in, bool) or not isinstance(expires_in, int):
        raise PolicyError(
            "time_type",
            f"expires_in must be a timedelta or int seconds, not {type(expires_in).__name__}",
        )
    return expires_in
