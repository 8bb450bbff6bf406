"""The issuer of presigned URLs.

The signature is botocore's SigV4, always. Nothing is asked of S3 to sign; botocore may ask for
credentials (instance metadata, single sign-on).

**A presigned URL dies with the credentials that signed it.** A role's session ends after an hour as
a rule and after 12 at most; a URL for longer fails from then on with ``ExpiredToken``. Where
botocore knows the end of the credentials, the URL is made to end no later and says so. A Lambda
function is not told that end: keep lifetimes to minutes there.

AWS source: "Download and upload objects with presigned URLs" (S3 user guide) and "Authenticating
requests: using query parameters" (S3 API reference).
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from signer.errors import InputError, excerpt
from signer.s3.bounds import (
    DEFAULT_MAX_LIFETIME,
    LONGEST_LIFETIME,
    attachment,
    checked_base,
    checked_bucket,
    checked_key,
    checked_life,
    checked_prefix,
    checked_type,
    checked_upload_bounds,
    key_in_url,
)
from signer.s3.client import (
    Presigner,
    Wanted,
    checked_endpoint,
    checked_region,
    open_client,
    presign,
)


@dataclass(frozen=True, slots=True)
class PresignedUrl:
    """A URL and its end.

    Attributes:
        url: Whoever has it may read the object, so ``repr`` leaves it out.
        expires_at: Epoch seconds; earlier than asked for when the credentials end earlier.
    """

    url: str = field(repr=False)
    expires_at: int


@dataclass(frozen=True, slots=True)
class SignedUpload:
    """A URL for PUT, and the headers that the request must carry.

    Attributes:
        url: Whoever has it may write the object, so ``repr`` leaves it out.
        headers: Signed, so S3 refuses other values. A browser sets ``content-length`` itself.
        expires_at: Epoch seconds; earlier than asked for when the credentials end earlier.
    """

    url: str = field(repr=False)
    headers: Mapping[str, str]
    expires_at: int


class S3Issuer:
    """Signs requests for the objects of one bucket, below one prefix.

    IAM: the credentials need ``s3:GetObject`` on ``arn:aws:s3:::BUCKET/PREFIX*`` for
    :meth:`signed_url`, and ``s3:PutObject`` there for :meth:`signed_upload`; with a KMS key of
    one's own also ``kms:Decrypt`` and ``kms:GenerateDataKey`` on it. S3 looks when the URL is used,
    not when it is made. Safe to share between threads; construct it once and keep it.
    """

    def __init__(
        self,
        bucket: str,
        *,
        prefix: str = "",
        base_url: str | None = None,
        region: str | None = None,
        endpoint_url: str | None = None,
        client: Presigner | None = None,
        max_lifetime: timedelta = DEFAULT_MAX_LIFETIME,
        max_content_length: int = 0,
        content_types: Collection[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Bind a bucket; the client is made, and credentials are read, for the first signature.

        Args:
            bucket: Name of the bucket, or an access point's alias.
            prefix: What every key begins with, such as ``media/``; nothing leaves it. It is what
                CloudFront calls the origin path.
            base_url: The address that viewers would use with CloudFront, such as
                ``https://media.example.com``. A URL below it then names the object that CloudFront
                would fetch.
            region: The bucket's region; AWS's configuration (``AWS_REGION``, a profile) when None.
            endpoint_url: Another S3 server, addressed by path; ``http://`` on loopback only.
            client: A boto3 or botocore S3 client to use instead of an own one, made with
                ``Config(signature_version="s3v4")``.
            max_lifetime: Longest life of anything signed, at most 7 days.
            max_content_length: Largest upload in bytes; 0 permits none.
            content_types: The content types that uploads may have, each in full. Think twice
                about ``text/html`` and ``image/svg+xml``, which carry scripts.
            clock: Returns seconds since 1970, to be compared with the end of the credentials.
                Signatures are dated by botocore, with the machine's clock.

        Raises:
            ConfigurationError: ``s3_bucket``, ``s3_prefix``, ``s3_region``, ``s3_endpoint``,
                ``s3_uploads``.
            InputError: ``max_lifetime``.
            UrlError: ``base_url`` is not a URL without a query.
        """
        if (
            not isinstance(max_lifetime, timedelta)
            or not timedelta(seconds=1) <= max_lifetime <= LONGEST_LIFETIME
        ):
            raise InputError(
                "max_lifetime", "max_lifetime is not a timedelta from a second to 7 days"
            )
        self.bucket: Final = checked_bucket(bucket)
        self.prefix: Final = checked_prefix(prefix)
        self.max_lifetime: Final = max_lifetime
        self._base = None if base_url is None else checked_base(base_url)
        self._region = None if region is None else checked_region(region)
        self._endpoint_url = None if endpoint_url is None else checked_endpoint(endpoint_url)
        self._content_types = checked_upload_bounds(max_content_length, content_types)
        self._max_content_length = max_content_length
        self._clock = clock
        self._client = client
        self._lock = threading.Lock()

    def signed_url(
        self,
        url_or_key: str,
        *,
        expires_in: timedelta | int,
        content_type: str | None = None,
        download_as: str | None = None,
    ) -> str:
        """Return a presigned URL for GET; unlike CloudFront's it is not good for HEAD.

        Args:
            url_or_key: Key below ``prefix``, as plain text; or, with ``base_url``, a URL below it,
                percent-encoded as by :func:`signer.wire.object_key_path`.
            expires_in: Life from now, as a ``timedelta`` or in seconds.
            content_type: What S3 shall answer as ``Content-Type``.
            download_as: Name under which a browser shall save the object.

        Raises:
            UrlError: ``object_key_...``, ``url_...``: the key or URL does not name one object
                below the prefix, beyond doubt.
            PolicyError: ``time_past``, ``time_lifetime``, ``time_type``.
            InputError: ``content_type``, ``download_as``.
            ConfigurationError: ``s3_region``: none is configured; ``s3_config``.
            CredentialError: ``s3_credentials``: there are none, or they have ended.
            SigningError: ``s3_failed``; ``s3_signature``: the client given does not sign by SigV4.
        """
        return self.presigned(
            url_or_key, expires_in=expires_in, content_type=content_type, download_as=download_as
        ).url

    def presigned(
        self,
        url_or_key: str,
        *,
        expires_in: timedelta | int,
        content_type: str | None = None,
        download_as: str | None = None,
    ) -> PresignedUrl:
        """Do what :meth:`signed_url` does, and tell the end."""
        options: dict[str, object] = {}
        if content_type is not None:
            options["ResponseContentType"] = checked_type(content_type)
        if download_as is not None:
            options["ResponseContentDisposition"] = attachment(download_as)
        key = self.key_of(url_or_key)
        return PresignedUrl(*self._signed("get_object", key, expires_in, options, frozenset()))

    def signed_upload(
        self,
        key: str,
        *,
        expires_in: timedelta | int,
        content_type: str,
        content_length: int,
        overwrite: bool = False,
    ) -> SignedUpload:
        """Return a presigned URL for a PUT of exactly this type and length.

        Both are signed headers: S3 refuses a request with others. There is no form upload
        (presigned POST): its range of lengths helps nobody who has the file at hand.

        Args:
            key: Key below ``prefix``. Let the server choose it, not the client.
            expires_in: Life from now. What began in time may finish later.
            content_type: One of ``content_types``.
            content_length: Bytes of the body, up to ``max_content_length``.
            overwrite: Permit replacing an object. Otherwise ``If-None-Match: *`` is signed, and
                S3 answers 412 when there is one.

        Raises:
            InputError: ``s3_uploads``, ``content_type``, ``content_length``: outside what was
                permitted at construction.
            UrlError: As for :meth:`signed_url`, and so the others.
        """
        self._check_upload(content_type, content_length)
        headers = {"content-type": content_type, "content-length": str(content_length)}
        options: dict[str, object] = {"ContentType": content_type, "ContentLength": content_length}
        if not overwrite:
            headers["if-none-match"] = "*"
            options["IfNoneMatch"] = "*"
        whole = self._whole(key)
        url, end = self._signed("put_object", whole, expires_in, options, frozenset(headers))
        return SignedUpload(url, MappingProxyType(headers), end)

    def key_of(self, url_or_key: str) -> str:
        """Return the whole key that a key below the prefix, or a URL below ``base_url``, names.

        Raises:
            UrlError: As for :meth:`signed_url`.
        """
        if self._base is not None and re.match(r"(?i)https?://", str(url_or_key)):
            return self._whole(key_in_url(url_or_key, self._base))
        return self._whole(url_or_key)

    def __repr__(self) -> str:
        """Show where, not who."""
        return f"S3Issuer({self.bucket!r}, prefix={self.prefix!r})"

    def _whole(self, key: str) -> str:
        return checked_key(self.prefix + checked_key(key))

    def _check_upload(self, content_type: str, content_length: int) -> None:
        if not self._content_types:
            raise InputError(
                "s3_uploads",
                "this issuer permits no uploads",
                advice="construct it with max_content_length and content_types",
            )
        if content_type not in self._content_types:
            raise InputError(
                "content_type",
                f"the content type {excerpt(str(content_type))} is not permitted",
                permitted=tuple(sorted(self._content_types)),
            )
        whole = isinstance(content_length, int) and not isinstance(content_length, bool)
        if not whole or not 0 <= content_length <= self._max_content_length:
            raise InputError(
                "content_length",
                f"content_length is not from 0 to {self._max_content_length} bytes",
                max_content_length=self._max_content_length,
            )

    def _signed(
        self,
        operation: str,
        key: str,
        expires_in: timedelta | int,
        options: dict[str, object],
        headers: frozenset[str],
    ) -> tuple[str, int]:
        life = checked_life(expires_in, self.max_lifetime)
        signed = headers | {"host"}
        wanted = Wanted(operation, self.bucket, key, options, signed, life, self._region)
        return presign(self._opened(), wanted, self._clock())

    def _opened(self) -> Presigner:
        with self._lock:
            if self._client is None:
                self._client = open_client(self._region, self._endpoint_url)
            return self._client
