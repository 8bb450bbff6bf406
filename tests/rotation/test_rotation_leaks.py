"""No private key leaves its secret: not in the ring, a record, an error, a repr or a log line."""

from __future__ import annotations

import json
import logging
import traceback

import pytest

from signer.errors import SignerError
from signer.rotation.driver import Rotation, Tick
from tests.rotation.crashes import Run
from tests.rotation.faults import Fault, Next, Strike
from tests.rotation.world import World


def secrets_of(world: World) -> set[str]:
    """Return every line of every private key in the world that is long enough to tell."""
    texts = [
        str(version.value)
        for secret in world.secrets.secrets.values()
        for version in secret.versions.values()
    ]
    lines = set()
    for text in texts:
        pem = json.loads(text).get("private_key_pem", "") if text.startswith("{") else ""
        lines |= {line for line in pem.splitlines() if len(line) > 30 and "-----" not in line}
    return lines


@pytest.mark.parametrize("fault", [one for one in Fault if one is not Fault.STALE])
def test_whatever_happens_nothing_of_a_key_is_told(
    fault: Fault, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    tick = Rotation.tick

    def listening(rotation: Rotation) -> Tick:
        try:
            done = tick(rotation)
        except SignerError as error:
            told.extend([repr(error), str(error), str(dict(error.evidence))])
            told.append("".join(traceback.format_exception(error)))
            raise
        told.extend([repr(done), repr(rotation), repr(rotation.aws)])
        return done

    monkeypatch.setattr(Rotation, "tick", listening)
    clean = Run()
    clean.finish()
    calls = [
        index
        for index, method in enumerate(clean.methods)
        if method in {"put_secret_value", "get_secret_value", "update_secret_version_stage"}
    ]
    for index in calls[:: 2 if fault in {Fault.TIMEOUT, Fault.DIES_AFTER} else 5]:
        if not fault.fits(clean.methods[index]):
            continue
        run = Run().struck(Strike(index, fault, Next.RETRY))
        run.finish()
        documents = str(run.world.dynamodb.tables["rings"].items)
        public = str([key.config for key in run.world.cloudfront.public_keys.values()])
        everything = "\n".join([*told, caplog.text, documents, public])
        assert len(secrets_of(run.world)) > 5
        assert not [line for line in secrets_of(run.world) if line in everything]
        told.clear()
