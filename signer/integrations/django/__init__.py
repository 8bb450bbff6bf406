"""Django: signed cookies for logged-in users, signed URLs of private files.

Example (settings.py)::

    INSTALLED_APPS += ["signer.integrations.django.apps.SignedAccessConfig"]
    MIDDLEWARE += ["signer.integrations.django.SignedAccessMiddleware"]
    SIGNER = {
        "CREDENTIAL": "file:keys/dev.json",
        "GRANTS": BASE_DIR / "grants.toml",
        "BASE_URL": "https://media.example.com",
    }

Log-in and log-out are Django's own; the middleware sees them. The app adds system checks.
"""

from signer.integrations.django.middleware import (
    SignedAccessMiddleware,
    acurrent,
    current,
    set_cookies,
)
from signer.integrations.django.settings import get_access, user_claims
from signer.integrations.django.storage import (
    PublicUrlFileSystemStorage,
    PublicUrlStorageMixin,
    SignedUrlFileSystemStorage,
    SignedUrlStorageMixin,
)

__all__ = [
    "PublicUrlFileSystemStorage",
    "PublicUrlStorageMixin",
    "SignedAccessMiddleware",
    "SignedUrlFileSystemStorage",
    "SignedUrlStorageMixin",
    "acurrent",
    "current",
    "get_access",
    "set_cookies",
    "user_claims",
]
