"""What the issuer's Lambda function is told in the demo: its environment variables."""

from __future__ import annotations

import re
import secrets
import string
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from signer.dev.bucket import BUCKET
from signer.dev.content import Gallery
from signer.dev.identity import IdentityProvider
from signer.dev.ministack import REGION
from signer.dev.secret_store import SecretStore
from signer.edge.function_file import Handler
from signer.refreshing import Refreshing

_KEY_PAIR_ID_LENGTH = 13
_SESSION_KEY_BYTES = 32
# The table travels in the environment, as it would for a small one on AWS.
_GRANTS = "DEMO_GRANTS"


def new_key_pair_id() -> str:
    """Return an id in the form that CloudFront gives to public keys."""
    alphabet = string.ascii_uppercase + string.digits
    return "K" + "".join(secrets.choice(alphabet) for _ in range(_KEY_PAIR_ID_LENGTH))


def function_environment(
    gallery: Gallery,
    store: SecretStore,
    identity: IdentityProvider,
    *,
    site_url: str,
    lifetime: timedelta | None,
) -> dict[str, str]:
    """Return what both deliveries need: who logs in, and who may see what.

    Args:
        gallery: Has the table of grants.
        store: Keeps the secrets that are made here.
        identity: Where people log in.
        site_url: Scheme and host that viewers see.
        lifetime: Of everything that is issued, instead of what the table says.
    """
    client = identity.register(f"{site_url}/auth/callback")
    session_key = urlsafe_b64encode(secrets.token_bytes(_SESSION_KEY_BYTES)).decode()
    grants = gallery.grants.read_text("utf-8")
    if lifetime is not None:
        grants = re.sub(r"(?m)^ttl = .*$", f"ttl = {int(lifetime.total_seconds())}", grants)
    return {
        **store.environment,
        "SIGNER_BASE_URL": site_url,
        "SIGNER_GRANTS": f"env:{_GRANTS}",
        _GRANTS: grants,
        "SIGNER_SESSION_KEYS": store.put("session-keys", session_key),
        "SIGNER_OIDC_ISSUER": identity.issuer_url,
        "SIGNER_OIDC_CLIENT_ID": client.client_id,
        "SIGNER_OIDC_CLIENT_SECRET": store.put("client-secret", client.secret),
        "SIGNER_OIDC_SCOPES": "openid profile",
        "SIGNER_TOKEN_AUDIENCE": client.client_id,
        # Standard output belongs to the demo.
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
        "POWERTOOLS_METRICS_DISABLED": "true",
        "POWERTOOLS_TRACE_DISABLED": "true",
    }


def by_cloudfront(credential: str) -> dict[str, str]:
    """Return what is needed to sign for CloudFront, behind a Function URL.

    Args:
        credential: Custody URI of the signing credential.
    """
    return {
        "SIGNER_FRONT_END": "function_url",
        "SIGNER_DELIVERY": "cloudfront",
        "SIGNER_CREDENTIAL": credential,
    }


def by_s3() -> dict[str, str]:
    """Return what is needed to presign for the bucket, behind an HTTP API."""
    return {
        "SIGNER_FRONT_END": "http_api",
        "SIGNER_DELIVERY": "s3",
        "SIGNER_BUCKET": BUCKET,
        "SIGNER_REGION": REGION,
        "SIGNER_IMAGES_GRANT": "share",
        "SIGNER_KEY_PREFIX": "",
    }


def renewed(start: Callable[[], Handler], *, max_age: timedelta, stale_limit: timedelta) -> Handler:
    """Return a handler behind which a function is started anew again and again.

    A new instance reads all that it needs. The issuer itself reads its credential every five
    minutes only, which is too rarely for keys that are replaced every minute.

    Args:
        start: Starts an instance and returns its handler; called at once for the first one.
        max_age: Age at which an instance is replaced, give or take a tenth.
        stale_limit: Age from which an instance answers no more when it could not be replaced.

    Raises:
        ConfigurationError: It cannot be started.
    """
    instances = Refreshing(start, max_age=max_age, stale_limit=stale_limit)
    instances.get()

    def handle(event: dict[str, Any], context: Any) -> object:  # noqa: ANN401 - whatever Lambda gives
        return instances.get()(event, context)

    return handle
