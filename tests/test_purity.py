"""The core opens nothing, asks nothing and needs nothing: each check runs in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import Any

import pytest

# What a process may do with the world outside it raises one of these audit events.
WORLD = (
    "compile",
    "ctypes.",
    "exec",
    "fcntl.",
    "ftplib.",
    "glob.",
    "http.",
    "import",
    "mmap.",
    "msvcrt.",
    "open",
    "os.",
    "pathlib.",
    "pty.",
    "resource.",
    "shutil.",
    "signal.",
    "smtplib.",
    "socket.",
    "sqlite3.",
    "subprocess.",
    "syslog.",
    "tempfile.",
    "time.sleep",
    "urllib.",
    "webbrowser.",
    "winreg.",
)

FOREIGN = (
    "boto3",
    "botocore",
    "click",
    "rich",
    "starlette",
    "httpx",
    "uvicorn",
    "requests",
    "fastapi",
)

SIGN_AND_VERIFY = """
import collections.abc, json, os, sys
from datetime import UTC, datetime, timedelta
from signer import *

NOW = 1_800_000_000
HOST = "https://cdn.example.com"
keys = [PrivateKey.generate(algorithm) for algorithm in KeyAlgorithm]
pems = [(key.to_pem(), key.public_key().to_pem()) for key in keys]
seen = []

class Watched(collections.abc.MutableMapping):
    def __init__(self, real):
        self._real = real
    def __getitem__(self, name):
        seen.append(f"environ {name}")
        return self._real[name]
    def __setitem__(self, name, value):
        seen.append(f"environ {name}")
    def __delitem__(self, name):
        seen.append(f"environ {name}")
    def __iter__(self):
        seen.append("environ")
        return iter(self._real)
    def __len__(self):
        seen.append("environ")
        return len(self._real)

os.environ = Watched(os.environ)
sys.addaudithook(lambda event, arguments: seen.append(event))
decided = []
for pem, public in pems:
    key = PrivateKey.from_pem(pem)
    for hash_algorithm in HashAlgorithm:
        issuer = Issuer(key, key_pair_id="K2JCJMDEHXQW5F", hash_algorithm=hash_algorithm,
                        max_lifetime=timedelta(days=30), clock=lambda: NOW)
        group = TrustedKeyGroup({"K2JCJMDEHXQW5F": PublicKey.from_pem(public)}, "group")
        verifier = Verifier([group], clock=lambda: NOW)
        end = datetime.fromtimestamp(NOW + 60, UTC)
        policy = Policy(HOST + "/films/*", date_less_than=end, date_greater_than=NOW - 60,
                        ip_address="192.0.2.0/24")
        signed = issuer.sign(policy)
        url = HOST + "/films/a b.mp4?x='1'"
        urls = [
            issuer.signed_url(url, expires_in=60),
            issuer.signed_url("https://b\\u00fccher.example/\\u00e9", date_less_than=end),
            issuer.signed_url("https://xn--bcher-kva.example/", expires_in=timedelta(hours=1)),
            issuer.signed_url("https://[2001:db8::1]:8443/", expires_in=60),
            issuer.signed_url(url, expires_in=60, resource=HOST + "/films/*"),
            issuer.generate_presigned_url(url, policy=policy.to_json()),
            signed.url(url),
            HOST + "/films/a?Policy=!&Key-Pair-Id=K2JCJMDEHXQW5F",
            HOST + "/films/a?Policy=YWJj&Key-Pair-Id=K2JCJMDEHXQW5F",
            HOST + "/films/a?Expires=1&Signature=YWJj&Key-Pair-Id=K2JCJMDEHXQW5F",
            "nonsense",
        ]
        cookies = [issuer.signed_cookies(HOST + "/films/a", expires_in=60), signed.cookies()]
        requests = [ViewerRequest(url, ip="192.0.2.7") for url in urls]
        requests += [ViewerRequest(HOST + "/films/a", item.header(), ip="192.0.2.7") for item in cookies]
        for request in requests:
            verdict = verifier.verify(request)
            decided.append(verdict.allowed)
            (repr(verdict), verdict.checks, verdict.xml_body(), verdict.status)
        for item in cookies:
            (item.set_cookie_headers(), repr(item), SignedCookies.clearing_headers(item.attributes, resource=item.resource))
        for attempt in ("https://cdn.example.com/../a", "x", "https://[::1%eth0]/"):
            try:
                issuer.signed_url(attempt, expires_in=60)
            except SignerError as error:
                (str(error), repr(error))
        (repr(issuer), repr(key), repr(group), Assumptions.describe())
done = list(seen)
print(json.dumps({"seen": done, "allowed": decided.count(True), "denied": decided.count(False)}))
"""

IMPORT_ALONE = """
import sys
ALLOWED = {"signer", "cryptography", "_cffi_backend", "cffi", "pycparser"}

class Blocker:
    @staticmethod
    def find_spec(name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in ALLOWED and top not in sys.stdlib_module_names:
            raise ModuleNotFoundError(f"{name} is not installed here", name=name)
        return None

before = set(sys.modules)
sys.meta_path.insert(0, Blocker)
import json
import signer
key = signer.PrivateKey.generate()
issuer = signer.Issuer(key, key_pair_id="K1")
url = issuer.signed_url("https://cdn.example.com/a", expires_in=60)
group = signer.TrustedKeyGroup({"K1": key.public_key()})
assert signer.Verifier([group]).verify(signer.ViewerRequest(url)).allowed
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""


def run(script: str) -> Any:  # noqa: ANN401 - JSON
    command = [sys.executable, "-I", "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_signing_and_verifying_touch_nothing_outside() -> None:
    answer = run(SIGN_AND_VERIFY)
    assert answer["allowed"] == 4 * 9
    assert answer["denied"] == 4 * 4
    assert [event for event in answer["seen"] if event.startswith(("environ", *WORLD))] == []


def test_the_watch_sees_what_it_is_there_for() -> None:
    outside = 'open(os.devnull).close()\nos.getenv("HOME")\nimport wave\n'
    answer = run(SIGN_AND_VERIFY.replace("done = list(seen)", f"{outside}done = list(seen)"))
    seen = set(answer["seen"])
    assert {"open", "environ HOME", "import"} <= seen


def test_the_library_needs_only_cryptography() -> None:
    loaded = run(IMPORT_ALONE)
    assert set(loaded) & set(FOREIGN) == set()
    others = set(loaded) - sys.stdlib_module_names
    assert others <= {"signer", "cryptography", "_openssl", "_cffi_backend", "cffi", "pycparser"}


@pytest.mark.parametrize("module", ["signer", "signer.explain"])
def test_importing_the_core_loads_no_part_that_talks_to_the_world(module: str) -> None:
    loaded = run(f"import json, sys, {module}\nprint(json.dumps(sorted(sys.modules)))")
    tops = {name.partition(".")[0] for name in loaded}
    assert tops & set(FOREIGN) == set()
    assert not any(name.startswith(("signer.cli", "signer.edge", "signer.dev")) for name in loaded)
    assert not tops & {"asyncio", "http", "ssl", "subprocess"}
