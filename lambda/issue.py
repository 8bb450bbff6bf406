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
from urllib.parse import urlencode

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import (
    ALBResolver,
    APIGatewayHttpResolver,
    APIGatewayRestResolver,
    LambdaFunctionUrlResolver,
    Response,
)
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.shared.cookies import Cookie

from signer.aws_json import JsonClient
from signer.errors import RequestError, SignerError
from signer.service import Reply, Request, Service, Settings, problem

Handler = Callable[[Any, Any], dict[str, Any]]
Resolver = ALBResolver | APIGatewayHttpResolver | APIGatewayRestResolver | LambdaFunctionUrlResolver

RESOLVERS: Final[Mapping[str, type[Resolver]]] = {
    "function_url": LambdaFunctionUrlResolver,
    "http_api": APIGatewayHttpResolver,
    "rest_api": APIGatewayRestResolver,
    "alb": ALBResolver,
}
METHODS: Final = ["GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"]
SERVICE: Final = "issuer"
NAMESPACE: Final = "CloudFrontIssuer"
_SERVER_ERROR: Final = 500


class Line(Cookie):
    """A ``Set-Cookie`` value that is complete: Powertools only puts it where it belongs."""

    def __init__(self, line: str) -> None:
        """Keep the line; name and value are Powertools' own concern."""
        super().__init__(name="", value="")
        self._line = line

    def __str__(self) -> str:
        """Return the line as it is."""
        return self._line


def build(environ: Mapping[str, str]) -> Handler:
    """Return a handler for the settings in an environment.

    Raises:
        ConfigurationError: A setting is wrong; the message names the variable.
        GrantError: The grants table is wrong; the message names the line.
    """
    settings = Settings.from_environment(environ)
    service = Service(settings, client_for=_clients(environ))
    if environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        # No secret may be frozen into the snapshot; each restored copy reads its own.
        _after_restore(service.forget)
    else:
        service.warm()
    logger = Logger(service=SERVICE, level=environ.get("POWERTOOLS_LOG_LEVEL", "INFO"))
    metrics = Metrics(namespace=NAMESPACE, service=SERVICE)
    resolver = RESOLVERS[settings.front_end]()

    def answer() -> Response[str]:
        started = time.perf_counter()
        request = None
        try:
            request = _request(resolver)
            reply = service.handle(request)
        except SignerError as error:
            reply = problem(error)
        _log(logger, request, reply, seconds=time.perf_counter() - started)
        _count(metrics, reply)
        body = "" if request is not None and request.method == "HEAD" else reply.body
        cookies: list[Cookie] = [Line(line) for line in reply.cookies]
        return Response(reply.status, body=body, headers=dict(reply.headers), cookies=cookies)

    resolver.route(".+", method=METHODS)(answer)

    def handle(event: Any, context: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever AWS sends
        if not _is_of(settings.front_end, event):
            message = f"the event is not one of SIGNER_FRONT_END={settings.front_end}"
            logger.error(message)
            raise RuntimeError(message)
        answered: dict[str, Any] = resolver.resolve(event, context)
        return answered

    return _traced(handle) if settings.tracing else handle


def _request(resolver: Resolver) -> Request:
    """Return the request inside the event that is being resolved.

    Raises:
        RequestError: ``front_end``: the answer's cookies could not be carried; ``body``.
    """
    event = resolver.current_event
    raw: Mapping[str, Any] = event.raw_event
    if isinstance(resolver, ALBResolver) and "multiValueHeaders" not in raw:
        raise RequestError(
            "front_end", "the load balancer's target group has multi-value headers off"
        )
    headers = {
        name.lower(): ",".join(value) if isinstance(value, list) else str(value)
        for name, value in (raw.get("multiValueHeaders") or raw.get("headers") or {}).items()
    }
    pairs = raw.get("cookies") or headers.get("cookie", "").split(";")
    cookies: dict[str, str] = {}
    for pair in pairs:
        name, _, value = str(pair).strip().partition("=")
        cookies.setdefault(name, value)
    query = raw.get("rawQueryString")
    if query is None:
        query = _query(raw, encoded=isinstance(resolver, ALBResolver))
    return Request(
        method=event.http_method.upper(),
        path=str(raw.get("rawPath") or event.path),
        query=query,
        headers=headers,
        cookies=cookies,
        body=_body(raw),
    )


def _query(raw: Mapping[str, Any], *, encoded: bool) -> str:
    """Put a query together again: a load balancer passes it encoded, a REST API decoded."""
    many = raw.get("multiValueQueryStringParameters") or {}
    pairs = [(str(name), str(value)) for name, values in many.items() for value in values]
    return "&".join(f"{n}={v}" for n, v in pairs) if encoded else urlencode(pairs)


def _body(raw: Mapping[str, Any]) -> bytes:
    body = raw.get("body") or ""
    if not raw.get("isBase64Encoded"):
        return str(body).encode("utf-8", errors="surrogatepass")
    import base64  # noqa: PLC0415 - few bodies come encoded

    try:
        return base64.b64decode(body, validate=True)
    except ValueError:
        raise RequestError("body", "the body cannot be decoded") from None


def _is_of(front_end: str, event: object) -> bool:
    """Whether an event has the form of a front end; a REST API's and a load balancer's differ."""
    if not isinstance(event, dict):
        return False
    context = event.get("requestContext")
    if not isinstance(context, dict):
        return False
    if front_end in {"function_url", "http_api"}:
        return event.get("version") == "2.0" and isinstance(context.get("http"), dict)
    return "httpMethod" in event and ("elb" in context) == (front_end == "alb")


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


def _count(metrics: Metrics, reply: Reply) -> None:
    metrics.add_metric("Requests", MetricUnit.Count, 1)
    kind = "Failed" if reply.status >= _SERVER_ERROR else "Refused" if reply.code else "Answered"
    metrics.add_metric(kind, MetricUnit.Count, 1)
    metrics.add_metric("GrantsIssued", MetricUnit.Count, len(reply.grants))
    metrics.flush_metrics()


def _clients(environ: Mapping[str, str]) -> Callable[[str], object]:
    """Use the clients that start fast, wherever a Region says that this is AWS."""
    on_aws = "AWS_REGION" in environ or "AWS_DEFAULT_REGION" in environ
    return lambda service: JsonClient(service, environ=environ) if on_aws else None


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
if "SIGNER_BASE_URL" in os.environ or "_HANDLER" in os.environ:
    handler = build(os.environ)
