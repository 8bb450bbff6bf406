"""From process start to first cookies, in AWS's runtime client: lambda/issue.py and a plain one.

Both get the same event with the same bearer token, read the same secret from the same server, and
fetch the same key set. Linux only, as the runtime client is.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

from benchmarks.contenders import KEY_PAIR_ID
from benchmarks.serving import BASE_URL, GRANTS, request, settings
from benchmarks.stopwatch import Rates
from signer import KeyAlgorithm, PrivateKey
from signer.credential import Credential
from tests import runtime_api
from tests.lambda_asset import make_asset, set_cookies_of
from tests.loopback_identity import AUDIENCE, IdentityProvider, identity_provider

_EMPTY = "def handler(event, context):\n    return {'statusCode': 204}\n"
_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@dataclass(frozen=True)
class _Function:
    root: Path
    handler: str
    environment: Mapping[str, str]
    cookies: int


class ColdStarts:
    """Functions that are started again and again, and the servers that they ask."""

    def __init__(self, functions: Mapping[str, _Function], provider: IdentityProvider) -> None:
        """Start every function once, so that everything is compiled, and check its answer."""
        self._functions = functions
        self._provider = provider
        for function in functions.values():
            self._once(function)

    def milliseconds(self, times: int) -> Rates:
        """Start the functions in turn, and take the medians of the wall clock."""
        samples: dict[str, list[float]] = {}
        for _ in range(times):
            for name, function in self._functions.items():
                samples.setdefault(f"cold.{name}", []).append(self._once(function) * 1000)
        return {name: median(values) for name, values in samples.items()}

    def _once(self, function: _Function) -> float:
        event = request(self._provider, "acme")
        started = time.perf_counter()
        with runtime_api.running(function.root, function.handler, function.environment) as runtime:
            outcome = runtime.invoke(event)
            seconds = time.perf_counter() - started
            assert outcome.kind == "response", (outcome, runtime.log())
        answer = outcome.payload
        assert answer["statusCode"] in {200, 204}, answer
        assert len(set_cookies_of("function_url", answer)) >= function.cookies, answer
        return seconds


@contextlib.contextmanager
def cold_starts(folder: Path) -> Iterator[ColdStarts | None]:
    """Prepare everything in a folder; None where AWS's runtime client does not run."""
    if sys.platform != "linux":
        yield None
        return
    key = PrivateKey.generate(KeyAlgorithm.RSA_2048)
    document = Credential(kid="bench", key_pair_id=KEY_PAIR_ID, private_key=key).to_json()
    with identity_provider() as provider, _secrets_manager(document) as endpoint_url:
        shared = {
            **_CREDENTIALS,
            "AWS_ENDPOINT_URL": endpoint_url,
            # What is compiled once is found by the next start, as in a deployed package.
            "PYTHONPYCACHEPREFIX": str(folder / "compiled"),
        }
        functions = {
            "nothing": _Function(_written(folder / "nothing", _EMPTY), "issue.handler", shared, 0),
            "plain": _Function(
                _copied(folder / "plain"), "plain_issue.handler", shared | _plain(provider), 3
            ),
            "issuer": _Function(
                make_asset(_made(folder / "issuer"), GRANTS),
                "issue.handler",
                shared | settings(provider, "secretsmanager:issuer", "file:grants.toml"),
                3,
            ),
        }
        yield ColdStarts(functions, provider)


def _plain(provider: IdentityProvider) -> dict[str, str]:
    return {
        "BASE_URL": BASE_URL,
        "OIDC_ISSUER": provider.url,
        "AUDIENCE": AUDIENCE,
        "JWKS_URL": f"{provider.url}/keys",
        "SECRET_ID": "issuer",
    }


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _written(folder: Path, source: str) -> Path:
    (_made(folder) / "issue.py").write_text(source, encoding="utf-8")
    return folder


def _copied(folder: Path) -> Path:
    shutil.copy(Path(__file__).with_name("plain_issue.py"), _made(folder))
    return folder


@contextlib.contextmanager
def _secrets_manager(document: str) -> Iterator[str]:
    """Answer GetSecretValue with one secret, whoever asks."""
    answer = json.dumps(
        {
            "ARN": "arn:aws:secretsmanager:us-east-1:000000000000:secret:issuer-abcdef",
            "Name": "issuer",
            "SecretString": document,
            "VersionId": "00000000-0000-0000-0000-000000000001",
            "VersionStages": ["AWSCURRENT"],
            "CreatedDate": 1700000000.0,
        }
    ).encode()

    class Secrets(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Secrets)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
