"""Lambda's Runtime API, and AWS's own runtime client (awslambdaric) working against it.

AWS source: "Using the Lambda runtime API for custom runtimes" (runtimes-api).
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

_PREFIX = "/2018-06-01/runtime/"
_ARN = "arn:aws:lambda:us-east-1:000000000000:function:issuer"
_SECONDS_TO_ANSWER = 30.0


@dataclass(frozen=True)
class Outcome:
    """What the runtime client reported: ``response``, ``error`` or ``init/error``."""

    kind: str
    payload: Any


@dataclass
class _Mailbox:
    events: queue.SimpleQueue[object] = field(default_factory=queue.SimpleQueue)
    outcomes: queue.SimpleQueue[Outcome] = field(default_factory=queue.SimpleQueue)


class _Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Otherwise every call waits 40 ms for a delayed acknowledgement.
    disable_nagle_algorithm = True
    wbufsize = -1
    mailbox: _Mailbox

    def do_GET(self) -> None:
        event = json.dumps(self.mailbox.events.get()).encode()
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", str(uuid.uuid4()))
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + 30) * 1000)))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", _ARN)
        self.send_header("Content-Type", "application/json")
        self._finish(event)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        # .../invocation/<id>/response, .../invocation/<id>/error, .../init/error
        kind = self.path.removeprefix(_PREFIX)
        kind = kind if kind == "init/error" else kind.rpartition("/")[2]
        self.send_response(202)
        self._finish(b"{}")
        self.mailbox.outcomes.put(Outcome(kind, json.loads(body)))

    def _finish(self, body: bytes) -> None:
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing: a runtime client that is killed resets its connection."""


@dataclass
class Runtime:
    """A running runtime client."""

    _mailbox: _Mailbox
    _log: IO[bytes]
    process: subprocess.Popen[bytes]

    def invoke(self, event: object) -> Outcome:
        """Pass an event to the function and return what it made of it."""
        self._mailbox.events.put(event)
        return self.outcome()

    def outcome(self) -> Outcome:
        """Return what comes next; a function that cannot be loaded reports without an event."""
        try:
            return self._mailbox.outcomes.get(timeout=_SECONDS_TO_ANSWER)
        except queue.Empty:
            message = f"the runtime client does not answer; it said: {self.log()}"
            raise AssertionError(message) from None

    def log(self) -> str:
        """Return everything it has written: what CloudWatch Logs would have."""
        # Not by seeking: the process writes where this file's position is.
        descriptor = self._log.fileno()
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode("utf-8", "replace")


@contextlib.contextmanager
def running(root: Path, handler: str, environment: Mapping[str, str]) -> Iterator[Runtime]:
    """Run a function in AWS's runtime client until the block ends.

    Args:
        root: The function's task root.
        handler: As in Lambda's configuration: ``module.function``.
        environment: All its variables; nothing of ours is inherited.
    """
    mailbox = _Mailbox()
    server = _Server(("127.0.0.1", 0), type("Api", (_Api,), {"mailbox": mailbox}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", handler],
            cwd=root,
            env={
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}",
                "AWS_LAMBDA_FUNCTION_NAME": "issuer",
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
                "LAMBDA_TASK_ROOT": str(root),
                "_HANDLER": handler,
                **environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Runtime(mailbox, log, process)
        finally:
            process.kill()
            process.wait()
            server.shutdown()
            # The thread that waits for an event that will not come.
            mailbox.events.put(None)
            server.server_close()
