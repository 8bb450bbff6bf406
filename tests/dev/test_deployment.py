"""How the CDK's command line is run: what is told, and what is said when it fails."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from signer.dev import deployment
from signer.dev.deployment import Cdk, find_checkout
from signer.errors import ConfigurationError

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def cdk(tmp_path: Path, told: list[str]) -> Cdk:
    return Cdk(endpoint_url=NOWHERE, config=tmp_path / "a.toml", folder=tmp_path, say=told.append)


def test_a_command_that_fails_says_why(cdk: Cdk) -> None:
    with pytest.raises(ConfigurationError) as caught:
        cdk.run("deploy", app="echo nothing is here >&2; exit 3")
    assert caught.value.code == "cdk"
    assert "cdk deploy failed with exit code 1" in caught.value.message
    assert "nothing is here" in caught.value.message
    assert "nothing is here" in str(caught.value.evidence["output"])


def test_progress_is_told_by_resource(cdk: Cdk, told: list[str]) -> None:
    lines = [
        "media |  9/58 | 8:12:52 AM | CREATE_COMPLETE         | AWS::Lambda::Url   | Issuer/Url\n",
        "media |  9/58 | 8:12:52 AM | CREATE_IN_PROGRESS      | AWS::S3::Bucket    | Site/Bucket\n",
        "something else\n",
        "media |   4 | 8:14:32 AM | DELETE_COMPLETE         | AWS::S3::Bucket | Site/Bucket\n",
    ]
    assert list(cdk._told(lines)) == lines
    assert told == ["9/58 AWS::Lambda::Url", "4 AWS::S3::Bucket"]


def test_nobodys_account_is_ever_asked(cdk: Cdk, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN", "AWS_DEFAULT_PROFILE"):
        monkeypatch.setenv(name, "a-real-one")
    environment = cdk._environment()
    assert "a-real-one" not in environment.values()
    assert environment["AWS_ENDPOINT_URL"] == environment["AWS_ENDPOINT_URL_S3"] == NOWHERE
    assert (
        environment["AWS_CONFIG_FILE"] == environment["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    )


def test_tls_is_trusted_where_it_is_spoken(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    secure = Cdk(endpoint_url="https://localhost:9", config=tmp_path, folder=tmp_path, ca=ca)
    environment = secure._environment()
    assert environment["NODE_EXTRA_CA_CERTS"] == environment["AWS_CA_BUNDLE"] == str(ca)


def test_without_a_checkout_there_is_nothing_to_deploy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (find_checkout() / "cdk.json").is_file()
    monkeypatch.setattr(deployment, "__file__", str(tmp_path / "signer" / "dev" / "deployment.py"))
    with pytest.raises(ConfigurationError) as caught:
        find_checkout()
    assert caught.value.code == "checkout"
    assert "without --cdk" in caught.value.advice
