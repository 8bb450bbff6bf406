"""A folder as an origin, answering like a bucket.

Paths are percent-decoded once. A name is served only if a file of exactly that name lies in the
folder: no listings, no index files, no other spelling of the name that the file system would also
accept. What could mean something else on another operating system (backslashes, drive letters,
device names) is refused on all of them.
"""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
import re
import stat
import sys
from collections.abc import AsyncIterator
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import IO, NamedTuple
from urllib.parse import unquote_to_bytes

from signer.edge.origin import FolderOrigin
from signer.edge.origins.request import OriginRequest
from signer.edge.ranges import byte_ranges
from signer.edge.responses import EdgeResponse, Headers, one_chunk, whole

CHUNK = 256 * 1024
"""Bytes read at a time; no more of a file than this is ever in memory."""

_HAZARD = re.compile(r"[\x00-\x1f\x7f\\:]")
_DEVICE = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])(?:\..*)?",
    re.IGNORECASE,
)
_CASE_BLIND = sys.platform in {"win32", "darwin"}
_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".m4s": "video/iso.segment",
    ".ts": "video/mp2t",
    ".vtt": "text/vtt",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
}
# Only Python's own table: the machine's would make answers differ from one laptop to the next.
_PYTHON_TYPES = mimetypes.MimeTypes()


class _File(NamedTuple):
    """An open file and what its headers say."""

    handle: IO[bytes]
    size: int
    etag: str
    modified: float
    content_type: str


class FolderReader:
    """Serves the files of one folder."""

    def __init__(self, origin: FolderOrigin) -> None:
        self._root = origin.path

    async def fetch(self, request: OriginRequest) -> EdgeResponse:
        """Answer from the folder; see :class:`Fetcher`."""
        if request.method not in {"GET", "HEAD"}:
            return _xml(405, "MethodNotAllowed", (b"allow", b"GET, HEAD"))
        file = await asyncio.to_thread(_opened, self._root, request.path)
        if file is None:
            return _xml(404, "NoSuchKey")
        response = _answer(file, request)

        async def close() -> None:
            await asyncio.to_thread(file.handle.close)

        response.close = close
        return response

    async def close(self) -> None:
        """Have nothing to close."""


def object_path(root: Path, raw_path: str) -> Path | None:
    """Find the file for a raw URL path.

    Args:
        root: The origin's folder.
        raw_path: Path as the viewer sent it.

    Returns:
        An existing regular file inside the folder, or None.
    """
    try:
        name = unquote_to_bytes(raw_path.removeprefix("/")).decode("utf-8")
    except UnicodeDecodeError:
        return None
    segments = name.split("/")
    if re.search(r"%2f", raw_path, re.IGNORECASE) or not all(map(_is_plain, segments)):
        return None
    try:
        folder = root.resolve(strict=True)
        found = folder.joinpath(*segments)
        resolved = found.resolve(strict=True)
        inside = resolved.is_relative_to(folder) and stat.S_ISREG(resolved.stat().st_mode)
        exact = not _CASE_BLIND or _spelled_exactly(folder, segments)
    except (OSError, ValueError, RuntimeError):
        return None
    return resolved if inside and exact else None


def _is_plain(segment: str) -> bool:
    """Tell whether a path segment names the same file on every operating system."""
    return not (
        segment in {"", ".", ".."}
        or segment.endswith((".", " "))
        or _HAZARD.search(segment)
        or _DEVICE.fullmatch(segment)
    )


def _spelled_exactly(folder: Path, segments: list[str]) -> bool:
    """Compare with the names on disk, where the file system ignores case or composition."""
    for segment in segments:
        if segment not in {entry.name for entry in folder.iterdir()}:
            return False
        folder /= segment
    return True


def _opened(root: Path, raw_path: str) -> _File | None:
    path = object_path(root, raw_path)
    if path is None:
        return None
    try:
        handle = path.open("rb")
    except OSError:
        return None
    status = path.stat()
    identity = f"{status.st_size}:{status.st_mtime_ns}:{path.name}".encode()
    etag = hashlib.blake2b(identity, digest_size=16).hexdigest()
    return _File(handle, status.st_size, f'"{etag}"', status.st_mtime, _content_type(path.name))


def _content_type(name: str) -> str:
    suffix = Path(name).suffix.lower()
    guessed, encoding = _PYTHON_TYPES.guess_type(f"x{suffix}")
    kind = _TYPES.get(suffix) or ("application/gzip" if encoding == "gzip" else guessed)
    kind = kind or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def _answer(file: _File, request: OriginRequest) -> EdgeResponse:
    headers: Headers = [
        (b"accept-ranges", b"bytes"),
        (b"etag", file.etag.encode()),
        (b"last-modified", formatdate(file.modified, usegmt=True).encode()),
    ]
    if _not_modified(file, request):
        return EdgeResponse(304, headers, one_chunk(b""))
    kind = (b"content-type", file.content_type.encode())
    wanted = request.header(b"range")
    ranges = byte_ranges(wanted, file.size) if wanted and _range_applies(file, request) else None
    if ranges is None:
        headers += [kind, (b"content-length", str(file.size).encode())]
        return EdgeResponse(200, headers, _part(file, 0, file.size - 1))
    if not ranges:
        return _xml(416, "InvalidRange", (b"content-range", f"bytes */{file.size}".encode()))
    if len(ranges) > 1:
        return _multipart(file, ranges, headers)
    first, last = ranges[0]
    headers += [
        kind,
        (b"content-range", f"bytes {first}-{last}/{file.size}".encode()),
        (b"content-length", str(last - first + 1).encode()),
    ]
    return EdgeResponse(206, headers, _part(file, first, last))


def _multipart(file: _File, ranges: list[tuple[int, int]], headers: Headers) -> EdgeResponse:
    boundary = hashlib.blake2b(f"{file.etag}{ranges}".encode(), digest_size=16).hexdigest()
    heads = [
        (
            f"\r\n--{boundary}\r\nContent-Type: {file.content_type}\r\n"
            f"Content-Range: bytes {first}-{last}/{file.size}\r\n\r\n"
        ).encode()
        for first, last in ranges
    ]
    end = f"\r\n--{boundary}--\r\n".encode()
    length = sum(map(len, heads)) + len(end)
    length += sum(last - first + 1 for first, last in ranges)

    async def body() -> AsyncIterator[bytes]:
        for head, (first, last) in zip(heads, ranges, strict=True):
            yield head
            async for chunk in _part(file, first, last):
                yield chunk
        yield end

    kind = f"multipart/byteranges; boundary={boundary}".encode()
    headers += [(b"content-type", kind), (b"content-length", str(length).encode())]
    return EdgeResponse(206, headers, body())


async def _part(file: _File, first: int, last: int) -> AsyncIterator[bytes]:
    """Yield the bytes of a file from first to last, both included."""
    left = last - first + 1
    if left > 0:
        await asyncio.to_thread(file.handle.seek, first)
    while left > 0:
        chunk = await asyncio.to_thread(file.handle.read, min(CHUNK, left))
        if not chunk:
            message = "the file became shorter while it was sent"
            raise OSError(message)
        left -= len(chunk)
        yield chunk


def _not_modified(file: _File, request: OriginRequest) -> bool:
    tags = request.header(b"if-none-match")
    if tags is not None:
        # Weak comparison: a cache that weakened the tag still has the same bytes.
        known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return tags.strip() == "*" or file.etag in known
    since = _date(request.header(b"if-modified-since"))
    return since is not None and int(file.modified) <= since


def _range_applies(file: _File, request: OriginRequest) -> bool:
    """Tell whether ``If-Range`` (if any) names this very version; RFC 9110, section 13.1.5."""
    condition = request.header(b"if-range")
    if condition is None or condition.strip() == file.etag:
        return True
    return _date(condition) == int(file.modified)


def _date(value: str | None) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp() if value else None
    except (ValueError, OverflowError, TypeError):
        return None


def _xml(status: int, code: str, *more: tuple[bytes, bytes]) -> EdgeResponse:
    messages = {
        "NoSuchKey": "The folder has no such file.",
        "MethodNotAllowed": "A folder can only be read.",
        "InvalidRange": "The range lies outside the file.",
    }
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{messages[code]}</Message></Error>"
    )
    return whole(status, "application/xml", body, *more)
