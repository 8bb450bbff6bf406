"""The Django app: it registers the system checks."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register

from signer.integrations.django.checks import check_credential, check_settings, check_storages


class SignedAccessConfig(AppConfig):
    """Has no models; only checks ``SIGNER``, ``MIDDLEWARE`` and ``STORAGES``."""

    name = "signer.integrations.django"
    label = "signer"

    def ready(self) -> None:
        """Register the checks."""
        register(check_settings, Tags.security)
        register(check_storages, Tags.files)
        # Opening a credential may ask AWS: only `manage.py check --deploy` does it.
        register(check_credential, Tags.security, deploy=True)
