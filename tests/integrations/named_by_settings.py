"""Storages and functions that Django's settings name by a dotted path."""

from __future__ import annotations

import tempfile
from pathlib import Path

from django.contrib.staticfiles.storage import ManifestFilesMixin
from django.core.files.storage import FileSystemStorage

from signer import PrivateKey
from signer.access import Access
from signer.integrations.django import SignedUrlStorageMixin
from signer.integrations.opening import open_access
from tests.integrations.backends import BASE, GRANTS, make_credential


class HashedPrivate(SignedUrlStorageMixin, ManifestFilesMixin, FileSystemStorage):  # type: ignore[misc]  # their url() has one more argument
    """Would write signed URLs into stylesheets."""

    grant = "share"


def function() -> None:
    """Be no storage."""


def made_access() -> Access:
    """Return an access that signs nothing, since nothing is asked of it."""
    with tempfile.TemporaryDirectory() as folder:
        file = make_credential(Path(folder), PrivateKey.generate())
        return open_access(credential=f"file:{file}", grants=GRANTS, base_url=BASE)
