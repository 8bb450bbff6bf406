"""The right host, the right signature, whatever botocore's defaults are."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from botocore.config import Config
from botocore.session import Session

from signer.errors import ConfigurationError, SignerError, SigningError
from signer.s3 import S3Issuer
from signer.s3.client import Presigner
from tests.s3.signing import ACCESS_KEY_ID, BUCKET, SECRET, client, issuer


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration but the test's."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


def address(made: S3Issuer) -> str:
    return made.signed_url("k", expires_in=60).partition("?")[0]


@pytest.mark.parametrize(
    ("bucket", "region", "expected"),
    [
        ("media", "us-east-1", "https://media.s3.us-east-1.amazonaws.com/k"),
        ("media", "eu-central-1", "https://media.s3.eu-central-1.amazonaws.com/k"),
        ("media", "cn-north-1", "https://media.s3.cn-north-1.amazonaws.com.cn/k"),
        ("media", "us-gov-west-1", "https://media.s3.us-gov-west-1.amazonaws.com/k"),
        # No certificate of S3's matches a name with dots.
        ("my.media", "us-east-1", "https://s3.us-east-1.amazonaws.com/my.media/k"),
        ("my.media", "eu-central-1", "https://s3.eu-central-1.amazonaws.com/my.media/k"),
    ],
)
def test_the_host_is_the_regions_own(bucket: str, region: str, expected: str) -> None:
    assert address(S3Issuer(bucket, region=region)) == expected


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:9000", "http://localhost:4566", "https://s3.example.com"]
)
def test_another_server_is_addressed_by_path(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = S3Issuer(BUCKET, region="us-east-1", endpoint_url=endpoint)
    assert address(made) == f"{endpoint}/{BUCKET}/k"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    assert address(S3Issuer(BUCKET, region="us-east-1")) == f"{endpoint}/{BUCKET}/k"


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://s3.example.com",
        "ftp://127.0.0.1",
        "s3.example.com",
        "",
        "https://a@b.example",
        "https://s3.example.com?x=1",
        "https://s3.example.com#x",
        7,
    ],
)
def test_endpoints_that_are_refused(endpoint: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        S3Issuer(BUCKET, region="us-east-1", endpoint_url=endpoint)
    assert raised.value.code == "s3_endpoint"


def test_a_plain_endpoint_of_the_environment_is_refused_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://s3.example.com")
    with pytest.raises(ConfigurationError) as raised:
        address(S3Issuer(BUCKET, region="us-east-1"))
    assert raised.value.code == "s3_endpoint"


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_the_region_may_come_from_the_environment(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "ap-south-1")
    assert address(S3Issuer("media")) == "https://media.s3.ap-south-1.amazonaws.com/k"


def test_the_region_may_come_from_a_profile(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("[profile here]\nregion = ca-central-1\n")
    monkeypatch.setenv("AWS_PROFILE", "here")
    assert address(S3Issuer("media")) == "https://media.s3.ca-central-1.amazonaws.com/k"


def test_without_a_region_nothing_is_signed() -> None:
    with pytest.raises(ConfigurationError) as raised:
        address(S3Issuer("media"))
    assert raised.value.code == "s3_region"


@pytest.mark.parametrize("region", ["", "EU", "eu-central-1.evil.example", "a/b", "x", 7])
def test_regions_that_are_none(region: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        S3Issuer("media", region=region)
    assert raised.value.code == "s3_region"


def test_a_profile_that_does_not_exist_is_a_typed_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "missing")
    with pytest.raises(ConfigurationError) as raised:
        address(S3Issuer("media", region="us-east-1"))
    assert raised.value.code == "s3_config"


def test_without_credentials_there_is_a_typed_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(SignerError) as raised:
        address(S3Issuer("media", region="us-east-1"))
    assert raised.value.code == "s3_credentials"


def without_region() -> Presigner:
    session = Session()
    session.set_credentials(ACCESS_KEY_ID, SECRET)
    made: Any = session.create_client("s3")
    presigner: Presigner = made
    return presigner


def test_a_client_that_signs_by_sigv2_is_refused() -> None:
    made = without_region()
    signed = made.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "k"}, 60)
    assert "AWSAccessKeyId" in dict(parse_qsl(urlsplit(signed).query)), (
        "no longer botocore's default"
    )
    with pytest.raises(SigningError) as raised:
        address(S3Issuer(BUCKET, client=made))
    assert raised.value.code == "s3_signature"
    assert SECRET not in str(raised.value)


class Liar:
    """A client that signs something else than it was asked for."""

    def __init__(self, **params: str) -> None:
        self.params = params
        self.real = client()

    def generate_presigned_url(
        self,
        ClientMethod: str,  # noqa: N803 - botocore's names
        Params: dict[str, str],  # noqa: N803
        ExpiresIn: int,  # noqa: N803
    ) -> str:
        changed = {**Params, **self.params}
        signed: str = self.real.generate_presigned_url(
            ClientMethod, Params=changed, ExpiresIn=ExpiresIn + int(self.params == {})
        )
        return signed


@pytest.mark.parametrize(
    "params",
    [{}, {"Key": "other"}, {"Bucket": "other-bucket"}, {"VersionId": "3"}, {"IfMatch": "x"}],
)
def test_a_client_that_signs_something_else_is_refused(params: dict[str, str]) -> None:
    with pytest.raises(SigningError) as raised:
        S3Issuer(BUCKET, client=Liar(**params)).signed_url("k", expires_in=60)
    assert raised.value.code == "s3_signature"


def test_a_client_that_sends_over_plain_http_is_refused() -> None:
    session = Session()
    session.set_credentials(ACCESS_KEY_ID, SECRET)
    made = session.create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url="http://s3.example.com",
        config=Config(signature_version="s3v4"),
    )
    with pytest.raises(ConfigurationError) as raised:
        issuer(client=made).signed_url("k", expires_in=60)
    assert raised.value.code == "s3_endpoint"


def test_nothing_is_connected_to_or_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **_: attempts.append(given))
    monkeypatch.setattr(socket.socket, "connect", lambda *given: attempts.append(given))
    assert address(S3Issuer("media", region="us-east-1"))
    assert attempts == []


def test_threads_share_one_client() -> None:
    made = S3Issuer("media", region="us-east-1")
    barrier = threading.Barrier(8)
    seen: list[object] = []

    def sign() -> None:
        barrier.wait()
        made.signed_url("k", expires_in=60)
        seen.append(made._client)

    threads = [threading.Thread(target=sign) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(seen) == 8
    assert len(set(map(id, seen))) == 1


def test_construction_reads_no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "missing")
    assert S3Issuer("media").bucket == "media"


def test_boto3_is_not_loaded_for_it() -> None:
    code = "import sys, signer.s3; print('boto3' in sys.modules, 'botocore' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.split() == ["False", "True"]
