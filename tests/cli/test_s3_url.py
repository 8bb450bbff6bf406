"""`signer s3-url`."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from click.testing import Result

from tests.cli.running import refused, run
from tests.s3.sigv4 import sent_signature, signature_of

ACCESS_KEY_ID = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
WHERE = ("--bucket", "private-media", "--region", "eu-central-1", "--expires-in", "5m")
UPLOAD = ("--upload", "--content-type", "image/png", "--content-length", "5")
Command = Callable[..., Result]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str | None]:
    """Credentials of this test, and no other configuration."""
    return {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        **dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_SESSION_TOKEN")),
        **dict.fromkeys(("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_CREDENTIAL_EXPIRATION")),
    }


@pytest.fixture
def s3_url(environment: dict[str, Any]) -> Command:
    def call(*arguments: str, text: str = "", **changes: str | None) -> Result:
        env: dict[str, Any] = {**environment, **changes}
        return run("s3-url", *arguments, env=env, text=text)

    return call


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def test_urls_are_alone_on_standard_output(s3_url: Command) -> None:
    result = s3_url("films/a b.mp4", "films/ü+%.mp4", *WHERE)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    first, second = result.stdout.splitlines()
    host = "https://private-media.s3.eu-central-1.amazonaws.com"
    assert first.startswith(f"{host}/films/a%20b.mp4?X-Amz-Algorithm=AWS4-HMAC-SHA256&")
    assert second.startswith(f"{host}/films/%C3%BC%2B%25.mp4?X-Amz-Algorithm=")
    for url in (first, second):
        assert signature_of("GET", url, SECRET) == sent_signature(url)
        assert query_of(url)["X-Amz-Expires"] == "300"


def test_keys_may_come_from_standard_input(s3_url: Command) -> None:
    result = s3_url("first", "-", *WHERE, text="second\n\n third \n")
    assert [urlsplit(url).path for url in result.stdout.split()] == ["/first", "/second", "/third"]
    nothing = s3_url("-", *WHERE)
    assert (nothing.exit_code, nothing.stdout) == (0, "")


def test_json_says_until_when_and_with_what(s3_url: Command) -> None:
    before = int(time.time())
    document = json.loads(s3_url("a", *WHERE, "--json").stdout)
    (entry,) = document["urls"]
    assert document["bucket"] == "private-media"
    assert (entry["key"], entry["method"], entry["headers"]) == ("a", "GET", {})
    assert before + 300 <= entry["expires_at"] <= int(time.time()) + 300
    (entry,) = json.loads(s3_url("a", *WHERE, *UPLOAD, "--json").stdout)["urls"]
    headers = {"content-type": "image/png", "content-length": "5", "if-none-match": "*"}
    assert (entry["method"], entry["headers"]) == ("PUT", headers)
    assert signature_of("PUT", entry["url"], SECRET, headers) == sent_signature(entry["url"])


def test_an_upload_may_replace_an_object_when_asked(s3_url: Command) -> None:
    url = s3_url("a", *WHERE, *UPLOAD, "--overwrite").stdout.strip()
    assert query_of(url)["X-Amz-SignedHeaders"] == "content-length;content-type;host"


def test_what_a_browser_is_told(s3_url: Command) -> None:
    given = ("--download-as", "Grüße.txt", "--content-type", "text/plain")
    query = query_of(s3_url("a", *WHERE, *given).stdout.strip())
    assert query["response-content-type"] == "text/plain"
    assert (
        query["response-content-disposition"] == "attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe.txt"
    )


def test_another_server_is_addressed_by_path(s3_url: Command) -> None:
    url = s3_url("a", *WHERE, "--endpoint-url", "http://127.0.0.1:9000").stdout
    assert url.startswith("http://127.0.0.1:9000/private-media/a?")


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        (("good", "../a", *WHERE), "url_dot_segment", 1),
        (("/a", *WHERE), "object_key_segment", 1),
        (("", *WHERE), "object_key_empty", 1),
        (("a", *WHERE[:4], "--expires-in", "8d"), "time_lifetime", 1),
        (("a", *WHERE[:4], "--expires-in", "0"), "time_past", 1),
        (("a", *WHERE, "--download-as", "a/b"), "download_as", 1),
        (("a", *WHERE, "--content-type", "nonsense"), "content_type", 1),
        (("a", *WHERE, *UPLOAD[:4], "5368709121"), "content_length", 1),
        (("a", "--bucket", "No_Bucket", *WHERE[2:]), "s3_bucket", 2),
        (("a", "--bucket", "media", "--region", "EU", "--expires-in", "1m"), "s3_region", 2),
        (("a", "--bucket", "media", "--expires-in", "1m"), "s3_region", 2),
        (("a", *WHERE, "--endpoint-url", "http://s3.example.com"), "s3_endpoint", 2),
        (
            ("a", *WHERE, "--upload", "--content-type", "*/*", "--content-length", "1"),
            "s3_uploads",
            2,
        ),
        (("a", *WHERE, "--upload"), "usage", 2),
        (("a", *WHERE, *UPLOAD[:3]), "usage", 2),
        (("a", "b", *WHERE, *UPLOAD), "usage", 2),
        (("a", *WHERE, *UPLOAD, "--download-as", "x"), "usage", 2),
        (("a", *WHERE, "--overwrite"), "usage", 2),
        (("a", *WHERE, "--content-length", "5"), "usage", 2),
        (("a", *WHERE[:4]), "usage", 2),
        (WHERE, "usage", 2),
        (("a", *WHERE[2:]), "usage", 2),
    ],
)
def test_refusals(s3_url: Command, arguments: tuple[str, ...], code: str, exit_code: int) -> None:
    refused(s3_url(*arguments), code, exit_code=exit_code)


def test_no_credentials_is_a_refusal(s3_url: Command) -> None:
    result = s3_url("a", *WHERE, AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
    refused(result, "s3_credentials")
    assert "AWS_PROFILE" in result.stderr


def test_it_warns_when_the_credentials_end_earlier(s3_url: Command) -> None:
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    given = {"AWS_SESSION_TOKEN": "token", "AWS_CREDENTIAL_EXPIRATION": end}
    result = s3_url("a", *WHERE[:4], "--expires-in", "2h", **given)
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith("warning: the credentials end before that")
    assert 3500 < int(query_of(result.stdout.strip())["X-Amz-Expires"]) <= 3600
    assert s3_url("a", *WHERE[:4], "--expires-in", "30m", **given).stderr == ""


def test_errors_show_no_credentials(s3_url: Command) -> None:
    for arguments in (("../a", *WHERE), ("a", *WHERE, "--content-type", "x")):
        for more in ((), ("--json",)):
            result = s3_url(*arguments, *more)
            assert result.exit_code == 1
            assert SECRET not in result.output
            assert ACCESS_KEY_ID not in result.output


def test_nothing_is_connected_to(s3_url: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **_: attempts.append(given))
    assert s3_url("a", *WHERE).exit_code == 0
    assert attempts == []


def test_a_missing_library_is_named_with_its_extras(environment: dict[str, Any]) -> None:
    code = (
        "import sys; sys.modules['botocore'] = None\n"
        "from signer.cli import main\n"
        "sys.argv[0] = 'signer'; main()"
    )
    command = [sys.executable, "-c", code, "s3-url", "a", *WHERE]
    env = {name: value for name, value in environment.items() if value}
    done = subprocess.run(command, capture_output=True, check=False, text=True, env=env)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith("error[extra_missing]: signer s3-url needs botocore")
    assert "pip install 'cloudfront-issuer[cli,aws]'" in done.stderr
