"""Storages whose files are private or public behind CloudFront, side by side in ``STORAGES``.

Put a mixin before the class that stores the files::

    class PrivateMedia(SignedUrlStorageMixin, S3Storage): ...

    STORAGES = {
        "default": {"BACKEND": "shop.storage.PrivateMedia", "OPTIONS": {"grant": "reports", ...}},
        "public": {"BACKEND": "...PublicUrlFileSystemStorage", "OPTIONS": {"prefix": "public"}},
        "staticfiles": ...,  # left as it is
    }

Which of the two a file has is decided by its storage alone, never by a request.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from django.core.files.storage import FileSystemStorage

from signer.errors import ConfigurationError, excerpt
from signer.integrations.django.settings import get_access, given_settings
from signer.wire import object_key_path

_NO_CLAIMS: Mapping[str, object] = MappingProxyType({})


class SignedUrlStorageMixin:
    """Makes ``url()`` a signed URL of one grant; it needs no request.

    Whoever renders a page decides who gets the URLs on it, so the storage itself is the viewer
    whose claims count. Every call signs anew, for as long as the grant says: keep the result out
    of caches that live longer, and out of public files.

    Attributes:
        grant: Name of the grant that the storage's files are in.
        claims: What the grant asks for: nothing, unless it has conditions or slots.
        prefix: Folder of the grant's that the storage's files are in, when not its own.
    """

    grant: str = ""
    claims: Mapping[str, object] = _NO_CLAIMS
    prefix: str = ""

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - whatever the storage takes
        grant: str | None = None,
        claims: Mapping[str, object] | None = None,
        prefix: str | None = None,
        **options: Any,  # noqa: ANN401 - as above
    ) -> None:
        """Take our own options out of ``OPTIONS``; the storage gets the others.

        Args:
            args: For the storage.
            grant: Instead of the class attribute.
            claims: Instead of the class attribute.
            prefix: Instead of the class attribute.
            options: For the storage.
        """
        super().__init__(*args, **options)
        if grant is not None:
            self.grant = grant
        if claims is not None:
            self.claims = claims
        if prefix is not None:
            self.prefix = prefix

    def url(self, name: str | None) -> str:
        """Return the signed URL of a file.

        Raises:
            GrantError: The file's name cannot be in a URL, or the storage has no such grant.
            SignerError: It could not be signed.
        """
        return get_access().url(self.claims, self.grant, _item(self.prefix, name)).url


class PublicUrlStorageMixin:
    """Makes ``url()`` a plain URL below ``SIGNER['BASE_URL']``; nothing is ever signed.

    Attributes:
        prefix: Folder of the storage's files, such as ``public/``, where the distribution asks
            for no signature.
    """

    prefix: str = ""

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - whatever the storage takes
        prefix: str | None = None,
        **options: Any,  # noqa: ANN401 - as above
    ) -> None:
        """Take our own option out of ``OPTIONS``; the storage gets the others.

        Args:
            args: For the storage.
            prefix: Instead of the class attribute.
            options: For the storage.
        """
        super().__init__(*args, **options)
        if prefix is not None:
            self.prefix = prefix

    def url(self, name: str | None) -> str:
        """Return the URL of a file.

        Raises:
            UrlError: The file's name cannot be in a URL.
        """
        base_url: str = given_settings().get("BASE_URL") or get_access().table.base_url
        return base_url.rstrip("/") + object_key_path(_item(self.prefix, name))


class SignedUrlFileSystemStorage(SignedUrlStorageMixin, FileSystemStorage):
    """Private files on this machine, for development behind the local edge."""


class PublicUrlFileSystemStorage(PublicUrlStorageMixin, FileSystemStorage):
    """Public files on this machine."""


def _item(folder: str, name: str | None) -> str:
    if not name:
        raise ConfigurationError("file_name", f"the file name {excerpt(str(name))} is empty")
    # Windows paths reach a database as they are.
    plain = name.replace("\\", "/")
    return f"{folder.strip('/')}/{plain}" if folder.strip("/") else plain
