"""A Lambda function behind its Function URL or an HTTP API, called in this process.

AWS sources: "Invoking Lambda function URLs" (urls-invocation) for event and response; "Restrict
access to an AWS Lambda function URL origin" (private-content-restricting-access-to-lambda) for
origin access control: CloudFront signs every request, so that the viewer's ``Authorization`` is
replaced, and a client must send the SHA-256 of what it posts or puts, because "Lambda doesn't
support unsigned payloads".
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from signer.edge.distribution import LambdaOrigin
from signer.edge.function_file import FunctionFile, Handler
from signer.edge.origins.function_event import MAX_PAYLOAD_BYTES, event_of, response_of
from signer.edge.origins.request import OriginError, OriginRequest
from signer.edge.responses import EdgeResponse, whole

_log = logging.getLogger(__name__)

_BAD_GATEWAY, _GATEWAY_TIMEOUT = 502, 504
_FORBIDDEN, _TOO_LARGE = 403, 413
_HASH_HEADER = b"x-amz-content-sha256"
_HASH_OF_NOTHING = hashlib.sha256(b"").hexdigest()
_SIGNED_PAYLOADS = frozenset({"POST", "PUT"})
_SIGNATURE_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS "
    "Secret Access Key and signing method. Consult the service documentation for details."
)


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
        body = await _whole_body(request)
        if len(body) > MAX_PAYLOAD_BYTES:
            return _refusal(_TOO_LARGE, "RequestEntityTooLargeException", "Request is too large.")
        if self._origin.is_signed:
            if not _payload_is_signed(request, body):
                return _refusal(_FORBIDDEN, "InvalidSignatureException", _SIGNATURE_MISMATCH)
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


async def _whole_body(request: OriginRequest) -> bytes:
    """Read the body, but no more than shows that it is too large."""
    body = bytearray()
    if request.body is not None:
        async for chunk in request.body:
            body += chunk
            if len(body) > MAX_PAYLOAD_BYTES:
                break
    return bytes(body)


def _payload_is_signed(request: OriginRequest, body: bytes) -> bool:
    """Tell whether the hash that CloudFront signs over is the one that Lambda computes."""
    declared = request.header(_HASH_HEADER)
    if declared is None and request.method not in _SIGNED_PAYLOADS:
        declared = _HASH_OF_NOTHING
    return declared == hashlib.sha256(body).hexdigest()


def _refusal(status: int, error_type: str, message: str) -> EdgeResponse:
    body = json.dumps({"message": message})
    return whole(status, "application/json", body, (b"x-amzn-errortype", error_type.encode()))


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
