"""The rotation function in this process, in a world of its own; all that it shows is kept."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import dataclass, field
from typing import Any

import pytest

from signer.keys import PrivateKey
from tests.canaries import Scanner
from tests.lambda_asset import rotate_module
from tests.rotation.world import World, _Interposed

RING = "dynamodb:rings/r"


@dataclass
class Invoked:
    """The function after its start.

    Attributes:
        seconds: What the context says is left.
        shown: Return values, errors, log lines and metrics.
    """

    world: World
    handler: Any
    capture: pytest.CaptureFixture[str]
    seconds: float = 60
    shown: list[str] = field(default_factory=list)

    def __call__(self, event: object) -> dict[str, Any]:
        """Invoke it."""
        try:
            answer: dict[str, Any] = self.handler(event, self)
        except Exception as error:
            self.shown.append(f"{error!r} {error.__cause__!r} {error.__context__!r}")
            raise
        self.shown.append(json.dumps(answer))
        return answer

    def get_remaining_time_in_millis(self) -> float:
        """Stand for Lambda's context."""
        return self.seconds * 1000

    def written(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the log line and the metrics since the last look; nothing where there are none."""
        text = self.capture.readouterr().out
        self.shown.append(text)
        lines = [json.loads(line) for line in text.splitlines()]
        log, metrics = [[one for one in lines if ("_aws" in one) is emf] for emf in (False, True)]
        assert len(log) <= 1
        assert len(metrics) <= 1
        return (log or [{}])[0], (metrics or [{}])[0]

    def leaks(self) -> set[str]:
        """Return which private halves can be found in anything that was shown."""
        self.shown.append(self.capture.readouterr().out)
        scanner = Scanner()
        found = 0
        for name, secret in self.world.secrets.secrets.items():
            for version, kept in secret.versions.items():
                text = str(kept.value)
                if "PRIVATE KEY" in text:
                    key = PrivateKey.from_pem(json.loads(text)["private_key_pem"])
                    scanner.add_key(f"{name} {version}", key)
                    found += 1
        assert found, "there was no key that could have leaked"
        return scanner.hits("\n".join(self.shown))


def invoked(
    world: World, monkeypatch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str], **env: str
) -> Invoked:
    """Start the function in a world."""
    monkeypatch.setattr("signer.rotation.probe.send_get", world.send)
    for name in ("boto3", "botocore", "urllib3"):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.NOTSET)
    clients = {
        "cloudfront": world.cloudfront,
        "dynamodb": world.dynamodb,
        "kms": world.kms,
        "secretsmanager": world.secrets,
    }
    watched = {name: _Interposed(world, name, client) for name, client in clients.items()}
    environ = {"SIGNER_RING": RING, "AWS_REGION": "eu-central-1", **env}
    handler = rotate_module().build(environ, clients=watched)
    # Made before, its logger writes to where output went then.
    for kept in logging.getLogger("rotation").handlers:
        assert isinstance(kept, logging.StreamHandler)
        kept.setStream(_Output())
    return Invoked(world, handler, capture)


class _Output:
    """Standard output, wherever that goes at the moment."""

    def write(self, text: str) -> None:
        """Write."""
        sys.stdout.write(text)

    def flush(self) -> None:
        """Do nothing."""


def metrics_of(emf: dict[str, Any]) -> dict[str, float]:
    """Return the metrics of a tick, by their names."""
    (directive,) = emf["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "CloudFrontIssuer"
    assert [sorted(one) for one in directive["Dimensions"]] == [["ring", "service"]]
    assert (emf["service"], emf["ring"]) == ("rotation", "rings/r")
    found = {}
    for metric in directive["Metrics"]:
        (found[metric["Name"]],) = emf[metric["Name"]]
    return found
