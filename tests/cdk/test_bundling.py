"""The functions' zips: the same bytes each time, for the right machine, with nothing that is not needed."""

from __future__ import annotations

import io
import os
import re
import struct
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

import aws_cdk
import pytest

from cdk import bundling
from cdk.bundling import LOCK, Target, code, wheels, zip_bytes
from signer.errors import ConfigurationError
from tests import runtime_api
from tests.cdk.templates import NODE

ROOT = Path(__file__).resolve().parents[2]
GRANTS = {"grants.toml": ROOT / "cdk" / "grants.toml"}
ENTRIES = ("issue.py", "rotate.py")
MACHINES = {"arm64": 183, "x86_64": 62}
"""What e_machine of an ELF header says; AArch64 and AMD64."""
LARGEST = 10_000_000
LARGEST_UNPACKED = 40_000_000
TARGETS = [
    Target(python=python, architecture=architecture)
    for python in ("3.11", "3.12", "3.13", "3.14")
    for architecture in ("arm64", "x86_64")
]


def opened(data: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(data))


def ours() -> set[str]:
    """Return the files of our package that are for Lambda: all that git tracks, and new modules."""
    names = {*listed("--cached"), *(one for one in listed("--others") if one.endswith(".py"))}
    elsewhere = ("cli/", "dev/", "edge/", "explain/", "integrations/", "__main__.py")
    return {name for name in names if not name.startswith(elsewhere)}


def listed(which: str) -> list[str]:
    command = ["git", "ls-files", "-z", which, "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT / "signer", capture_output=True, check=True)
    names = done.stdout.decode().split("\0")
    return [name for name in names if name and (ROOT / "signer" / name).exists()]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_wheels_are_for_the_target(target: Target) -> None:
    found = 0
    for file in wheels(target).rglob("*.so*"):
        head = file.read_bytes()[:20]
        assert head[:4] == b"\x7fELF"
        assert struct.unpack_from("<H", head, 18)[0] == MACHINES[target.architecture], file.name
        found += 1
    assert found > 1, "cryptography and cffi have machine code"


def test_two_builds_from_nothing_are_the_same(tmp_path: Path) -> None:
    digests = set()
    for seed, mask, zone in (("1", "022", "UTC"), ("2", "077", "Asia/Tokyo")):
        program = (
            "import hashlib, os, pathlib, sys\n"
            f"os.umask(0o{mask})\n"
            "import signer.dev.environment as environment\n"
            f"environment.cache_folder = lambda: pathlib.Path({str(tmp_path / seed)!r})\n"
            "from cdk import bundling\n"
            "bundling.cache_folder = environment.cache_folder\n"
            "target = bundling.Target(python='3.13', architecture='arm64')\n"
            f"files = {{'grants.toml': pathlib.Path({str(GRANTS['grants.toml'])!r})}}\n"
            "print(hashlib.sha256(bundling.zip_bytes('issue.py', target=target, files=files)).hexdigest())\n"
        )
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": str(ROOT)}
        done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, cwd=ROOT)  # fmt: skip
        digests.add(done.stdout)
    assert len(digests) == 1


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_zip_has_what_it_needs_and_no_more(entry: str) -> None:
    data = zip_bytes(entry, target=TARGETS[4], files=GRANTS)
    assert len(data) < LARGEST
    with opened(data) as archive:
        infos = archive.infolist()
        names = [info.filename for info in infos]
        contents = b"".join(archive.read(name) for name in names if not name.endswith(".so"))
    assert names == sorted(names)
    assert {entry, "grants.toml", "signer/__init__.py", "joserfc/__init__.py"} <= set(names)
    assert sum(info.file_size for info in infos) < LARGEST_UNPACKED
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}
    assert {info.external_attr >> 16 for info in infos} == {0o644}
    for name in names:
        assert not re.search(r"__pycache__|\.pyc$|(^|/)tests?/|^bin/|RECORD|direct_url|^boto", name)
        assert not name.startswith(("signer/dev/", "signer/cli/", "signer/edge/"))
    assert {f"signer/{name}" for name in ours()} == {
        one for one in names if one.startswith("signer/")
    }
    # Put together here, so that no search for keys stops at this line.
    assert b"-----BEGIN " + b"PRIVATE KEY-----\n" not in contents
    assert str(ROOT).encode() not in contents


def test_licences_come_along() -> None:
    with opened(zip_bytes("issue.py", target=TARGETS[4])) as archive:
        licences = [name for name in archive.namelist() if "LICENSE" in name]
    assert any(name.startswith("cryptography-") for name in licences)


@pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric is for Linux")
@pytest.mark.parametrize(
    ("entry", "variables", "event"),
    [
        (
            "issue.py",
            {"SIGNER_BASE_URL": "https://media.example.test", "SIGNER_GRANTS": "file:grants.toml"},
            {"version": "2.0", "rawPath": "/auth/session", "rawQueryString": "", "headers": {}, "requestContext": {"http": {"method": "GET", "path": "/auth/session"}}},
        ),
        ("rotate.py", {"SIGNER_RING": "dynamodb:none/none"}, {}),
    ],
    ids=ENTRIES,
)  # fmt: skip
def test_a_zip_runs_in_awss_runtime_client(
    tmp_path: Path, entry: str, variables: dict[str, str], event: dict[str, object]
) -> None:
    with opened(zip_bytes(entry, target=Target.here(), files=GRANTS)) as archive:
        archive.extractall(tmp_path)
    nowhere = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_REGION": "us-east-1",
        "SIGNER_CREDENTIAL": "secretsmanager:none",
        "AWS_MAX_ATTEMPTS": "1",
    }
    handler = f"{Path(entry).stem}.handler"
    with runtime_api.running(tmp_path, handler, {**nowhere, **variables}) as runtime:
        outcome = runtime.invoke(event)
    if entry == "issue.py":
        assert outcome.kind == "response"
        assert outcome.payload["statusCode"] == 200
    else:
        # It asks for its ring, where nobody answers.
        assert outcome.payload["errorType"] == "EventFailedError"


def test_wheels_that_cannot_be_had_are_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text("cryptography==0.0.1 --hash=sha256:" + "0" * 64, encoding="utf-8")
    monkeypatch.setattr(bundling, "LOCK", lock)
    monkeypatch.setenv("UV_OFFLINE", "1")
    with pytest.raises(ConfigurationError) as caught:
        wheels(TARGETS[0], cache=tmp_path / "cache")
    assert caught.value.code == "bundle_wheels"
    assert "network" in caught.value.advice
    assert "cryptography" in capsys.readouterr().err, "what uv said"
    assert list((tmp_path / "cache").iterdir()) == [], "nothing half done is left"


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"grants\.toml cannot be read"):
        zip_bytes("issue.py", target=TARGETS[4], files={"grants.toml": tmp_path / "grants.toml"})


def test_wheels_are_fetched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wheels(TARGETS[4])
    monkeypatch.setattr("subprocess.run", None)
    assert wheels(TARGETS[4]).is_dir()


def test_the_lock_has_hashes_and_no_address() -> None:
    text = LOCK.read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text
    names = re.findall(r"(?m)^([a-z0-9-]+)==", text)
    assert {"cryptography", "joserfc", "aws-lambda-powertools"} <= set(names)
    assert not {"boto3", "botocore"} & set(names), "Lambda has them"
    assert text.count("--hash=sha256:") > len(names)


def test_another_lock_or_target_is_another_folder() -> None:
    folders = {wheels(target) for target in TARGETS}
    assert len(folders) == len(TARGETS)


def test_wheels_for_this_machine_are_for_this_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_PYTHON", "3.99")
    monkeypatch.setenv("UV_COMPILE_BYTECODE", "1")
    folder = wheels(Target.here(), cache=tmp_path)
    program = (
        "import sys; sys.path[:0] = [sys.argv[1]]; import _cffi_backend as b; print(b.__file__)"
    )
    command = [sys.executable, "-I", "-S", "-B", "-c", program, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).parent == folder


def test_two_that_need_the_same_wheels_at_once_both_get_them(tmp_path: Path) -> None:
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(wheels(TARGETS[4], cache=tmp_path)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    assert [*tmp_path.iterdir()] == [found[0].parent]
    assert found[0] == found[1]
    assert (found[1] / "cryptography" / "__init__.py").is_file()


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    with pytest.raises(ConfigurationError, match=r"cache.* cannot be written") as caught:
        wheels(TARGETS[4], cache=tmp_path / "cache")
    assert caught.value.code == "bundle_cache"


def asset_of(function_code: aws_cdk.aws_lambda.Code) -> str:
    """Return under which name the stack's template knows the zip."""
    app = aws_cdk.App()
    aws_cdk.aws_lambda.Function(
        aws_cdk.Stack(app, "S"),
        "F",
        code=function_code,
        handler="issue.handler",
        runtime=aws_cdk.aws_lambda.Runtime.PYTHON_3_13,
    )
    resources = app.synth().get_stack_by_name("S").template["Resources"].values()
    (found,) = [one for one in resources if one["Type"] == "AWS::Lambda::Function"]
    key: str = found["Properties"]["Code"]["S3Key"]
    return key


def test_a_function_is_deployed_anew_for_other_contents_and_not_for_another_zlib(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert NODE.is_file()
    # Few, to be quick.
    (tmp_path / "wheels").mkdir()
    monkeypatch.setattr(bundling, "wheels", lambda _target: tmp_path / "wheels")
    monkeypatch.setattr(bundling, "cache_folder", lambda: tmp_path / "one")
    first = asset_of(code("issue.py", target=TARGETS[4]))
    assert asset_of(code("issue.py", target=TARGETS[4], files=GRANTS)) != first
    monkeypatch.setattr(bundling, "cache_folder", lambda: tmp_path / "other")
    monkeypatch.setattr(bundling, "_zipped", stored)
    assert asset_of(code("issue.py", target=TARGETS[4])) == first
    zips = {file.read_bytes() for file in tmp_path.rglob("issue-*.zip")}
    assert len(zips) == 3


def stored(contents: Mapping[str, bytes]) -> bytes:
    """Return a zip that no zlib had a part in."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in sorted(contents):
            archive.writestr(zipfile.ZipInfo(name), contents[name])
    return data.getvalue()


def test_zips_that_nobody_asked_for_in_a_month_are_forgotten(tmp_path: Path) -> None:
    month = 31 * 24 * 3600
    for age, name in ((month, "old"), (0, "new"), (month, "asked-for")):
        (tmp_path / f"{name}.zip").write_bytes(b"zip")
        os.utime(tmp_path / f"{name}.zip", (time.time() - age,) * 2)
    bundling._keep(tmp_path / "asked-for.zip", {})
    bundling._keep(tmp_path / "another.zip", {"a": b"b"})
    assert {file.stem for file in tmp_path.iterdir()} == {"new", "asked-for", "another"}
    assert (tmp_path / "asked-for.zip").read_bytes() == b"zip", "not zipped again"
