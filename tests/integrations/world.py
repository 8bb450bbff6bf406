"""A viewer's world without any framework: a session is a dict here."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from signer import PrivateKey
from signer.access import Access
from signer.integrations.opening import open_access
from signer.integrations.viewer import LoadClaims, LoadClaimsAsync, Viewer
from tests.grants.tables import jar
from tests.integrations.backends import BASE, GRANTS, Clock, make_credential

ADA: dict[str, object] = {"sub": "ada", "groups": ["gallery", "cinema"], "email": "ada@example.com"}
LIFE = 15 * 60


class World:
    def __init__(self, folder: Path, key: PrivateKey) -> None:
        self.clock = Clock()
        self.credential = make_credential(folder, key)
        self.access: Access = open_access(
            credential=f"file:{self.credential}", grants=GRANTS, base_url=BASE, clock=self.clock
        )
        self.session: dict[str, Any] = {}

    def viewer(
        self, load: LoadClaims | LoadClaimsAsync | None = None, **options: timedelta
    ) -> Viewer:
        """Begin a request: what the session keeps has been through JSON."""
        self.session = json.loads(json.dumps(self.session))
        return Viewer(self.access, self.session, load=load, clock=self.clock, **options)

    def break_store(self) -> None:
        self.credential.unlink()
        self.clock.now += 31 * 60


def paths(viewer: Viewer) -> set[str]:
    return {path for _, path in jar(viewer.set_cookie_headers())}
