"""The rotation function when something fails: Lambda counts it, and nobody is told a secret."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.canaries import FAILURES
from tests.lambda_asset import rotate_module
from tests.rotation.function import Invoked, invoked, metrics_of
from tests.rotation.world import Call, World

CANARY = "canary-3f9a"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def function(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Invoked:
    return invoked(world, monkeypatch, capsys)


def test_a_tick_without_a_ring_is_an_error(function: Invoked) -> None:
    with pytest.raises(rotate_module().EventFailedError, match=r"^ring_missing: "):
        function({})
    log, emf = function.written()
    assert (log["level"], log["code"]) == ("ERROR", "ring_missing")
    assert log["advice"]
    assert metrics_of(emf) == {"FailedTicks": 1}


def test_a_missing_permission_is_named(function: Invoked, world: World) -> None:
    def deny(_service: str, method: str, _members: dict[str, Any], do: Call) -> object:
        if method == "list_public_keys":
            raise world.clock.refused("ListPublicKeys", "AccessDenied", 403)
        return do()

    world.begin()
    world.hook = deny
    with pytest.raises(RuntimeError, match=r"^aws_denied: .*cloudfront:ListPublicKeys"):
        function({})
    log, _ = function.written()
    assert (log["code"], log["advice"]) == (
        "aws_denied",
        "the role needs cloudfront:ListPublicKeys",
    )


@pytest.mark.parametrize("failure", [name for name in FAILURES if callable(FAILURES[name])])
def test_no_failure_of_aws_tells_a_secret(function: Invoked, world: World, failure: str) -> None:
    """Let every call of the ticks to come answer with an error that repeats what was sent."""
    world.begin()
    make: Callable[[str], Any] = FAILURES[failure]

    def fail(_service: str, method: str, members: dict[str, Any], do: Call) -> object:
        secret = str(members.get("SecretString", "")) or str(do())
        answer = make(secret)
        if isinstance(answer, Exception) and method in failing:
            raise answer
        return do() if method not in failing else answer

    world.checking = False
    for method in (
        "get_secret_value",
        "put_secret_value",
        "describe_secret",
        "get_item",
        "update_key_group",
    ):
        failing = {method}
        world.hook = fail
        for _ in range(6):
            with contextlib.suppress(RuntimeError):
                function({})
            world.advance(125)
        world.hook = None
        function({})
    assert function.leaks() == set()


def test_an_error_that_nobody_expected_says_where_and_not_what(
    function: Invoked, world: World
) -> None:
    def broken(*_: object) -> object:
        raise KeyError(CANARY)

    world.begin()
    world.secrets.describe_secret = broken  # type: ignore[method-assign, assignment]
    with pytest.raises(RuntimeError) as caught:
        function({})
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    log, _ = function.written()
    assert CANARY not in f"{caught.value} {log}"


def test_what_is_no_error_of_ours_says_where(
    function: Invoked, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> object:
        raise KeyError(CANARY)

    monkeypatch.setattr("signer.rotation.driver.Rotation.tick", broken)
    with pytest.raises(RuntimeError, match=r"^internal: unexpected KeyError$"):
        function({})
    log, _ = function.written()
    assert log["where"].startswith("test_rotation_function_failures.py:")
    assert CANARY not in str(log)
