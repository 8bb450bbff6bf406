"""What invokes a Lambda function over HTTP: events into requests, replies into answers.

AWS sources: "Invoking Lambda function URLs" (urls-invocation) and "Working with AWS Lambda proxy
integrations for HTTP APIs" (http-api-develop-integrations-lambda) for payload format 2.0; "Set up
Lambda proxy integrations in API Gateway" (set-up-lambda-proxy-integrations) for REST APIs; "Use
Lambda functions as targets of an Application Load Balancer" (lambda-functions) for load balancers.

There is no router here, since the service has one, and no framework, since importing one takes
longer than everything else that the function imports of its own (decision 0009).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlencode

from signer.errors import RequestError
from signer.service.messages import Reply, Request
from signer.service.settings import FrontEnd

_FORMAT_2: Final = frozenset({"function_url", "http_api"})
_WHOLE_API: Final = "$default"


def is_event_of(front_end: FrontEnd, event: object) -> bool:
    """Tell whether an event has the form of a front end's."""
    if not isinstance(event, dict):
        return False
    context = event.get("requestContext")
    if not isinstance(context, dict):
        return False
    if front_end in _FORMAT_2:
        return event.get("version") == "2.0" and isinstance(context.get("http"), dict)
    return "httpMethod" in event and ("elb" in context) == (front_end == "alb")


def request_of(front_end: FrontEnd, event: Mapping[str, Any]) -> Request:
    """Return the request inside an event of that form.

    Raises:
        RequestError: ``front_end``: the answer's cookies could not be carried; ``body``.
    """
    if front_end == "alb" and "multiValueHeaders" not in event:
        raise RequestError(
            "front_end", "the load balancer's target group has multi-value headers off"
        )
    many = event.get("multiValueHeaders") or {
        name: [value] for name, value in (event.get("headers") or {}).items()
    }
    fields: dict[str, list[str]] = {}
    for name, values in many.items():
        fields.setdefault(name.lower(), []).extend(map(str, values))
    # A browser may send cookies in several fields of HTTP/2, which no comma may join.
    cookies = ";".join(fields.get("cookie", [])).split(";")
    return Request(
        method=_method(front_end, event).upper(),
        path=_path(front_end, event),
        query=_query(front_end, event),
        headers={name: ",".join(values) for name, values in fields.items()},
        cookies=_cookies(event.get("cookies") or cookies),
        body=_body(event),
    )


def answer_of(front_end: FrontEnd, event: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    """Return what the front end makes a response of; several cookies stand where it reads them."""
    head = _method(front_end, event).upper() == "HEAD"
    answer: dict[str, Any] = {
        "statusCode": reply.status,
        "body": "" if head else reply.body,
        "isBase64Encoded": False,
    }
    if front_end in _FORMAT_2:
        return {**answer, "headers": dict(reply.headers), "cookies": list(reply.cookies)}
    if front_end == "alb":
        status = HTTPStatus(reply.status)
        answer["statusDescription"] = f"{status.value} {status.phrase}"
        if "multiValueHeaders" not in event:
            # The refusal of request_of: there are no cookies in it.
            return {**answer, "headers": dict(reply.headers)}
    many = {name: [value] for name, value in reply.headers.items()}
    if reply.cookies:
        many["Set-Cookie"] = list(reply.cookies)
    return {**answer, "multiValueHeaders": many}


def _method(front_end: FrontEnd, event: Mapping[str, Any]) -> str:
    if front_end in _FORMAT_2:
        return str(event["requestContext"]["http"].get("method") or "")
    return str(event.get("httpMethod") or "")


def _path(front_end: FrontEnd, event: Mapping[str, Any]) -> str:
    if front_end not in _FORMAT_2:
        return str(event.get("path") or "")
    path = str(event.get("rawPath") or "")
    if front_end == "function_url":
        return path
    # An HTTP API writes the name of its stage in front, unless the stage is the default one.
    stage = event["requestContext"].get("stage") or _WHOLE_API
    if stage != _WHOLE_API and path.startswith(f"/{stage}/"):
        path = path[len(stage) + 1 :]
    # And it decodes the path, which AWS does not say; live events: github.com/hotsock/voker/pull/8.
    return quote(path, safe="/!$&'()*+,;=:@~", errors="surrogatepass")


def _query(front_end: FrontEnd, event: Mapping[str, Any]) -> str:
    """Put a query together again: a load balancer passes it encoded, a REST API decoded."""
    if front_end in _FORMAT_2:
        return str(event.get("rawQueryString") or "")
    many = event.get("multiValueQueryStringParameters") or {}
    pairs = [(str(name), str(value)) for name, values in many.items() for value in values]
    if front_end == "alb":
        return "&".join(f"{name}={value}" for name, value in pairs)
    return urlencode(pairs, errors="surrogatepass")


def _cookies(pairs: list[str]) -> dict[str, str]:
    """Return name and value of each cookie, of a repeated name the first.

    A sibling host can set a cookie whose name is ours but for a kind of white space that browsers
    take for a letter: nothing but the space and tab of RFC 6265 is removed here. If one of ours is
    there twice all the same, one of the two is forged, and neither counts.
    """
    cookies: dict[str, str] = {}
    forged = set[str]()
    for pair in pairs:
        name, _, value = str(pair).strip(" \t").partition("=")
        if not name and not value:
            continue
        if name in cookies and name.startswith("__Host-"):
            forged.add(name)
        cookies.setdefault(name, value)
    return {name: value for name, value in cookies.items() if name not in forged}


def _body(event: Mapping[str, Any]) -> bytes:
    body = str(event.get("body") or "")
    if not event.get("isBase64Encoded"):
        return body.encode("utf-8", errors="surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:
        raise RequestError("body", "the body cannot be decoded") from None
