"""AWS's JSON protocol by the standard library: signed as botocore signs, and as careful."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import patch

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from signer.aws_json import AccessKey, JsonClient, signed_headers
from signer.errors import ConfigurationError, InputError, RemoteError, SignerError

KEY = AccessKey("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "session//token==")
ENVIRON = {
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "canary-secret",
    "AWS_SESSION_TOKEN": "canary-token",
}


@given(
    body=st.binary(max_size=300),
    now=st.integers(0, 4_000_000_000),
    service=st.sampled_from(["secretsmanager", "ssm", "kms"]),
    region=st.sampled_from(["us-east-1", "eu-central-1", "cn-north-1"]),
    token=st.sampled_from(["", "token", "a/b+c=="]),
    path=st.sampled_from(["/", "", "/base/"]),
)
def test_signatures_are_botocores(
    *, body: bytes, now: int, service: str, region: str, token: str, path: str
) -> None:
    url = f"https://{service}.{region}.amazonaws.com{path}"
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "Host": f"{service}.{region}.amazonaws.com",
        "X-Amz-Target": "secretsmanager.GetSecretValue",
    }
    key = AccessKey(KEY.key_id, KEY.secret, token)
    ours = signed_headers(
        url, headers, body, service=service, region=region, access_key=key, now=now
    )
    request = AWSRequest("POST", url, headers=dict(headers), data=body)
    signer = auth.SigV4Auth(Credentials(key.key_id, key.secret, token or None), service, region)
    moment = datetime.fromtimestamp(now, UTC)
    with patch.object(auth, "get_current_datetime", lambda *_, **__: moment):
        signer.add_auth(request)
    theirs = dict(request.headers.items())
    for name in ("Authorization", "X-Amz-Date", *(["X-Amz-Security-Token"] if token else [])):
        assert ours[name] == theirs[name]


class Answers:
    """A server that gives one answer after the other, the last one for ever."""

    def __init__(self, *answers: tuple[int, object]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Mapping[str, str], dict[str, Any]]] = []
        self.url = ""

    def next(self) -> tuple[int, bytes]:
        status, content = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        return status, content if isinstance(content, bytes) else json.dumps(content).encode()


@contextmanager
def serving(*answers: tuple[int, object]) -> Iterator[Answers]:
    store = Answers(*answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            store.asked.append((dict(self.headers.items()), json.loads(body)))
            status, content = store.next()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        store.url = f"http://127.0.0.1:{server.server_port}"
        yield store
        server.shutdown()
        thread.join()


def client(store: Answers, service: str = "secretsmanager") -> JsonClient:
    return JsonClient(service, environ=ENVIRON, endpoint_url=store.url)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signer.aws_json.time.sleep", lambda _: None)


def test_the_three_calls() -> None:
    with serving(
        (200, {"SecretString": "s", "Parameter": {"Value": "p"}, "Signature": "AQI="})
    ) as s:
        assert client(s).get_secret_value(SecretId="a")["SecretString"] == "s"
        found = client(s, "ssm").get_parameter(Name="n", WithDecryption=True)
        assert found["Parameter"] == {"Value": "p"}
        signed = client(s, "kms").sign(
            KeyId="k", Message=b"m", MessageType="RAW", SigningAlgorithm="ECDSA_SHA_256"
        )
        assert signed["Signature"] == b"\x01\x02"
    targets = [headers["X-Amz-Target"] for headers, _ in s.asked]
    assert targets == [
        "secretsmanager.GetSecretValue",
        "AmazonSSM.GetParameter",
        "TrentService.Sign",
    ]
    assert s.asked[2][1]["Message"] == "bQ=="
    assert s.asked[0][0]["X-Amz-Security-Token"] == "canary-token"


@pytest.mark.parametrize(
    ("status", "name"),
    [(400, "ThrottlingException"), (429, "x"), (500, "InternalServiceError"), (503, "x")],
)
def test_what_may_pass_is_tried_again(status: int, name: str) -> None:
    failing = (status, {"__type": f"com.amazonaws#{name}", "Message": "canary"})
    with serving(failing, failing, (200, {"SecretString": "s"})) as store:
        assert client(store).get_secret_value(SecretId="a")["SecretString"] == "s"
        assert len(store.asked) == 3
    with serving(failing) as store, pytest.raises(RemoteError):
        client(store).get_secret_value(SecretId="a")
    assert len(store.asked) == 3


@pytest.mark.parametrize("name", ["AccessDeniedException", "ResourceNotFoundException"])
def test_what_will_not_pass_is_not(name: str) -> None:
    with serving((400, {"__type": name, "message": "canary"})) as store:
        with pytest.raises(RemoteError) as caught:
            client(store).get_secret_value(SecretId="canary-id")
        assert len(store.asked) == 1
    assert caught.value.evidence["error"] == name
    assert "canary" not in f"{caught.value!r} {caught.value} {dict(caught.value.evidence)}"


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 100_000, b"canary"])
def test_an_answer_of_another_form_is_told(content: bytes) -> None:
    with serving((200, content)) as store, pytest.raises(RemoteError) as caught:
        client(store).get_secret_value(SecretId="a")
    assert caught.value.code == "remote_answer"
    assert "canary" not in repr(caught.value)


def test_a_huge_answer_is_not_read() -> None:
    with serving((200, b" " * 300_000)) as store, pytest.raises(RemoteError) as caught:
        client(store).get_secret_value(SecretId="a")
    assert caught.value.code == "remote_too_large"


def address(service: str, **environ: str) -> str:
    return JsonClient(service, environ={**ENVIRON, **environ})._url


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, "https://kms.eu-central-1.amazonaws.com/"),
        ({"AWS_REGION": "cn-north-1"}, "https://kms.cn-north-1.amazonaws.com.cn/"),
        ({"AWS_REGION": "us-gov-west-1"}, "https://kms.us-gov-west-1.amazonaws.com/"),
        ({"AWS_USE_FIPS_ENDPOINT": "true"}, "https://kms-fips.eu-central-1.amazonaws.com/"),
        ({"AWS_ENDPOINT_URL": "https://a.example/"}, "https://a.example/"),
        (
            {
                "AWS_ENDPOINT_URL": "https://a.example/",
                "AWS_ENDPOINT_URL_KMS": "https://b.example/",
            },
            "https://b.example/",
        ),
        (
            {
                "AWS_ENDPOINT_URL": "https://a.example/",
                "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
            },
            "https://kms.eu-central-1.amazonaws.com/",
        ),
    ],
)
def test_the_address_is_found_as_the_sdks_find_it(environ: dict[str, str], url: str) -> None:
    assert address("kms", **environ) == url


@pytest.mark.parametrize("region", ["", "eu central", "evil.example/", "eu-central-1.evil.example"])
def test_a_region_that_is_none_is_refused(region: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        JsonClient("kms", region=region, environ={})
    assert caught.value.code == "aws_region"


def test_secrets_are_not_asked_for_in_the_clear() -> None:
    with pytest.raises(InputError):
        JsonClient("kms", environ=ENVIRON, endpoint_url="http://kms.example.com/")


def test_without_credentials_nothing_is_sent() -> None:
    with serving((200, {})) as store:
        bare = JsonClient("ssm", environ={"AWS_REGION": "us-east-1"}, endpoint_url=store.url)
        with pytest.raises(SignerError) as caught:
            bare.get_parameter(Name="a")
        assert store.asked == []
    assert caught.value.code == "aws_credentials"


@pytest.mark.parametrize("secret", ["", "a b", "a\r\nX: y", "ä", "a" * 9000])
def test_credentials_that_cannot_be_sent_are_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        AccessKey("id", secret)
    assert caught.value.code == "aws_credentials"


def test_nothing_secret_is_shown() -> None:
    with serving((200, {})) as store:
        assert "canary" not in repr(client(store)) + repr(AccessKey("canary", "canary", "canary"))
