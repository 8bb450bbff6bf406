"""``signer edge``: started as a person would, asked, and stopped."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.running import make_credential, refused, run

COMMAND = (sys.executable, "-m", "signer", "edge")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "a.txt").write_text("hello")
    file = tmp_path / "edge.toml"
    file.write_text(
        '[origins.m]\ntype = "folder"\npath = "media"\n[default_behavior]\norigin = "m"\n'
    )
    return file


@contextlib.contextmanager
def started(config: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [
        *COMMAND,
        "--config",
        str(config),
        "--listen",
        "0",
        "--inspector-port",
        "0",
        *arguments,
    ]
    environment = {**os.environ, "PYTHONUTF8": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> str:
    """Return the next line; of a process that has ended instead, say why."""
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    assert line.endswith("\n"), f"ended with {process.wait()}: {process.stderr.read()}"
    return line


@pytest.mark.skipif(sys.platform == "win32", reason="signals to a child differ on Windows")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_it_serves_until_it_is_stopped(config: Path, name: str) -> None:
    with started(config, "--json", "-v") as process:
        addresses: dict[str, Any] = json.loads(line_of(process))
        assert httpx.get(f"{addresses['url']}/a.txt?secret=1").text == "hello"
        line = json.loads(line_of(process))
        assert line["path"] == "/a.txt"
        assert line["status"] == 200
        assert "secret" not in json.dumps(line)
        assert httpx.get(addresses["inspector_url"]).status_code == 200
        process.send_signal(getattr(signal, name))
        output, errors = process.communicate(timeout=15)
    assert process.returncode == 0
    assert errors == "Stopped.\n"
    assert output == ""


@pytest.mark.skipif(sys.platform == "win32", reason="signals to a child differ on Windows")
def test_in_the_background_of_a_script_it_can_be_stopped(config: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # As a shell does for `command &`.
    try:
        with started(config, "--json") as process:
            signal.signal(signal.SIGINT, before)
            addresses = json.loads(line_of(process))
            process.send_signal(signal.SIGINT)
            assert httpx.get(f"{addresses['url']}/a.txt").text == "hello"
            process.send_signal(signal.SIGTERM)
            output, errors = process.communicate(timeout=15)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (process.returncode, output, errors) == (0, "", "Stopped.\n")


@pytest.mark.skipif(sys.platform == "win32", reason="signals to a child differ on Windows")
def test_plain_text(config: Path) -> None:
    with started(config, "--no-inspector", "-v") as process:
        first = line_of(process)
        assert first.startswith("Edge       http://127.0.0.1:")
        assert line_of(process) == "Ctrl-C stops it.\n"
        httpx.get(first.split()[1] + "/missing")
        assert line_of(process) == "404 GET /missing origin_404\n"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=15)


@pytest.mark.parametrize("as_json", [False, True])
def test_a_mistake_in_the_file_is_said(config: Path, as_json: bool) -> None:
    config.write_text(config.read_text() + "allowed_method = 1\n")
    answer = run("edge", "--config", str(config), *(["--json"] if as_json else []))
    assert answer.exit_code == 2
    assert answer.stdout == ""
    assert "default_behavior.allowed_method" in answer.stderr
    assert "did you mean allowed_methods?" in answer.stderr
    assert "Traceback" not in answer.output
    if as_json:
        error = json.loads(answer.stderr)["error"]
        assert error["code"] == "configuration_field"
        assert set(error) == {"code", "message", "advice"}
    else:
        assert answer.stderr.startswith("error[configuration_field]: ")


@pytest.mark.parametrize(
    "listen", ["x", "127.0.0.1:99999", "127.0.0.1:", "::1:80", "http://127.0.0.1:1"]
)
def test_addresses_that_are_none(config: Path, listen: str) -> None:
    answer = run("edge", "--config", str(config), "--listen", listen)
    assert answer.exit_code == 2
    assert "HOST:PORT" in answer.stderr


def test_other_machines_need_permission(config: Path) -> None:
    answer = run("edge", "--config", str(config), "--listen", "0.0.0.0:0")
    refused(answer, "edge_remote", exit_code=2)
    assert "other machines" in answer.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--config", "FILE", "--cloudfront", "http://127.0.0.1:1"],
        ["--config", "FILE", "--location", "far=20s"],
        ["--config", "FILE", "--poll-every", "2s"],
        ["--distribution", "E1", "--location", "far=soon"],
    ],
)
def test_options_that_do_not_go_together(config: Path, arguments: list[str]) -> None:
    given = [str(config) if one == "FILE" else one for one in arguments]
    assert run("edge", *given).exit_code == 2


@pytest.mark.parametrize("location", ["=5s", "a b=5s", "far=2d"])
def test_locations_that_are_none(location: str) -> None:
    answer = run("edge", "--distribution", "E1", "--location", location)
    refused(answer, "edge_location", exit_code=2)


def test_a_file_that_tells_what_the_api_does(config: Path) -> None:
    answer = run("edge", "--config", str(config), "--distribution", "E1")
    refused(answer, "configuration_field", exit_code=2)
    assert "default_behavior" in answer.stderr


def test_an_api_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    options = ("--cloudfront", "http://127.0.0.1:9", "--listen", "0", "--no-inspector")
    answer = run("edge", "--distribution", "E1", *options)
    refused(answer, "cloudfront_unavailable", exit_code=1)


@pytest.fixture
def template(tmp_path: Path) -> Path:
    file = tmp_path / "site.template.json"
    behavior = {"TargetOriginId": "m", "TrustedKeyGroups": [{"Fn::GetAtt": ["Ring", "Id"]}]}
    origin = {"Id": "m", "DomainName": {"Fn::GetAtt": ["Bucket", "RegionalDomainName"]}}
    config = {"DefaultCacheBehavior": behavior, "Origins": [origin]}
    site = {"Type": "AWS::CloudFront::Distribution", "Properties": {"DistributionConfig": config}}
    bucket = {"Type": "AWS::S3::Bucket"}
    ring = {"Type": "Custom::SigningKeyRing"}
    resources = {"Site": site, "Bucket": bucket, "Ring": ring}
    file.write_text(json.dumps({"Resources": resources}))
    return file


@pytest.mark.skipif(sys.platform == "win32", reason="signals to a child differ on Windows")
def test_a_template_is_served(config: Path, template: Path, tmp_path: Path) -> None:
    config.write_text('[origins.m]\ntype = "folder"\npath = "media"\n')
    key = make_credential(tmp_path)
    options = ("--template", str(template), "--key", key, "--distribution", "Site", "--json")
    with started(config, *options) as process:
        url = f"{json.loads(line_of(process))['url']}/a.txt"
        signed = run("url", url, "--key", key, "--expires-in", "5m").stdout.strip()
        answers = [httpx.get(one).status_code for one in (url, signed)]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=15)
    assert answers == [403, 200]


def test_what_a_template_does_not_tell_is_asked_for(template: Path) -> None:
    answer = run("edge", "--template", str(template))
    refused(answer, "template_incomplete", exit_code=2)
    for words in ("--key", "[key_groups.Ring]", "[origins.m]"):
        assert words in answer.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--template", "FILE", "--cloudfront", "http://127.0.0.1:1"],
        ["--template", "FILE", "--distribution", "Site", "--location", "far=20s"],
        ["--template", "FILE", "--poll-every", "2s"],
        ["--distribution", "E1", "--key", "file:x"],
    ],
)
def test_options_that_do_not_go_with_a_template(template: Path, arguments: list[str]) -> None:
    given = [str(template) if one == "FILE" else one for one in arguments]
    refused(run("edge", *given), "usage", exit_code=2)


def test_a_template_that_is_none(config: Path) -> None:
    refused(run("edge", "--template", str(config)), "template_file", exit_code=2)
