"""`signer rotate` in this process, in a world of its own: AWS in memory, and time that is made."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta, timezone
from typing import Any

import pytest
from click.testing import Result

from signer.rotation.ring import KeyState, Ring, RingKey
from tests.cli.running import run
from tests.rotation.world import PROBE_URL, Call, World, _Interposed

CET = timezone(timedelta(hours=1), "CET")
RING = "dynamodb:rings/r"
SECRETS = ("--signing-secret", "signing", "--standby-secret", "standby")
INIT = (
    "init", "r", *SECRETS, "--probe-url", PROBE_URL,
    "--period", "24h", "--soak", "1h", "--max-lifetime", "2h",
)  # fmt: skip


@dataclass
class Rotating:
    """A world, and the command line in it.

    Attributes:
        made: The clients that were made: service and Region.
        slept: For how many seconds the command line slept, each time.
    """

    world: World = field(default_factory=World)
    made: list[tuple[str, str | None]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def __call__(self, *arguments: str, text: str = "", **env: str | None) -> Result:
        """Run ``signer rotate``."""
        given: dict[str, Any] = {
            "SIGNER_RING": RING,
            "AWS_REGION": "eu-central-1",
            "NO_COLOR": None,
            **env,
        }
        return run("rotate", *arguments, env=given, text=text)

    def document(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """Run with ``--json`` and return the document; nothing else is written."""
        result = self(*arguments, "--json")
        assert (result.exit_code, result.stderr) == (code, ""), result.output
        document: dict[str, Any] = json.loads(result.stdout)
        return document

    def begun(self) -> Ring:
        """Make a ring whose first key signs, and a distribution that trusts it."""
        result = self(*INIT)
        assert result.exit_code == 0, result.output
        self.world.cloudfront.add_distribution(*self.world.cloudfront.key_groups)
        return self.ring()

    def standing_by(self) -> tuple[RingKey, RingKey]:
        """Return the key that signs and one that stands by."""
        self.begun()
        self.world.run(
            self.world.rotation(), lambda tick: any(tick.ring.in_state(KeyState.STANDBY))
        )
        ring = self.ring()
        assert ring.active is not None
        assert ring.coming is not None
        return ring.active, ring.coming

    def ring(self) -> Ring:
        """Return what is written down."""
        return self.world.rotation().ring()

    def denied(self, method: str, code: str = "AccessDenied", *, times: int = 10**6) -> None:
        """Let AWS refuse a call for some times."""
        left = [times]

        def hook(_: str, called: str, __: dict[str, Any], call: Call) -> Any:  # noqa: ANN401
            if called == method and left[0]:
                left[0] -= 1
                raise self.world.clock.refused(called, code, 503)
            return call()

        self.world.hook = hook

    def client(self, service: str, region: str | None, **_: float) -> object:
        """Return what stands for boto3's client."""
        self.made.append((service, region))
        names = {"secretsmanager": "secrets"}
        return _Interposed(self.world, service, getattr(self.world, names.get(service, service)))

    def sleep(self, seconds: float) -> None:
        """Let time go on."""
        assert seconds >= 0
        self.slept.append(seconds)
        self.world.advance(seconds)


def installed(monkeypatch: pytest.MonkeyPatch) -> Rotating:
    """Return the command line in a world where nothing was done yet."""
    rotating = Rotating()
    monkeypatch.setattr("signer.aws_client.make_client", rotating.client)
    monkeypatch.setattr("signer.rotation.probe.send_get", rotating.world.send)
    monkeypatch.setattr("signer.cli.rotate.going.sleep", rotating.sleep)
    for module in ("going", "words"):
        monkeypatch.setattr(f"signer.cli.rotate.{module}.LocalZone", lambda: CET)
    return rotating
