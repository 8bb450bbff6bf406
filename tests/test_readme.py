"""What the README shows is what happens."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from signer import PrivateKey
from signer.credential import Credential
from signer.custody import write_credential

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def fenced(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_python_examples_are_true() -> None:
    text = "\n".join(fenced("python"))
    examples = doctest.DocTestParser().get_doctest(text, {}, "README.md", "README.md", 0)
    assert len(examples.examples) > 10
    output: list[str] = []
    doctest.DocTestRunner().run(examples, out=output.append)
    assert not output, "".join(output)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, p256_key: PrivateKey) -> Path:
    """A folder with what the backends name: a key and a grants file."""
    (tmp_path / "keys").mkdir()
    credential = Credential(kid="k", key_pair_id="K2JCJMDEHXQW5F", private_key=p256_key)
    write_credential(credential, tmp_path / "keys" / "dev.json")
    [grants] = re.findall(r"<<'END'\n(.*?)^END$", README, re.DOTALL | re.MULTILINE)
    (tmp_path / "grants.toml").write_text(grants, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def backend(word: str) -> str:
    [snippet] = [text for text in fenced("python") if word in text]
    assert snippet.count("\n") <= 28
    return snippet


@pytest.mark.usefixtures("checkout")
def test_the_flask_snippet_runs() -> None:
    names: dict[str, Any] = {"__name__": "snippet"}
    exec(backend("from flask import"), names)
    client = names["app"].test_client()
    lines = client.post("/login").headers.getlist("Set-Cookie")
    assert [line for line in lines if line.startswith("CloudFront-Signature=")]
    url = client.get("/api/images/a b.jpg/url").get_json()["url"]
    assert url.startswith("https://media.example.com/images/a%20b.jpg?Expires=")


@pytest.mark.usefixtures("checkout")
def test_the_fastapi_snippet_runs() -> None:
    names: dict[str, Any] = {"__name__": "snippet"}
    exec(backend("from fastapi import"), names)
    client = TestClient(names["app"], base_url="https://media.example.com")
    lines = client.post("/login").headers.get_list("set-cookie")
    assert [line for line in lines if line.startswith("CloudFront-Signature=")]
    url = client.get("/api/images/a b.jpg/url").json()["url"]
    assert url.startswith("https://media.example.com/images/a%20b.jpg?Expires=")


def test_the_django_snippet_runs(checkout: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "django", "startproject", "site_", "."]
    subprocess.run(command, cwd=checkout, check=True)
    settings = checkout / "site_" / "settings.py"
    settings.write_text(settings.read_text() + backend("# Django's settings.py"))
    code = (
        "from django.core.management import call_command; import django; django.setup()\n"
        "from django.core.files.storage import storages\n"
        "call_command('check', fail_level='WARNING')\n"
        "print(storages['default'].url('a b.jpg'))\n"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "site_.settings"}
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(
        command, cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("https://media.example.com/images/a%20b.jpg?")


@pytest.mark.parametrize("target", [*re.findall(r"`make ([a-z]+)", README), "demo"])
def test_make_targets_exist(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:tests|docs|signer)/[^`]+)`", README)))
)
def test_named_files_exist(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_benchmark_table_is_the_one_of_the_page() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    table = re.search(r"^\| \| against \| ratio.*?(?=\n\n)", README, re.DOTALL | re.MULTILINE)
    assert table
    assert table[0].count("\n") > 8
    assert table[0] in page
