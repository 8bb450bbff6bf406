"""A small S3 that believes nobody: it recomputes every signature with botocore."""

from __future__ import annotations

import datetime as dt
from unittest import mock

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from starlette.types import Receive, Scope, Send

ACCESS_KEY, SECRET_KEY, REGION = "AKIAEXAMPLE", "wJalr", "eu-central-1"
ERROR = (
    b"<Error><Code>%b</Code><Message>%b</Message><RequestId>1</RequestId><HostId>h</HostId></Error>"
)


class FakeS3:
    """An ASGI application with one bucket; remembers the requests it was asked."""

    def __init__(self, objects: dict[str, bytes], token: str | None = None) -> None:
        self.objects = objects
        self.token = token
        self.requests: list[dict[str, str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.requests.append(headers)
        target = scope["raw_path"].decode()
        if scope["query_string"]:
            target += "?" + scope["query_string"].decode()
        body = await _body(receive)
        if self._signature(scope["method"], target, headers) != headers.get("authorization"):
            status, answer = 403, ERROR % (b"SignatureDoesNotMatch", b"no")
        elif scope["method"] == "PUT":
            self.objects[scope["path"]] = body
            status, answer = 200, b""
        elif scope["path"] in self.objects:
            status, answer = 200, self.objects[scope["path"]]
            if headers.get("range") == "bytes=0-3":
                status, answer = 206, answer[:4]
        else:
            status, answer = 404, ERROR % (b"NoSuchKey", b"The specified key does not exist.")
        kind = b"application/xml" if status >= 400 else b"image/jpeg"
        start = [(b"content-type", kind), (b"server", b"Fake"), (b"etag", b'"1"')]
        await send({"type": "http.response.start", "status": status, "headers": start})
        await send({"type": "http.response.body", "body": answer})

    def _signature(self, method: str, target: str, headers: dict[str, str]) -> str | None:
        named = headers.get("authorization", "").partition("SignedHeaders=")[2].partition(",")[0]
        signed = [name for name in named.split(";") if name]
        stamp = headers.get("x-amz-date")
        if stamp is None or not {"host", "x-amz-date", "x-amz-content-sha256"} <= set(signed):
            return None
        request = AWSRequest(
            method=method,
            url=f"http://{headers['host']}{target}",
            headers={
                name: headers[name]
                for name in signed
                if name not in {"x-amz-date", "x-amz-content-sha256", "x-amz-security-token"}
            },
        )
        signer = S3SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY, self.token), "s3", REGION)
        moment = dt.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
        with (
            mock.patch("botocore.auth.get_current_datetime", return_value=moment),
            mock.patch.object(signer, "payload", return_value=headers["x-amz-content-sha256"]),
        ):
            signer.add_auth(request)
        return str(request.headers["Authorization"])


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body
