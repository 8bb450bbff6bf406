"""The issuer as a Lambda function: AWS's events in, AWS's answers out.

Everything that decides is in :mod:`signer.service`; here are the four front ends, one log line and
a few metrics a request. docs/issuer.md describes settings and routes.

The function's handler is ``issue.handler``. A laptop makes one for other settings with ``build``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from signer.aws_json import JsonClient
from signer.custody import read_secret_text
from signer.errors import SignerError
from signer.service import Reply, Request, Service, Settings, problem
from signer.service.front_ends import answer_of, is_event_of, request_of
from signer.service.settings import wrong_setting

Handler = Callable[[Any, Any], dict[str, Any]]

METHODS: Final = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
SERVICE: Final = "issuer"
BASE_URL: Final = "SIGNER_BASE_URL"
NAMESPACE: Final = "CloudFrontIssuer"
_SERVER_ERROR: Final = 500


def build(environ: Mapping[str, str]) -> Handler:
    """Return a handler for the settings in an environment.

    Raises:
        ConfigurationError: A setting is wrong; the message names the variable.
        GrantError: The grants table is wrong; the message names the line.
    """
    clients = _clients(environ)
    settings = Settings.from_environment(_with_base_url(environ, clients))
    service = Service(settings, client_for=clients)
    if environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        # No secret may be frozen into the snapshot; each restored copy reads its own.
        _after_restore(service.forget)
    else:
        service.warm()
    logger = Logger(service=SERVICE, level=environ.get("POWERTOOLS_LOG_LEVEL", "INFO"))
    # Apart from those of other issuers in the Region.
    function = environ.get("AWS_LAMBDA_FUNCTION_NAME") or "local"

    def handle(event: Any, _context: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever AWS sends
        started = time.perf_counter()
        if not is_event_of(settings.front_end, event):
            message = f"the event is not one of SIGNER_FRONT_END={settings.front_end}"
            logger.error(message)
            raise RuntimeError(message)
        request = None
        try:
            request = request_of(settings.front_end, event)
            reply = service.handle(request)
        except Exception as error:  # noqa: BLE001 - the last line of defence
            reply = problem(error)
        _log(logger, request, reply, seconds=time.perf_counter() - started)
        _count(reply, function)
        return answer_of(settings.front_end, event, reply)

    return _traced(handle) if settings.tracing else handle


def _log(logger: Logger, request: Request | None, reply: Reply, *, seconds: float) -> None:
    """Write the request's one line: route patterns, names and codes, nothing a client sent."""
    write = logger.error if reply.status >= _SERVER_ERROR else logger.info
    write(
        "request",
        method=request.method if request and request.method in METHODS else None,
        route=reply.route or None,
        status=reply.status,
        code=reply.code,
        cause=reply.cause,
        grants=reply.grants,
        milliseconds=round(seconds * 1000, 1),
    )


def _count(reply: Reply, function: str) -> None:
    # Of this request alone: a laptop answers several at a time.
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
    metrics.add_dimension(name="function", value=function)
    metrics.add_metric("Requests", MetricUnit.Count, 1)
    kind = "Failed" if reply.status >= _SERVER_ERROR else "Refused" if reply.code else "Answered"
    metrics.add_metric(kind, MetricUnit.Count, 1)
    metrics.add_metric("GrantsIssued", MetricUnit.Count, len(reply.grants))
    metrics.flush_metrics()


def _clients(environ: Mapping[str, str]) -> Callable[[str], object]:
    """Use the clients that start fast, wherever a Region says that this is AWS."""
    on_aws = "AWS_REGION" in environ or "AWS_DEFAULT_REGION" in environ
    return lambda service: JsonClient(service, environ=environ) if on_aws else None


def _with_base_url(
    environ: Mapping[str, str], clients: Callable[[str], object]
) -> Mapping[str, str]:
    """Read the base URL where a stack writes it once its distribution has a name."""
    place = environ.get(BASE_URL, "")
    if not place.startswith("ssm:"):
        return environ
    if environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        # The snapshot is taken before the distribution is there.
        raise wrong_setting(BASE_URL, "cannot be looked up for a snapshot")
    try:
        told = read_secret_text(place, client=clients("ssm"))
    except SignerError as error:
        raise wrong_setting(BASE_URL, f"cannot be looked up: {error.message}") from None
    return {**environ, BASE_URL: told.strip()}


def _after_restore(forget: Callable[[], None]) -> None:
    import snapshot_restore_py  # type: ignore[import-untyped] # noqa: PLC0415 - Lambda has it

    snapshot_restore_py.register_after_restore(forget)


def _traced(handle: Handler) -> Handler:
    from aws_lambda_powertools import Tracer  # noqa: PLC0415 - not for those who trace nothing

    # The answer has cookies and URLs in it: never a part of a trace.
    traced: Handler = Tracer(service=SERVICE, auto_patch=False).capture_lambda_handler(
        handle, capture_response=False
    )
    return traced


# Imported by a laptop for `build` alone, the module has no settings and no handler.
if BASE_URL in os.environ or "_HANDLER" in os.environ:
    handler = build(os.environ)
