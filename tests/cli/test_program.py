"""The program around the commands: help, errors, colours, encodings, processes."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from signer.cli import program as program_module
from signer.cli.program import Program, program
from signer.cli.terminal import Report, Row, Section, Terminal, printable
from signer.credential import Credential
from signer.errors import ConfigurationError, CredentialError, SignerError
from tests.cli.running import NOW, URL, make_credential, refused, run, secrets_of

AT = ("--now", str(NOW))


def process(
    *arguments: str, env: dict[str, str] | None = None, text: str = ""
) -> subprocess.CompletedProcess[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SIGNER_")}
    return subprocess.run(
        [sys.executable, "-m", "signer", *arguments],
        capture_output=True,
        check=False,
        env={**kept, **(env or {})},
        input=text.encode(),
        timeout=60,
    )


def test_help_and_version() -> None:
    assert run("--help").stdout.startswith("Usage: ")
    assert run("--version").stdout.startswith("signer 0.")
    assert run().exit_code == 2


def test_the_summaries_are_those_of_the_commands() -> None:
    for name, entry in program_module._COMMANDS.items():
        command = program.get_command(click.Context(program), name)
        assert command is not None
        assert command.get_short_help_str(limit=200).rstrip(".") == entry.summary.rstrip("."), name


def test_help_imports_no_command() -> None:
    code = "import sys; from signer.cli.program import program\ntry: program(['--help'])\nexcept SystemExit: pass\nprint([m for m in sys.modules if m in ('rich', 'starlette', 'signer.cli.url', 'signer.edge', 'boto3')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.endswith("[]\n")


def test_unknown_commands_and_options_are_wrong_usage() -> None:
    refused(run("signn"), "usage", exit_code=2)
    refused(run("url", "--nope"), "usage", exit_code=2)
    refused(run("url"), "usage", exit_code=2)


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    ("arguments", "missing", "extra"),
    [
        (("edge", "--config", __file__), "starlette", "edge"),
        (("edge", "--config", __file__), "uvicorn", "edge"),
        (("dev", "--check"), "oidc_provider_mock", "dev"),
        (("dev",), "boto3", "dev"),
        (("url", URL), "rich", "cli"),
    ],
)
def test_a_command_whose_extra_is_missing_says_so(
    arguments: tuple[str, ...], missing: str, extra: str, as_json: bool
) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from signer.cli import main\n"
        "sys.argv[0] = 'signer'; main()"
    )
    command = [sys.executable, "-c", code, *arguments, *(["--json"] if as_json else [])]
    done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    install = f"pip install 'cloudfront-issuer[{extra}]'"
    if as_json:
        error = json.loads(done.stderr)["error"]
        assert error["code"] == "extra_missing"
        assert missing in error["message"]
        assert install in error["advice"]
    else:
        first, advice = done.stderr.splitlines()
        assert (
            first
            == f"error[extra_missing]: signer {arguments[0]} needs {missing}, which is not installed"
        )
        assert install in advice


def test_a_missing_module_of_our_own_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "signer.cli.edge", None)
    refused(run("edge", "--config", "x"), "internal")
    assert run("--help").exit_code == 0


def test_only_a_wrong_configuration_counts_as_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    for error, exit_code in (
        (ConfigurationError("canary", "wrong", output="what pip said"), 2),
        (CredentialError("canary", "wrong"), 1),
    ):

        def fail(*_: object, error: SignerError = error, **__: object) -> None:
            raise error

        monkeypatch.setattr("signer.cli.url.required_issuer", fail)
        result = run("url", URL, "--expires-in", "1h", "--json")
        assert result.exit_code == exit_code
        assert json.loads(result.stderr) == {
            "error": {"code": "canary", "message": "wrong", "advice": ""}
        }
        said = "what pip said\n" if exit_code == 2 else ""
        assert run("url", URL, "--expires-in", "1h").stderr == f"{said}error[canary]: wrong\n"


def test_colours_are_those_of_the_arguments_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.argv", ["pytest", "--no-color"])
    assert program_module._Voice.wanted(["url"]).color
    assert not program_module._Voice.wanted(["url", "--no-color"]).color


def test_an_unexpected_error_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        message = "canary"
        raise TypeError(message)

    monkeypatch.setattr("signer.cli.url.required_issuer", fail)
    result = run("url", URL, "--expires-in", "1h")
    refused(result, "internal")
    assert "canary" not in result.stderr
    assert "SIGNER_DEBUG=1" in result.stderr
    debug = run("url", URL, "--expires-in", "1h", env={"SIGNER_DEBUG": "1"})
    assert "Traceback" in debug.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (PermissionError(errno.EACCES, "Permission denied", "x"), 1),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 1),
    ],
)
def test_ways_to_end(monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("signer.cli.url.required_issuer", fail)
    result = run("url", URL, "--expires-in", "1h")
    assert result.exit_code == code
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_a_far_date_is_a_warning_in_one_line(tmp_path: Path) -> None:
    key = tmp_path / "far.json"
    assert (
        run(
            "keys", "new", str(key), "--key-pair-id", "K2JCJMDEHXQW5F", "--max-lifetime", "9999d"
        ).exit_code
        == 0
    )
    result = run("url", URL, "--until", "2040-01-01T00:00:00Z", "--key", f"file:{key}", *AT)
    assert result.exit_code == 0
    assert result.stdout.startswith(URL)
    assert result.stderr == "warning: the time is beyond 2038-01-19, where older texts stop\n"


def test_what_is_printed_cannot_act_on_the_terminal() -> None:
    assert printable("a\x1b[31m\u202eb\x9b\u2066é") == "a\\x1b[31m\\u202eb\\x9b\\u2066é"


def test_reports_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.delenv("NO_COLOR", raising=False)
    rows = (Row("Label", "word " * 30), Row("", "[bold]no markup[/]", "quiet"))
    report = Report("REFUSED", "bad", "x", [Section("Title", rows, "bad", mark="9")])
    Terminal(as_json=False, no_color=False).report(report)
    coloured = capsys.readouterr().out
    assert "\x1b[" in coloured
    assert "[bold]no markup[/]" in coloured
    Terminal(as_json=False, no_color=True).report(report)
    plain = capsys.readouterr().out
    assert "\x1b[3" not in plain
    assert "\x1b[1;3" not in plain
    assert all(len(line) <= 80 for line in plain.splitlines())


def test_a_process_prints_the_url_alone(tmp_path: Path) -> None:
    key = make_credential(tmp_path)
    done = process("url", URL, "--expires-in", "1h", "--key", key, *AT)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") == 1
    denied = process("url", f"{URL}#x", "--expires-in", "1h", "--key", key, *AT)
    assert (denied.returncode, denied.stdout) == (1, b"")
    assert b"Traceback" not in denied.stderr
    usage = process("url", URL, "--key", key)
    assert (usage.returncode, usage.stdout) == (2, b"")


def test_no_process_shows_key_material(tmp_path: Path) -> None:
    key = make_credential(tmp_path)
    text = Path(key.removeprefix("file:")).read_text(encoding="utf-8")
    secrets = secrets_of(Credential.from_json(text).held_key)
    broken = json.dumps({**json.loads(text), "algorithm": "RSA_2048"})
    env = {
        "SIGNER_DEBUG": "1",
        "GOOD": text,
        "BROKEN": broken,
        "PEM": json.loads(text)["private_key_pem"],
    }
    for arguments in (
        ("keys", "show", key.removeprefix("file:")),
        ("url", URL, "--expires-in", "1h", "--key", "env:GOOD"),
        ("url", URL, "--expires-in", "1h", "--key", "env:BROKEN"),
        ("url", URL, "--expires-in", "1h", "--key", "env:PEM"),
        ("explain", URL, "--private-key", "env:BROKEN"),
        ("verify", URL, "--key", "env:GOOD"),
    ):
        done = process(*arguments, env=env)
        assert not [secret for secret in secrets if secret.encode() in done.stdout + done.stderr], (
            arguments
        )


def test_a_closed_pipe_is_quiet(tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("pipes end differently there")
    key = make_credential(tmp_path)
    urls = tmp_path / "urls"
    urls.write_text("".join(f"{URL}?{n}\n" for n in range(3000)), encoding="utf-8")
    command = f"{sys.executable} -m signer url - --expires-in 1h --key {key} < {urls} | head -1"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=False, timeout=120)
    assert done.stdout.count(b"\n") == 1
    assert done.stderr == b""


def test_a_console_that_is_not_utf8_gets_escapes(tmp_path: Path) -> None:
    done = process("keys", "show", str(tmp_path / "電影ü"), env={"PYTHONIOENCODING": "cp1252"})
    assert done.returncode == 1
    assert b"\\u96fb\\u5f71\xfc" in done.stderr


def test_the_group_names_its_commands_in_order() -> None:
    assert isinstance(program, Program)
    assert program.list_commands(click.Context(program))[:2] == ["url", "cookies"]
