"""The command group: sub-commands loaded when they are used, and every error in one place."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import metadata
from typing import Any, Final, NamedTuple, NoReturn, TextIO

import click

from signer.errors import SignerError

REFUSED: Final = 1
WRONG_USAGE: Final = 2
_INTERRUPTED: Final = 130


class _Entry(NamedTuple):
    module: str
    summary: str
    extra: str = "cli"


_COMMANDS: Final = {
    "url": _Entry("signer.cli.url", "Print signed URLs."),
    "cookies": _Entry("signer.cli.cookies", "Print signed cookies, or the lines that clear them."),
    "verify": _Entry("signer.cli.verify", "Decide about a request as CloudFront would."),
    "explain": _Entry("signer.cli.explain", "Say what a signature grants and why it is refused."),
    "keys": _Entry("signer.cli.keys", "Make, show and bind keys."),
    "edge": _Entry(
        "signer.cli.edge", "Serve a distribution on this machine, as CloudFront would.", "edge"
    ),
    "dev": _Entry("signer.cli.dev", "Run a private gallery behind a local CloudFront.", "dev"),
}


class Program(click.Group):
    """A group whose commands are imported one by one, when they are used.

    So that ``signer --help`` is quick and ``signer url`` works without what the edge needs.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order in which one meets them."""
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; one whose extra is not installed says so when it is run."""
        del ctx
        entry = _COMMANDS.get(cmd_name)
        if entry is None:
            return None
        try:
            command: click.Command = getattr(importlib.import_module(entry.module), cmd_name)
        except ModuleNotFoundError as error:
            return _unavailable(cmd_name, entry, error)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in _COMMANDS.items()])

    def main(  # type: ignore[override]  # never returns: always standalone
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        **extra: Any,  # noqa: ANN401 - click's signature
    ) -> NoReturn:
        """Run, and turn every way to end into an exit code and at most a few lines."""
        given = list(sys.argv[1:] if args is None else args)
        extra["standalone_mode"] = False
        _forgive_encoding(sys.stdout, sys.stderr)
        code: object
        try:
            code = super().main(given, prog_name=prog_name, **extra)
        except click.exceptions.Exit as ended:
            code = ended.exit_code
        except Exception as error:  # noqa: BLE001 - the last line of defence against tracebacks
            code = _code_after(error, as_json="--json" in given)
        sys.exit(code if isinstance(code, int) else 0)


_EPILOG: Final = """\b
Shell completion (bash_source, zsh_source or fish_source):
  eval "$(_SIGNER_COMPLETE=bash_source signer)"
"""


@click.group(
    cls=Program,
    epilog=_EPILOG,
    context_settings={"max_content_width": 88},
)
@click.version_option(
    version=metadata.version("cloudfront-issuer"), message="signer %(version)s", prog_name="signer"
)
def program() -> None:
    """Issue, verify and explain CloudFront signed URLs and signed cookies.

    Keys come from a credential document named by --key or the environment variable SIGNER_KEY:
    file:PATH, or env:NAME for a document in an environment variable.

    Exit codes: 0 done, 1 refused or denied, 2 wrong usage. Every command has --json.
    """


def _code_after(error: Exception, *, as_json: bool) -> int:  # noqa: PLR0911 - one a kind of error
    """Say what went wrong, and return the exit code for it."""
    match error:
        case click.Abort():
            return _INTERRUPTED
        case click.ClickException():
            return _report_usage(error, as_json=as_json)
        case SignerError():
            return _report(error.code, error.message, error.advice, as_json=as_json)
        case BrokenPipeError():
            return _quiet_pipe()
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            message = f"{where}{error.strerror or type(error).__name__}"
            return _report("os", message, "", as_json=as_json)
        case ModuleNotFoundError() if not (error.name or "signer").startswith("signer"):
            return _report(
                "extra_missing",
                f"this command needs {error.name}, which is not installed",
                "install the extra that has it: cloudfront-issuer[cli,edge] for signer edge, "
                "cloudfront-issuer[dev] for signer dev",
                as_json=as_json,
            )
        case _:
            return _report_bug(error, as_json=as_json)


def _unavailable(name: str, entry: _Entry, error: ModuleNotFoundError) -> click.Command:
    missing = (error.name or "").partition(".")[0]

    @click.command(
        name,
        help=f"{entry.summary} Not installed.",
        context_settings={"ignore_unknown_options": True},
        add_help_option=False,
    )
    @click.argument("rest", nargs=-1, type=click.UNPROCESSED)
    def unavailable(rest: tuple[str, ...]) -> NoReturn:
        del rest
        code = _report(
            "extra_missing",
            f"signer {name} needs {missing}",
            f"install it with: pip install 'cloudfront-issuer[{entry.extra}]'",
            as_json=False,
        )
        raise click.exceptions.Exit(WRONG_USAGE if code else 0)

    return unavailable


def _report(code: str, message: str, advice: str, *, as_json: bool) -> int:
    """Write an error to standard error."""
    if as_json:
        error = {"code": code, "message": message, "advice": advice}
        click.echo(json.dumps({"error": error}), err=True)
        return REFUSED
    label = click.style(f"error[{code}]", fg="red", bold=True)
    click.echo(f"{label}: {message}", err=True, color=_colour(sys.stderr))
    if advice:
        click.echo(f"  {advice}", err=True)
    return REFUSED


def _report_usage(error: click.ClickException, *, as_json: bool) -> int:
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else "signer"
    message = error.format_message().rstrip(".")
    _report("usage", message, f"see: {command} --help", as_json=as_json)
    return WRONG_USAGE


def _report_bug(error: Exception, *, as_json: bool) -> int:
    """Report what should not have happened, without its text: nobody knows what is in it."""
    if os.environ.get("SIGNER_DEBUG") == "1":
        traceback.print_exception(error)
        return REFUSED
    name = type(error).__name__
    advice = "run again with SIGNER_DEBUG=1 for a traceback, and report it"
    return _report("internal", f"unexpected {name}", advice, as_json=as_json)


def _forgive_encoding(*streams: TextIO) -> None:
    """Escape what a console cannot show, instead of failing half-way through a line."""
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _quiet_pipe() -> int:
    """Let the interpreter's last flush go nowhere when the reader has gone."""
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - until exit
    return REFUSED


def _colour(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and "--no-color" not in sys.argv
