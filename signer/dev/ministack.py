"""MiniStack as a child process: an AWS on loopback, gone when we are gone."""

from __future__ import annotations

import contextlib
import os
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from signer.dev.ports import free_port
from signer.errors import ConfigurationError

ACCESS_KEY_ID = "test"
SECRET_ACCESS_KEY = "test"  # noqa: S105 - MiniStack's fixed root credentials
REGION = "us-east-1"

DEMO_SERVICES: Final = "cloudfront,dynamodb,s3,secretsmanager"
"""What `signer dev` needs: a bucket, and the keys of a ring."""

STACK_SERVICES: Final = (
    "acm,apigateway,cloudformation,cloudfront,cloudtrail,cognito-idp,dynamodb,ecr,events,iam,kms,"
    "lambda,logs,monitoring,route53,s3,scheduler,secretsmanager,sns,sqs,ssm,sts,wafv2"
)
"""What the stacks of cdk/ are made of, and what the CDK's own command line asks."""

GAPS: Final = tuple(
    Path(__file__).with_name(name) for name in ("ministack_gaps_services.py", "ministack_gaps.py")
)
"""What MiniStack lacks, added to it by its own interpreter."""

# The pipe on its standard input ends when this process ends, however it ends, on every system.
_CHILD = """
import os, threading
def until_parent_ends():
    while os.read(0, 1024):
        pass
    os._exit(0)
threading.Thread(target=until_parent_ends, daemon=True).start()
import runpy, sys
import ministack.app
serve = ministack.app.app
def for_browsers(path, query, told):
    # What presigned URLs and Function URLs are for; both are checked, and neither changes anything.
    if path.startswith("/_"):
        return path.startswith("/_aws/lambda-url/")
    wanted = told.get(b"access-control-request-headers", b"").lower()
    signed = b"authorization" in told or b"authorization" in wanted or b"x-amz-target" in told
    others = b"Credential=" in query and b"%2Fs3%2F" not in query
    return path != "/" and not signed and not others
async def not_to_browsers(scope, receive, send):
    # It lets every page of the web ask it anything, and whoever asks is root: functions are run.
    told = dict(scope.get("headers", ()))
    browser = {b"sec-fetch-site", b"access-control-request-method"} & told.keys()
    if browser and not for_browsers(scope["path"], scope.get("query_string", b""), told):
        await send({"type": "http.response.start", "status": 403, "headers": []})
        await send({"type": "http.response.body", "body": b"not for browsers"})
        return
    await serve(scope, receive, send)
ministack.app.app = not_to_browsers
while len(sys.argv) > 1:
    runpy.run_path(sys.argv.pop())["close_gaps"]()
from ministack.app import main
main()
"""
_NEEDED = frozenset(
    {
        *("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH"),
        *("SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "LOCALAPPDATA", "APPDATA"),
    }
)
_STARTS = 3
_SECONDS_TO_START = 30.0
_SECONDS_TO_STOP = 3.0


@dataclass(frozen=True, slots=True)
class MiniStack:
    """A running MiniStack: where it answers and its process id."""

    endpoint_url: str
    pid: int


@dataclass(frozen=True, slots=True)
class Tls:
    """What MiniStack shows when it speaks TLS.

    Attributes:
        certificate: Its certificate and those above it (PEM), for ``localhost`` and ``127.0.0.1``.
        key: The private key of that certificate (PEM).
        ca: The certificate that signed it. Functions that run inside trust this one alone.
    """

    certificate: Path
    key: Path
    ca: Path


@dataclass(frozen=True, slots=True)
class _Settings:
    services: str
    authorize: bool
    tls: Tls | None
    variables: Mapping[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def running_ministack(
    python: Path,
    *,
    services: str = DEMO_SERVICES,
    authorize: bool = True,
    tls: Tls | None = None,
    variables: Mapping[str, str] | None = None,
) -> Iterator[MiniStack]:
    """Run MiniStack with the given interpreter; its state is removed at the end.

    With ``cloudformation`` among the services, or with TLS, it gets what :data:`GAPS` add.
    In the first case without TLS, every request counts as one that came by TLS: it is on loopback,
    and the buckets of a stack refuse what did not.

    Args:
        python: Interpreter of :func:`signer.dev.environment.ready_environment`.
        services: Which of AWS's services there are, as MiniStack calls them.
        authorize: Whether permissions are checked, and the signatures of S3's requests. Who knows
            the id of the root's key is root; so browsers are refused whatever they ask.
        tls: Speak TLS, as ``https://localhost``.
        variables: More for its environment, which functions that run inside see too.

    Raises:
        ConfigurationError: ``ministack_start`` when it does not come up.
    """
    settings = _Settings(services, authorize, tls, variables or {})
    with (
        tempfile.TemporaryDirectory(prefix="signer-dev-", ignore_cleanup_errors=True) as folder,
        contextlib.ExitStack() as stack,
    ):
        for _ in range(_STARTS):
            # A port can be snatched between choosing and binding; then another one is tried.
            child = stack.enter_context(_child(python, Path(folder), free_port(), settings))
            if child is not None:
                break
        else:
            raise ConfigurationError(
                "ministack_start",
                "MiniStack does not start",
                advice="try `signer dev --storage folder`, which does without it",
                output=_log_tail(Path(folder)),
            )
        yield child


@contextlib.contextmanager
def _child(
    python: Path, folder: Path, port: int, settings: _Settings
) -> Iterator[MiniStack | None]:
    closed = settings.tls is not None or "cloudformation" in settings.services.split(",")
    gaps = [str(file) for file in GAPS] if closed else []
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [str(python), "-I", "-X", "utf8", "-c", _CHILD, *gaps],
            cwd=folder,
            env=_environment(folder, port, settings),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for us alone; we tell the child.
            start_new_session=sys.platform != "win32",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    try:
        tls = settings.tls
        endpoint_url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
        up = _wait_until_up(process, endpoint_url, tls)
        yield MiniStack(endpoint_url, process.pid) if up else None
    finally:
        _stop(process)


def _environment(folder: Path, port: int, settings: _Settings) -> dict[str, str]:
    # What a process needs to run, and nothing of what a person has in a shell: functions see it.
    kept = {name: value for name, value in os.environ.items() if name.upper() in _NEEDED}
    secure = {}
    if settings.tls is not None:
        secure = {
            "USE_SSL": "1",
            "MINISTACK_SSL_CERT": str(settings.tls.certificate.resolve()),
            "MINISTACK_SSL_KEY": str(settings.tls.key.resolve()),
            # Functions inherit both: boto3 reads the second, and urllib, which answers
            # CloudFormation, the first.
            "SSL_CERT_FILE": str(settings.tls.ca.resolve()),
            "AWS_CA_BUNDLE": str(settings.tls.ca.resolve()),
        }
    return {
        **kept,
        **secure,
        **settings.variables,
        "GATEWAY_PORT": str(port),
        # Its default is every interface of the machine.
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        # Each is loaded when it is first asked.
        "SERVICES": settings.services,
        # Anonymous requests to a private bucket are refused, and so are unknown keys.
        "AUTH": "true" if settings.authorize else "false",
        "PERSIST_STATE": "0",
        "TMPDIR": str(folder),
        "TEMP": str(folder),
        "TMP": str(folder),
    }


def _wait_until_up(process: subprocess.Popen[bytes], endpoint_url: str, tls: Tls | None) -> bool:
    context = None if tls is None else ssl.create_default_context(cafile=tls.ca)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    deadline = time.monotonic() + _SECONDS_TO_START
    while process.poll() is None and time.monotonic() < deadline:
        with (
            contextlib.suppress(urllib.error.URLError, OSError),
            opener.open(f"{endpoint_url}/_ministack/health", timeout=2),
        ):
            return True
        time.sleep(0.05)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    # Nothing in it is worth saving: the end of its standard input ends it at once.
    with contextlib.suppress(OSError):
        if process.stdin:
            process.stdin.close()
    try:
        process.wait(_SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _log_tail(folder: Path) -> str:
    lines = (folder / "log").read_text("utf-8", errors="replace").splitlines()
    return "\n".join(lines[-10:])
