"""The Lambda functions as they are deployed: their folder, and the events of the four front ends."""

from __future__ import annotations

import base64
import importlib.util
import shutil
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent


def make_asset(folder: Path, grants: str = "") -> Path:
    """Lay the functions' files out as in their zip; third-party packages come from this environment."""
    shutil.copytree(
        ROOT / "signer", folder / "signer", ignore=shutil.ignore_patterns("__pycache__")
    )
    for file in (ROOT / "lambda").glob("*.py"):
        shutil.copy(file, folder)
    if grants:
        (folder / "grants.toml").write_text(grants, encoding="utf-8")
    return folder


def issue_module() -> ModuleType:
    """Load the issuer's own module."""
    return _module("issue")


def rotate_module() -> ModuleType:
    """Load the rotation's own module."""
    return _module("rotate")


@cache
def _module(name: str) -> ModuleType:
    """Load a function's module: an asset, whose folder is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "lambda" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def event_of(
    front_end: str,
    method: str,
    path: str,
    *,
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    cookies: tuple[str, ...] = (),
    body: str | None = None,
    binary: bool = False,
) -> dict[str, Any]:
    """Return the event that a front end makes of a request, as AWS documents each."""
    sent = {"host": "media.example.test", "accept": "*/*", **(headers or {})}
    raw = "&".join(f"{name}={value}" for name, value in (query or {}).items())
    if binary and body is not None:
        body = base64.b64encode(body.encode()).decode()
    common = {"body": body, "isBase64Encoded": binary}
    if front_end in {"function_url", "http_api"}:
        # An HTTP API decodes the path: live events in github.com/hotsock/voker/pull/8.
        path = unquote(path) if front_end == "http_api" else path
        return {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": raw,
            "headers": sent,
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "abc",
                "domainName": "abc.lambda-url.us-east-1.on.aws",
                "http": {
                    "method": method,
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                    "userAgent": "test",
                },
                "requestId": "r",
                "routeKey": "$default",
                "stage": "$default",
                "timeEpoch": 1700000000000,
            },
            **({"cookies": list(cookies)} if cookies else {}),
            **({"queryStringParameters": query} if query else {}),
            **common,
        }
    if cookies:
        sent["cookie"] = "; ".join(cookies)
    many = {name: [value] for name, value in sent.items()}
    if front_end == "rest_api":
        return {
            "resource": "/{proxy+}",
            "path": path,
            "httpMethod": method,
            "headers": sent,
            "multiValueHeaders": many,
            "queryStringParameters": query,
            "multiValueQueryStringParameters": query and {k: [v] for k, v in query.items()},
            "pathParameters": None,
            "stageVariables": None,
            "requestContext": {
                "path": path,
                "httpMethod": method,
                "requestId": "r",
                "stage": "prod",
                "identity": {"sourceIp": "127.0.0.1"},
            },
            **common,
        }
    return {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:x:y:z"}},
        "httpMethod": method,
        "path": path,
        "multiValueHeaders": many,
        "multiValueQueryStringParameters": {k: [v] for k, v in (query or {}).items()},
        **common,
        "body": body or "",
    }


def set_cookies_of(front_end: str, response: dict[str, Any]) -> list[str]:
    """Return the Set-Cookie lines of a response, from the one place where its front end reads them."""
    if front_end in {"function_url", "http_api"}:
        lines: list[str] = response.get("cookies") or []
        return lines
    found: list[str] = []
    for name, values in (response.get("multiValueHeaders") or {}).items():
        found += values if name.lower() == "set-cookie" else []
    return found
