"""boto3's clients are made late, once, and give up soon; their errors are told by name alone."""

from __future__ import annotations

import sys
import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from signer.aws_client import DENIED, LaterClient, error_name, make_client
from signer.errors import ConfigurationError, RemoteError

LIMITS = {"connect_timeout": 5, "read_timeout": 10, "attempts": 3}


def later(service: str = "kms") -> LaterClient:
    return LaterClient(service, None, connect_timeout=5, read_timeout=10, attempts=3)


def test_a_client_gives_up_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[object, ...]] = []

    def make(service: str, *, region_name: str | None, config: Any) -> None:  # noqa: ANN401
        limits = (config.connect_timeout, config.read_timeout, config.retries)
        made.append((service, region_name, *limits))

    monkeypatch.setattr("boto3.client", make)
    make_client("kms", "eu-central-1", connect_timeout=5, read_timeout=10, attempts=3)
    retries = {"mode": "standard", "total_max_attempts": 3}
    assert made == [("kms", "eu-central-1", 5, 10, retries)]


def test_without_boto3_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ConfigurationError, match=r"cloudfront-issuer\[aws\]") as caught:
        later().sign()
    assert caught.value.code == "extra_missing"


def test_without_a_region_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "nowhere")
    with pytest.raises(ConfigurationError) as caught:
        later().sign()
    assert caught.value.code == "aws_client"


def test_it_is_made_once_however_many_call_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    class Made:
        def sign(self) -> str:
            return "signed"

    def make(service: str, _: str | None, **limits: float) -> Made:
        assert limits == LIMITS
        made.append(service)
        return Made()

    monkeypatch.setattr("signer.aws_client.make_client", make)
    client, together, answers = later(), threading.Barrier(8), list[str]()

    def call() -> None:
        together.wait()
        answers.append(client.sign())

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (made, answers) == (["kms"], ["signed"] * 8)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (ClientError({"Error": {"Code": "AccessDenied", "Message": "m"}}, "Sign"), "AccessDenied"),
        (ClientError({"Error": {"Code": "a b\nc"}}, "Sign"), "ClientError"),
        (ClientError({}, "Sign"), "ClientError"),
        (NoCredentialsError(), "NoCredentialsError"),
        (RemoteError("aws_error", "m", error="Throttling"), "Throttling"),
        (RemoteError("remote_timeout", "m"), "remote_timeout"),
        (ValueError("secret"), "unexpected ValueError"),
    ],
)
def test_an_error_is_told_by_its_name(error: Exception, name: str) -> None:
    assert error_name(error) == name


def test_who_has_no_credentials_is_denied() -> None:
    assert {"NoCredentialsError", "ExpiredToken", "AccessDeniedException"} <= DENIED
