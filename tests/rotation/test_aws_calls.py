"""How AWS is asked: whose clock is believed, and how failures are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
)

from signer.errors import RemoteError, RotationError, SignerError
from signer.rotation.aws_calls import AwsCalls, ServerTime

CANARY = "canary-5d1e"
BEFORE, DATE, AFTER = (f"Fri, 15 Jan 2027 08:00:0{second} GMT" for second in (0, 1, 2))
AT_DATE = 1_800_000_001


def dated(date: object) -> dict[str, Any]:
    return {"ResponseMetadata": {"HTTPHeaders": {"date": date}}}


def client_error(code: str, date: str = DATE) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": CANARY}, **dated(date)}
    return ClientError(answer, "Operation")


class Client:
    """Answers, or raises."""

    def __init__(self, answer: Mapping[str, Any] | Exception) -> None:
        self._answer = answer
        self.asked: list[dict[str, object]] = []

    def get_key_group(self, **members: object) -> Mapping[str, Any]:
        self.asked.append(members)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def test_until_aws_tells_the_time_it_is_this_machines() -> None:
    server_time = ServerTime(lambda: 12.9)
    assert server_time.now() == 12
    server_time.see(dated(DATE))
    assert server_time.now() == AT_DATE


def test_time_never_goes_back() -> None:
    server_time = ServerTime(lambda: 12)
    for date, now in ((DATE, AT_DATE), (BEFORE, AT_DATE), (AFTER, AT_DATE + 1)):
        server_time.see(dated(date))
        assert server_time.now() == now


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"ResponseMetadata": None},
        {"ResponseMetadata": {"HTTPHeaders": {}}},
        *map(dated, ["", "now", None, 5, "Fri, 99 Jan 2027 08:00:01 GMT"]),
        *map(dated, ["Fri, 15 Jan 99999999 08:00:01 GMT", "Fri, 15 Jan 2027 08:00:01 +99999999"]),
    ],
)
def test_an_answer_without_a_usable_date_is_passed_over(answer: dict[str, Any]) -> None:
    server_time = ServerTime(lambda: 12)
    server_time.see(answer)
    assert server_time.now() == 12


def test_members_that_are_none_are_left_out() -> None:
    client = Client({"a": 1})
    ask = AwsCalls(client, "cloudfront", ServerTime())
    assert ask("get_key_group", Id="x", Marker=None) == {"a": 1}
    assert client.asked == [{"Id": "x"}]


FAILURES: list[tuple[Exception, type[SignerError], str]] = [
    (client_error("PreconditionFailed"), RemoteError, "PreconditionFailed"),
    (client_error("Throttling"), RemoteError, "Throttling"),
    (client_error(f"{CANARY} x"), RemoteError, "ClientError"),
    (client_error("AccessDenied"), RotationError, "AccessDenied"),
    (client_error("AccessDeniedException"), RotationError, "AccessDeniedException"),
    (client_error("ExpiredToken"), RotationError, "ExpiredToken"),
    (NoCredentialsError(), RotationError, "NoCredentialsError"),
    (EndpointConnectionError(endpoint_url=CANARY), RemoteError, "EndpointConnectionError"),
    (ParamValidationError(report=CANARY), RemoteError, "ParamValidationError"),
    (RemoteError("aws_error", CANARY, error="NoSuchResource"), RemoteError, "NoSuchResource"),
    (RemoteError("remote_timeout", CANARY), RemoteError, "remote_timeout"),
    (RuntimeError(CANARY), RemoteError, "unexpected RuntimeError"),
]


@pytest.mark.parametrize(
    ("failure", "kind", "name"), FAILURES, ids=[f"{i}-{one[2]}" for i, one in enumerate(FAILURES)]
)
def test_failures_are_told_by_their_names_alone(
    failure: Exception, kind: type[SignerError], name: str
) -> None:
    ask = AwsCalls(Client(failure), "cloudfront", ServerTime())
    with pytest.raises(kind) as caught:
        ask("get_key_group", Id=CANARY)
    error = caught.value
    assert error.code == ("aws_denied" if kind is RotationError else "aws_error")
    assert error.evidence == {"error": name, "action": "cloudfront:GetKeyGroup"}
    assert error.__context__ is None
    assert error.__cause__ is None
    assert CANARY not in f"{error!r} {error} {dict(error.evidence)}"
    assert "cloudfront:GetKeyGroup" in str(error)


def test_a_refusal_tells_the_time_too() -> None:
    server_time = ServerTime(lambda: 12)
    ask = AwsCalls(Client(client_error("NoSuchResource")), "cloudfront", server_time)
    assert ask.unless(("NoSuchResource",), "get_key_group") is None
    assert server_time.now() == AT_DATE


def test_only_the_errors_that_were_named_are_answers() -> None:
    ask = AwsCalls(Client(client_error("NoSuchResource")), "cloudfront", ServerTime())
    assert ask.outcome(("Other", "NoSuchResource"), "get_key_group") == "NoSuchResource"
    for call in (ask.unless, ask.outcome):
        with pytest.raises(RemoteError, match="NoSuchResource"):
            call(("Other",), "get_key_group")
    assert AwsCalls(Client({}), "x", ServerTime()).outcome((), "get_key_group") == ""


def test_an_end_of_the_program_is_no_failure_of_aws() -> None:
    class Stopped(Client):
        def get_key_group(self, **_: object) -> Mapping[str, Any]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        AwsCalls(Stopped({}), "cloudfront", ServerTime())("get_key_group")


def test_where_there_are_no_credentials_no_role_is_blamed() -> None:
    ask = AwsCalls(Client(NoCredentialsError()), "cloudfront", ServerTime())
    with pytest.raises(RotationError) as caught:
        ask("get_key_group")
    assert caught.value.code == "aws_denied"
    assert caught.value.advice.startswith("set AWS_PROFILE or AWS_ACCESS_KEY_ID")
