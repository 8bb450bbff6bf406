"""A Lambda function behind its Function URL or an HTTP API, called in this process.

AWS source: "Invoking Lambda function URLs" (urls-invocation) for event and response.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from signer.edge.function_file import FunctionFile, Handler
from signer.edge.origin import LambdaOrigin
from signer.edge.origins.function_event import event_of, response_of
from signer.edge.origins.function_payload import refusal, whole_body
from signer.edge.origins.request import OriginError, OriginRequest
from signer.edge.responses import EdgeResponse

_log = logging.getLogger(__name__)

_BAD_GATEWAY, _GATEWAY_TIMEOUT = 502, 504


@dataclass(frozen=True, slots=True)
class FunctionContext:
    """Lambda's context object ("Using the Lambda context object", python-context)."""

    aws_request_id: str
    deadline: float
    function_name: str = "local"
    function_version: str = "$LATEST"
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:local"
    memory_limit_in_mb: str = "128"
    log_group_name: str = "/aws/lambda/local"
    log_stream_name: str = "local"
    identity: None = field(default=None)
    client_context: None = field(default=None)

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left before the edge gives up."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


class FunctionCaller:
    """Calls one function, one event at a time as an execution environment does.

    A handler may keep what it works on in its module (Powertools' resolvers do), so events wait
    for each other. A call that takes too long is left behind in its thread.
    """

    def __init__(self, origin: LambdaOrigin) -> None:
        """Load the handler.

        Raises:
            ConfigurationError: ``lambda_handler``, or what the function's file raised.
        """
        self._origin = origin
        given = origin.handler
        self._handler: Handler = given.load() if isinstance(given, FunctionFile) else given
        self._thread = _thread()

    async def fetch(self, request: OriginRequest) -> EdgeResponse:
        """Call the function; see :class:`Fetcher`."""
        body = await whole_body(request)
        refused = refusal(request, body, signed=self._origin.is_signed)
        if refused is not None:
            return refused
        if self._origin.is_signed:
            request.headers[:] = [pair for pair in request.headers if pair[0] != b"authorization"]
        request_id = str(uuid.uuid4())
        event = event_of(
            request,
            body,
            domain_name=self._origin.domain_name,
            request_id=request_id,
            signed=self._origin.is_signed,
            decoded=self._origin.front_end == "http_api",
        )
        deadline = time.monotonic() + self._origin.read_timeout
        context = FunctionContext(request_id, deadline)
        return response_of(await self._called(lambda: _invoke(self._handler, event, context)))

    async def close(self) -> None:
        """Let the thread end when its call does."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _called(self, call: Callable[[], object]) -> object:
        loop, thread = asyncio.get_running_loop(), self._thread
        try:
            return await asyncio.wait_for(
                loop.run_in_executor(thread, call), self._origin.read_timeout
            )
        except TimeoutError:
            if thread is self._thread:
                # Others may not wait behind it: Lambda, too, takes another environment.
                self._thread = _thread()
                thread.shutdown(wait=False, cancel_futures=False)
            raise OriginError(
                _GATEWAY_TIMEOUT, f"The function took longer than {self._origin.read_timeout:g} s"
            ) from None


def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="lambda")


def _invoke(handler: Handler, event: dict[str, Any], context: FunctionContext) -> object:
    """Call a handler, and pass its result through JSON as the runtime does."""
    try:
        result = handler(event, context)
    except Exception as error:  # noqa: BLE001 - Lambda answers whatever a function raises
        _log.exception("the function failed on %s", context.aws_request_id)
        raise OriginError(_BAD_GATEWAY, f"The function raised {type(error).__name__}") from None
    try:
        return json.loads(json.dumps(result))
    except (TypeError, ValueError) as error:
        raise OriginError(
            _BAD_GATEWAY, f"The function's result is not JSON ({type(error).__name__})"
        ) from None
