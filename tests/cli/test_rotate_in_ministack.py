"""`signer rotate` as a process of its own, with boto3 and AWS's protocols, against MiniStack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from signer.credential import Credential
from tests.ministack_cloud import ROOT_KEY, Cloud, running_cloud

pytestmark = [
    pytest.mark.ministack,
    pytest.mark.slow,
]

NAMED = ("--signing-secret", "media/signing", "--standby-secret", "media/standby")
Rotate = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with running_cloud() as running:
        yield running


@pytest.fixture
def rotate(cloud: Cloud, tmp_path: Path) -> Rotate:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SIGNER"))
    }
    env = {
        **kept,
        **ROOT_KEY,
        "AWS_ENDPOINT_URL": cloud.endpoint_url,
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
        "SIGNER_RING": "dynamodb:rings/media",
    }

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "signer", "rotate", *arguments],
            capture_output=True,
            check=False,
            env=env,
            text=True,
            timeout=120,
        )

    return call


def done(result: subprocess.CompletedProcess[str]) -> Any:  # noqa: ANN401 - JSON
    """Return what a command that went well printed as JSON."""
    assert (result.returncode, result.stderr) == (0, "")
    return json.loads(result.stdout)


def credential(cloud: Cloud) -> Credential:
    """Return what issuers read."""
    found = cloud.client("secretsmanager").get_secret_value(SecretId="media/signing")
    return Credential.from_json(found["SecretString"])


def group(cloud: Cloud, key_group_id: str) -> set[str]:
    found = cloud.client("cloudfront").get_key_group(Id=key_group_id)
    return set(found["KeyGroup"]["KeyGroupConfig"]["Items"])


def test_from_nothing_to_a_rotation(cloud: Cloud, rotate: Rotate) -> None:
    missing = rotate("status")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr.startswith("error[ring_table]: ")

    # No probes: there is no edge location here.
    made = done(rotate("init", "media", *NAMED, "--soak", "1s", "--create-table", "--json"))
    first = credential(cloud)
    assert made["key_pair_id"] == first.key_pair_id
    assert first.key_pair_id in group(cloud, made["key_group_id"])

    shown = rotate("status")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"ACTIVE {first.kid[:8]}" in shown.stdout

    assert done(rotate("tick", "--json"))["act"] == "plan"
    ordered = rotate("now")
    assert ordered.returncode == 0, ordered.stderr
    assert ordered.stdout.startswith("ASKED media: ")

    replaced = done(rotate("now", "--wait", "--json"))
    second = credential(cloud)
    assert second.kid == replaced["signing"] != first.kid
    # What the first one signed stays good.
    assert {first.key_pair_id, second.key_pair_id} <= group(cloud, made["key_group_id"])

    back = done(rotate("rollback", "--yes", "--json"))
    assert credential(cloud).kid == back["signing"] == first.kid
    gone = done(rotate("revoke", second.kid, "--reason", "test", "--yes", "--json"))
    assert gone["in_group"] is False
    assert second.key_pair_id not in group(cloud, made["key_group_id"])
    assert done(rotate("status", "--json"))["totals"]["revoked"] == 1


def test_what_aws_does_not_answer_is_told(cloud: Cloud, rotate: Rotate) -> None:
    result = rotate("status", "--ring", "dynamodb:nowhere/media")
    assert (result.returncode, result.stdout) == (1, "")
    assert "Traceback" not in result.stderr
    assert cloud.endpoint_url not in result.stderr
