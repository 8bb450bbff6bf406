"""A function behind the edge: access control, failures, time, and functions in files."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from signer.edge import Behavior, Distribution, EdgeApp, FunctionFile, LambdaOrigin
from signer.edge.origins.function_event import MAX_PAYLOAD_BYTES
from signer.errors import ConfigurationError
from tests.edge.functions import Function, app_of
from tests.edge.serving import ask, running

NOTHING = hashlib.sha256(b"").hexdigest()


def signed(body: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-length", str(len(body)).encode()),
        (b"x-amz-content-sha256", hashlib.sha256(body).hexdigest().encode()),
    ]


def test_cookies_only_where_the_behavior_forwards_them() -> None:
    function = Function()
    site = Distribution(
        origins={"function": LambdaOrigin(function)},
        default_behavior=Behavior(origin="function"),
    )
    ask(EdgeApp(site), "/", headers=[(b"cookie", b"a=1")])
    assert "cookies" not in function.events[0]


def test_the_context_is_lambdas() -> None:
    function = Function()
    ask(app_of(function, read_timeout=5)[0], "/")
    context = function.contexts[0]
    assert context.aws_request_id == function.events[0]["requestContext"]["requestId"]
    assert 0 < context.get_remaining_time_in_millis() <= 5000
    assert context.function_name
    assert context.memory_limit_in_mb


# --- Origin access control. ---------------------------------------------------------------------


@pytest.mark.parametrize(("control", "seen"), [(True, False), (False, True)])
def test_access_control_replaces_the_viewers_authorization(*, control: bool, seen: bool) -> None:
    function = Function()
    app, _ = app_of(function, origin_access_control=control)
    ask(app, "/", headers=[(b"authorization", b"Bearer x"), (b"x-issuer-token", b"y")])
    assert ("authorization" in function.events[0]["headers"]) is seen
    assert function.events[0]["headers"]["x-issuer-token"] == "y"


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("body", [b"", b'{"a":1}'])
def test_a_body_needs_its_hash(method: str, body: bytes) -> None:
    function = Function("done")
    app, _ = app_of(function)
    length = [(b"content-length", str(len(body)).encode())]
    wrong = [*length, (b"x-amz-content-sha256", hashlib.sha256(b"other").hexdigest().encode())]
    for headers in (length, wrong):
        refused = ask(app_of(function)[0], "/", method=method, headers=headers, body=body)
        assert refused.status == 403
        assert refused.header("x-amzn-errortype") == "InvalidSignatureException"
        assert b"does not match the signature you provided" in refused.body
    assert function.events == []
    assert ask(app, "/", method=method, headers=signed(body), body=body).status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE", "PATCH"])
def test_other_methods_need_no_hash_without_a_body(method: str) -> None:
    assert ask(app_of(Function("done"))[0], "/", method=method).status == 200


def test_a_hash_that_is_sent_is_signed_whatever_the_method() -> None:
    headers = [(b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD")]
    assert ask(app_of(Function())[0], "/", headers=headers).status == 403
    headers = [(b"x-amz-content-sha256", NOTHING.encode())]
    assert ask(app_of(Function())[0], "/", headers=headers).status == 200
    body = b"x"
    headers = [(b"content-length", b"1")]
    assert ask(app_of(Function())[0], "/", method="PATCH", headers=headers, body=body).status == 403


def test_without_access_control_nothing_is_asked_for() -> None:
    app, _ = app_of(Function("done"), origin_access_control=False)
    assert (
        ask(app, "/", method="POST", headers=[(b"content-length", b"1")], body=b"x").status == 200
    )


def test_a_body_may_be_as_large_as_an_event() -> None:
    body = b"x" * (MAX_PAYLOAD_BYTES + 1)
    function = Function("done")
    answer = ask(app_of(function)[0], "/", method="POST", headers=signed(body), body=body)
    assert answer.status == 413
    assert function.events == []
    body = body[1:]
    answer = ask(app_of(function)[0], "/", method="POST", headers=signed(body), body=body)
    assert answer.status == 200


def test_a_function_that_raises_is_502(caplog: pytest.LogCaptureFixture) -> None:
    def handler(_event: object, _context: object) -> object:
        raise RuntimeError("why")

    app, exchanges = app_of(handler)
    answer = ask(app, "/")
    assert answer.status == 502
    assert b"why" not in answer.body
    assert exchanges[0].failure == "The function raised RuntimeError"
    assert "why" in caplog.text


# --- Time and threads. --------------------------------------------------------------------------


def test_a_slow_function_is_504_and_holds_nobody_up() -> None:
    released = threading.Event()

    def handler(event: dict[str, Any], _context: object) -> object:
        if event["rawPath"] == "/slow":
            released.wait(20)
        return event["rawPath"]

    site = Distribution(
        origins={"function": LambdaOrigin(handler, read_timeout=0.3)},
        default_behavior=Behavior(origin="function"),
    )
    try:
        with running(site, inspector_port=None) as server:
            assert httpx.get(f"{server.url}/slow", timeout=10).status_code == 504
            assert httpx.get(f"{server.url}/fast", timeout=10).text == '"/fast"'
    finally:
        released.set()


def test_events_come_one_at_a_time() -> None:
    active, most = 0, 0

    def handler(_event: object, _context: object) -> object:
        nonlocal active, most
        active += 1
        most = max(most, active)
        time.sleep(0.02)
        active -= 1
        return "done"

    site = Distribution(
        origins={"function": LambdaOrigin(handler)}, default_behavior=Behavior(origin="function")
    )
    with running(site, inspector_port=None) as server:

        def get(statuses: list[int]) -> None:
            statuses.append(httpx.get(server.url, timeout=10).status_code)

        statuses: list[int] = []
        threads = [threading.Thread(target=get, args=(statuses,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert statuses == [200] * 6
    assert most == 1


# --- Functions in files. ------------------------------------------------------------------------

SOURCE = """
import os
from dataclasses import dataclass
from beside_function import WORD

@dataclass
class Kept:
    name: str = os.environ["FUNCTION_NAME_FOR_TEST"]

def handler(event, context):
    return Kept().name + WORD + event["rawPath"]
"""
TOML = """
[origins.issuer]
type = "lambda"
handler = "functions/shown.py:handler"
origin_access_control = false
read_timeout = 4
domain_name = "abc.lambda-url.eu-central-1.on.aws"
[origins.issuer.environment]
FUNCTION_NAME_FOR_TEST = "from the file"
[default_behavior]
origin = "issuer"
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.setattr(sys, "path", sys.path.copy())
    monkeypatch.setattr(sys, "modules", sys.modules.copy())
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "shown.py").write_text(SOURCE)
    (tmp_path / "functions" / "beside_function.py").write_text('WORD = " at "')
    return tmp_path / "edge.toml"


def read(file: Path, text: str) -> Distribution:
    file.write_text(text, encoding="utf-8")
    return Distribution.from_toml(file)


def test_a_configuration_file_names_file_function_and_variables(file: Path) -> None:
    site = read(file, TOML)
    origin = site.origins["issuer"]
    path = file.parent / "functions" / "shown.py"
    assert origin == LambdaOrigin(
        FunctionFile(path, "handler", {"FUNCTION_NAME_FOR_TEST": "from the file"}),
        origin_access_control=False,
        read_timeout=4,
        domain_name="abc.lambda-url.eu-central-1.on.aws",
    )
    assert "from the file" not in repr(origin)
    assert "FUNCTION_NAME_FOR_TEST" not in os.environ, "reading a file changes nothing"
    assert ask(EdgeApp(site), "/x").body == b'"from the file at /x"'


@pytest.mark.parametrize(
    ("old", "new", "field", "words"),
    [
        ("shown.py:handler", "missing.py:handler", "origins.issuer.handler", "Python file"),
        ("shown.py:handler", "shown.py", "origins.issuer.handler", "issue.py:handler"),
        ("shown.py:handler", "shown.py:", "origins.issuer.handler", "issue.py:handler"),
        ("handler =", "handlr =", "origins.issuer.handler", "is missing"),
        ('"from the file"', "3", "origins.issuer.environment.FUNCTION_NAME_FOR_TEST", "a string"),
        ("read_timeout = 4", "read_timeout = 0", "origins.issuer.read_timeout", "between 0 and"),
        ('"abc.lambda', '"a b.lambda', "origins.issuer.domain_name", "is not a host name"),
    ],
)
def test_mistakes_name_the_field(file: Path, old: str, new: str, field: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(file, TOML.replace(old, new))
    assert str(caught.value).startswith(f"{file}: {field}")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("x = 1", "has no such function"),
        ("handler = 1", "has no such function"),
        ("raise RuntimeError('secret')", r"fails when it is imported \(RuntimeError\)"),
        ("no python here", r"fails when it is imported \(SyntaxError\)"),
    ],
)
def test_a_file_that_cannot_be_loaded_stops_the_edge(file: Path, source: str, words: str) -> None:
    (file.parent / "functions" / "shown.py").write_text(source)
    site = read(file, TOML)
    with pytest.raises(ConfigurationError, match=words) as caught:
        EdgeApp(site)
    assert caught.value.code == "lambda_handler"
    assert "secret" not in str(caught.value)


def test_the_functions_own_configuration_error_is_passed_on(file: Path) -> None:
    (file.parent / "functions" / "shown.py").write_text(
        "from signer.errors import ConfigurationError\n"
        "raise ConfigurationError('setting', 'SIGNER_BASE_URL is missing')"
    )
    with pytest.raises(ConfigurationError, match="SIGNER_BASE_URL is missing"):
        EdgeApp(read(file, TOML))


def test_two_functions_agree_about_their_variables(file: Path) -> None:
    function = FunctionFile(file, "handler", {"A": "1", "B": "secret"})
    other = FunctionFile(file, "handler", {"A": "1", "B": "other"})
    with pytest.raises(ConfigurationError) as caught:
        Distribution(
            origins={"one": LambdaOrigin(function), "two": LambdaOrigin(other)},
            default_behavior=Behavior(origin="one"),
        )
    assert caught.value.evidence["field"] == "origins.two.environment.B"
    assert "secret" not in str(caught.value)
