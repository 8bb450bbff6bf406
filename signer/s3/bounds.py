"""What may be signed: buckets, keys below a prefix, lifetimes, types and lengths.

AWS source: "General purpose bucket naming rules" and "Naming Amazon S3 objects" (S3 user guide).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import timedelta
from typing import Final
from urllib.parse import quote, unquote

from signer.errors import ConfigurationError, InputError, PolicyError, UrlError, excerpt
from signer.wire import object_key_path, wire_url

LONGEST_LIFETIME: Final = timedelta(days=7)
"""The most that SigV4 allows in ``X-Amz-Expires``."""

DEFAULT_MAX_LIFETIME: Final = timedelta(hours=12)
"""The most that a role's session lives."""

LARGEST_UPLOAD: Final = 5 * 1024**3
"""The most that one PUT may carry; above it S3 wants a multipart upload."""

_LONGEST_KEY: Final = 1024
_LONGEST_FILE_NAME: Final = 255
# Beside buckets also the aliases of access points, which are longer only by their suffix.
_BUCKET = re.compile(r"(?=.{3,63}\Z)[a-z0-9][a-z0-9-]*(?:\.[a-z0-9][a-z0-9-]*)*(?<=[a-z0-9])")
_ADDRESS = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
_TOKEN = r"[A-Za-z0-9!#$&^_.+-]+"  # noqa: S105 - a token as in RFC 6838
_MEDIA_TYPE = re.compile(rf"{_TOKEN}/{_TOKEN}(?:; ?[a-z]+=[A-Za-z0-9._-]+)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_PLAIN = re.compile(r"[A-Za-z0-9._-](?:[A-Za-z0-9 ._-]*[A-Za-z0-9._-])?")


def checked_bucket(bucket: str) -> str:
    """Return the name of a bucket.

    Raises:
        ConfigurationError: ``s3_bucket``.
    """
    name = bucket if isinstance(bucket, str) else ""
    if not _BUCKET.fullmatch(name) or _ADDRESS.fullmatch(name):
        raise ConfigurationError(
            "s3_bucket",
            f"{excerpt(str(bucket))} is not the name of a bucket",
            advice="give the name, not an ARN or a URL",
        )
    return name


def checked_prefix(prefix: str) -> str:
    """Return a prefix that is empty or ends with a slash.

    Raises:
        ConfigurationError: ``s3_prefix``.
    """
    if prefix == "":
        return ""
    try:
        return f"{checked_key(str(prefix).removesuffix('/'))}/"
    except UrlError as error:
        raise ConfigurationError(
            "s3_prefix", f"the prefix {excerpt(str(prefix))} cannot be used: {error.message}"
        ) from None


def checked_key(key: str) -> str:
    """Return a key that names one object, whoever reads it.

    S3 takes keys literally, but what stands before it (clients, CloudFront's other origins, tools
    that copy a bucket to a folder) resolves dot segments and empty ones.

    Raises:
        UrlError: ``object_key_...``, ``url_control``, ``url_surrogate``, ``url_dot_segment``.
    """
    object_key_path(key)
    if "" in key.split("/"):
        raise UrlError(
            "object_key_segment", "the object key begins or ends with a slash, or has two in a row"
        )
    if len(key.encode()) > _LONGEST_KEY:
        raise UrlError("object_key_too_long", f"the object key has more than {_LONGEST_KEY} bytes")
    return key


def checked_base(base_url: str) -> str:
    """Return a viewer's base address in wire form, without the last slash.

    Raises:
        UrlError: See :func:`signer.wire.wire_url`; ``url_query``.
    """
    wire = wire_url(base_url)
    if "?" in wire:
        raise UrlError("url_query", "the base URL has a query")
    return wire.removesuffix("/")


def key_in_url(url: str, base: str) -> str:
    """Return the key that a URL below a base address names, as CloudFront would ask S3 for it.

    Raises:
        UrlError: See :func:`signer.wire.wire_url`; ``url_foreign``, ``url_query``, ``url_plus``,
            ``url_encoding``.
    """
    wire = wire_url(url)
    if not wire.startswith(f"{base}/"):
        raise UrlError("url_foreign", f"the URL is not below {base}/")
    path = wire[len(base) + 1 :]
    if "?" in path:
        raise UrlError("url_query", "the URL has a query, which names no object")
    if "+" in path:
        raise UrlError(
            "url_plus",
            "the URL has a +, which S3 reads as a space",
            advice="write %2B, or %20 for a space",
        )
    try:
        key = unquote(path, errors="strict")
    except UnicodeDecodeError:
        raise UrlError("url_encoding", "the path is not UTF-8, percent-encoded") from None
    if key.count("/") != path.count("/"):
        raise UrlError("url_encoding", "the path has a percent-encoded slash")
    return key


def checked_life(expires_in: timedelta | int, longest: timedelta) -> int:
    """Return a lifetime in seconds.

    Raises:
        PolicyError: ``time_type``, ``time_past``, ``time_lifetime``, as from CloudFront's
            issuer.
    """
    seconds = int(expires_in.total_seconds()) if isinstance(expires_in, timedelta) else expires_in
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        raise PolicyError(
            "time_type",
            f"expires_in must be a timedelta or int seconds, not {type(expires_in).__name__}",
        )
    if seconds <= 0:
        raise PolicyError("time_past", "the end of access is not in the future")
    if seconds > longest.total_seconds():
        raise PolicyError(
            "time_lifetime",
            f"the end of access is more than max_lifetime ({longest}) ahead",
            advice="shorten it, or construct the S3Issuer with a longer max_lifetime",
            max_lifetime=int(longest.total_seconds()),
        )
    return seconds


def checked_upload_bounds(length: int, content_types: Collection[str]) -> frozenset[str]:
    """Return the content types that uploads may have.

    Raises:
        ConfigurationError: ``s3_uploads``.
    """
    types = frozenset([content_types] if isinstance(content_types, str) else content_types)
    whole = isinstance(length, int) and not isinstance(length, bool)
    if not whole or not 0 <= length <= LARGEST_UPLOAD:
        raise ConfigurationError("s3_uploads", "max_content_length is not from 0 bytes to 5 GiB")
    if bool(length) != bool(types):
        raise ConfigurationError(
            "s3_uploads", "max_content_length and content_types only work together"
        )
    for one in types:
        if not isinstance(one, str) or not _MEDIA_TYPE.fullmatch(one):
            raise ConfigurationError(
                "s3_uploads",
                f"{excerpt(str(one))} is not a content type",
                advice="name each one in full, such as image/png; there are no wildcards",
            )
    return types


def checked_type(content_type: str) -> str:
    """Return a content type that is one header value.

    Raises:
        InputError: ``content_type``.
    """
    if not isinstance(content_type, str) or not _MEDIA_TYPE.fullmatch(content_type):
        raise InputError("content_type", f"{excerpt(str(content_type))} is not a content type")
    return content_type


def attachment(name: str) -> str:
    """Return the ``Content-Disposition`` that saves under a name (RFC 6266, RFC 8187).

    Raises:
        InputError: ``download_as``: not the name of one file.
    """
    try:
        given = name if isinstance(name, str) and name.encode() else ""
    except UnicodeEncodeError:
        given = ""
    bad = _CONTROL.search(given) or "/" in given or "\\" in given or given in {"", ".", ".."}
    bad = bad or given != given.strip()
    if bad or len(given) > _LONGEST_FILE_NAME:
        raise InputError("download_as", "download_as is not the name of one file")
    if _PLAIN.fullmatch(given):
        return f'attachment; filename="{given}"'
    return f"attachment; filename*=UTF-8''{quote(given, safe='')}"
