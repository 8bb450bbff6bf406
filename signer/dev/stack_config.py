"""The configuration of the demo's stack, written as a team would write its own."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from signer.dev.content import Gallery
from signer.dev.identity import IdentityProvider
from signer.dev.rotating import LONGEST_LIFETIME, client_of
from signer.dev.stack import Options
from signer.dev.story.viewer import path_of

NAME: Final = "demo"

_CLIENT_SECRET: Final = "demo/client-secret"  # noqa: S105 - a secret's name
_PUBLIC: Final = ("/", "/index.html", "/favicon.ico", "/assets/*", "/demo.json")
# Longer than the slower location takes, and the edge looks every second.
_SOAK: Final = "6s"
# Issuers are started anew as soon as another key signs; a request may be under way for a while.
_STALE_LIMIT: Final = "15s"
_PLAIN_PATH: Final = re.compile(r"(?:/[A-Za-z0-9_.~-]+)+")


def write_config(
    folder: Path,
    options: Options,
    gallery: Gallery,
    *,
    identity: IdentityProvider,
    site_url: str,
    endpoint_url: str,
) -> Path:
    """Write the configuration and the table of grants; keep the client's secret.

    Args:
        folder: Where to.
        options: What a person chose.
        gallery: Has the table of grants.
        identity: Where people log in.
        site_url: Scheme and host that viewers see.
        endpoint_url: The AWS on this machine, which keeps the secret.

    Returns:
        The configuration file.
    """
    client = identity.register(f"{site_url}/auth/callback")
    secrets = client_of(endpoint_url, "secretsmanager")
    secrets.create_secret(Name=_CLIENT_SECRET, SecretString=client.secret)
    lifetime = _lifetime(options)
    grants = gallery.grants.read_text("utf-8")
    if options.lifetime is not None or options.rotate_every is not None:
        grants = re.sub(r"(?m)^ttl = .*$", f"ttl = {int(lifetime.total_seconds())}", grants)
    (folder / "grants.toml").write_text(grants, encoding="utf-8")
    probed = next(path for path in map(path_of, gallery.pictures()) if _PLAIN_PATH.fullmatch(path))
    period = options.rotate_every or timedelta(days=90)
    told: dict[str, dict[str, Any]] = {
        "site": {
            "url": site_url,
            "public_paths": list(_PUBLIC),
            "default_root_object": "index.html",
            "retain_bucket": False,
        },
        "issuer": {
            "grants": "grants.toml",
            "oidc_issuer": identity.issuer_url,
            "oidc_client_id": client.client_id,
            "oidc_client_secret_name": _CLIENT_SECRET,
            "oidc_scopes": "openid profile",
            "token_audience": client.client_id,
        },
        "keys": {
            "algorithm": options.algorithm.value,
            "max_lifetime": f"{int(lifetime.total_seconds())}s",
            "period": f"{int(period.total_seconds())}s",
            "soak": _SOAK,
            "stale_limit": _STALE_LIMIT,
            "skew": "5s",
            "rollback_window": "15s",
            "probe_path": probed,
            "tick_minutes": 1,
            "destroy": True,
        },
        "watching": {"log_days": 1},
        "functions": {"for_this_machine": True},
    }
    file = folder / "demo.toml"
    file.write_text(_toml({"name": NAME}, told), encoding="utf-8")
    return file


def _lifetime(options: Options) -> timedelta:
    if options.lifetime is not None:
        return options.lifetime
    return min(options.rotate_every or LONGEST_LIFETIME, LONGEST_LIFETIME)


def _toml(top: dict[str, str], sections: dict[str, dict[str, Any]]) -> str:
    """Write texts, numbers, flags and lists of texts, which JSON writes as TOML does."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in top.items()]
    for section, values in sections.items():
        lines.append(f"\n[{section}]")
        lines += [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    return "\n".join(lines) + "\n"
