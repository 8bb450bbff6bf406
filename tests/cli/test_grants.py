"""`signer grants`: checking a table and trying claims against it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import documented, refused, run
from tests.grants.tables import BASE, EXAMPLE

CLAIMS = {"custom:tenant": ["acme", "*"], "groups": ["staff"]}


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "grants.toml"
    path.write_text(EXAMPLE, encoding="utf-8")
    return str(path)


def test_a_table_is_shown(table: str) -> None:
    result = run("grants", table, "--base-url", BASE)
    assert result.exit_code == 0
    assert result.stdout == (
        f"VALID 3 grants for {BASE}\n"
        "\nteam_docs\n"
        "  opens: /t/{tenant}/docs/*\n"
        "  by: cookies, 900 s\n"
        '  when: groups is "staff" or "admin"\n'
        "  {tenant}: from the claim custom:tenant\n"
        "\ntrailers\n"
        "  opens: /trailers/*\n"
        "  by: cookies, 900 s\n"
        "  for: everybody\n"
        "\nhandbook\n"
        "  opens: /books/handbook.pdf\n"
        "  by: urls, 60 s\n"
        "\ndeny row 1\n"
        "  takes away: team_docs\n"
        "  when: suspended is true\n"
    )


def test_one_grant_hashed_and_all_denied(tmp_path: Path) -> None:
    path = tmp_path / "g.json"
    grant = {"name": "mine", "path": "/u/{m}/*", "slots": {"m": {"claim": "email", "hash": True}}}
    deny = [{"when": {"suspended": [True]}}]
    path.write_text(json.dumps({"version": 1, "grants": [grant], "deny": deny}), encoding="utf-8")
    lines = run("grants", str(path), "--base-url", BASE).stdout.splitlines()
    assert lines[0] == f"VALID 1 grant for {BASE}"
    assert "  {m}: from the claim email, hashed" in lines
    assert "  takes away: every grant" in lines


def test_claims_are_tried(table: str) -> None:
    result = run("grants", table, "--base-url", BASE, "--claims", "-", text=json.dumps(CLAIMS))
    assert result.exit_code == 0
    assert result.stdout == (
        f"GRANTED 3 of 3 grants for {BASE}\n"
        "\nteam_docs: given\n"
        f"  opens: {BASE}/t/acme/docs/*\n"
        "  left out: '*' cannot fill the slot tenant, which takes 1 to 64 letters, digits, - and _"
        " (slot_value)\n"
        "\ntrailers: given\n"
        f"  opens: {BASE}/trailers/*\n"
        "\nhandbook: given\n"
        f"  opens: {BASE}/books/handbook.pdf\n"
    )


def test_what_is_not_given_says_why(table: str, tmp_path: Path) -> None:
    claims = tmp_path / "claims.json"
    claims.write_text(json.dumps({**CLAIMS, "suspended": True}), encoding="utf-8")
    shown = run("grants", table, "--base-url", BASE, "--claims", str(claims)).stdout
    assert "team_docs: not given\n  because: deny row 1 (line 25) takes it away (denied)\n" in shown
    everything = tmp_path / "all.toml"
    everything.write_text(EXAMPLE.replace('grants = ["team_docs"]', ""), encoding="utf-8")
    shown = run("grants", str(everything), "--base-url", BASE, "--claims", str(claims)).stdout
    assert shown.startswith(f"NOTHING 0 of 3 grants for {BASE}\n")


def test_the_same_as_json(table: str, tmp_path: Path) -> None:
    document = documented("grants", table, "--base-url", BASE)
    assert document["needed_claims"] == ["custom:tenant", "groups", "suspended"]
    assert document["grants"][0] == {
        "name": "team_docs",
        "path": "/t/{tenant}/docs/*",
        "transport": "cookies",
        "ttl": 900,
        "public": False,
        "line": 3,
    }
    assert "outcomes" not in document
    claims = tmp_path / "claims.json"
    claims.write_text(json.dumps(CLAIMS), encoding="utf-8")
    document = documented("grants", table, "--base-url", BASE, "--claims", str(claims))
    first = document["outcomes"][0]
    assert (first["grant"], first["granted"]) == ("team_docs", True)
    assert first["permits"] == [
        {
            "resource": f"{BASE}/t/acme/docs/*",
            "path": "/t/acme/docs/*",
            "cookie_path": "/t/acme/docs/",
        }
    ]
    assert [(one["code"], one["claim"]) for one in first["refusals"]] == [
        ("slot_value", "custom:tenant")
    ]


def test_a_wrong_table_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "grants.toml"
    path.write_text(EXAMPLE.replace('ttl = "15m"', 'ttl = "15"'), encoding="utf-8")
    result = run("grants", str(path), "--base-url", BASE)
    refused(result, "grants_ttl")
    assert f"{path}:6: grants[0].ttl: " in result.stderr


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"\xff\xfe", "grants_syntax"), (b"[[", "grants_syntax"), (b"", "grants_version")],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "grants.toml"
    path.write_bytes(content)
    refused(run("grants", str(path), "--base-url", BASE), code)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "grants.toml"
    path.write_text("\ufeff" + EXAMPLE, encoding="utf-8")
    assert run("grants", str(path), "--base-url", BASE).exit_code == 0


def test_a_wrong_base_url_is_refused(table: str) -> None:
    refused(run("grants", table, "--base-url", "http://media.example.com"), "grant_base_url")


@pytest.mark.parametrize("text", ["", "[]", "5", "{", '{"a": NaN, "b"}', "[" * 100_000])
def test_claims_are_a_json_object(table: str, text: str) -> None:
    result = run("grants", table, "--base-url", BASE, "--claims", "-", text=text)
    refused(result, "claims_json")
    assert "standard input" in result.stderr


def test_a_file_that_is_not_there_is_named(table: str) -> None:
    refused(run("grants", "nowhere.toml", "--base-url", BASE), "os")
    refused(run("grants", table, "--base-url", BASE, "--claims", "nowhere.json"), "os")
