"""The command group: sub-commands loaded when they are used, and every error in one place."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import metadata
from typing import Any, Final, NamedTuple, NoReturn, Self, TextIO

import click

from signer.errors import ConfigurationError, SignerError

REFUSED: Final = 1
WRONG_USAGE: Final = 2
INTERRUPTED: Final = 130


class _Entry(NamedTuple):
    module: str
    summary: str
    extra: str = "cli"


_COMMANDS: Final = {
    "url": _Entry("signer.cli.url", "Print signed URLs."),
    "cookies": _Entry("signer.cli.cookies", "Print signed cookies, or the lines that clear them."),
    "s3-url": _Entry("signer.cli.s3_url", "Print S3 presigned URLs.", "cli,aws"),
    "verify": _Entry("signer.cli.verify", "Decide about a request as CloudFront would."),
    "explain": _Entry("signer.cli.explain", "Say what a signature grants and why it is refused."),
    "grants": _Entry("signer.cli.grants", "Check a grants table, and show what it gives to whom."),
    "keys": _Entry("signer.cli.keys", "Make, show and bind keys."),
    "rotate": _Entry(
        "signer.cli.rotate", "Rotate signing keys without one viewer noticing.", "cli,aws"
    ),
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
        """Import a command.

        Raises:
            ConfigurationError: ``extra_missing``.
        """
        del ctx
        entry = _COMMANDS.get(cmd_name)
        if entry is None:
            return None
        try:
            command: click.Command = getattr(
                importlib.import_module(entry.module), cmd_name.replace("-", "_")
            )
        except ModuleNotFoundError as error:
            raise _extra_missing(cmd_name, error) from error
        return command

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        """Run the command; most of what it needs is imported only then."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            raise _extra_missing(ctx.invoked_subcommand, error) from error

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
            code = _code_after(error, _Voice.wanted(given))
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

    Exit codes: 0 done, 1 refused or denied, 2 wrong usage or configuration. Every
    command has --json.
    """


class _Voice(NamedTuple):
    """How errors are told."""

    as_json: bool
    color: bool

    @classmethod
    def wanted(cls, given: Sequence[str]) -> Self:
        """Look at the arguments themselves: what is wrong may be that they cannot be parsed."""
        plain = os.environ.get("NO_COLOR") or "--no-color" in given
        return cls(as_json="--json" in given, color=sys.stderr.isatty() and not plain)

    def tell(self, code: str, message: str, advice: str = "") -> None:
        """Write an error to standard error."""
        if self.as_json:
            error = {"code": code, "message": message, "advice": advice}
            click.echo(json.dumps({"error": error}), err=True)
            return
        label = click.style(f"error[{code}]", fg="red", bold=True)
        click.echo(f"{label}: {message}", err=True, color=self.color)
        if advice:
            click.echo(f"  {advice}", err=True)


def _code_after(error: Exception, voice: _Voice) -> int:
    """Say what went wrong, and return the exit code for it."""
    match error:
        case click.Abort():
            return INTERRUPTED
        case click.ClickException():
            return _after_usage(error, voice)
        case SignerError():
            return _after_refusal(error, voice)
        case BrokenPipeError():
            return _quiet_pipe()
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            voice.tell("os", f"{where}{error.strerror or type(error).__name__}")
            return REFUSED
        case _:
            return _after_bug(error, voice)


def _after_usage(error: click.ClickException, voice: _Voice) -> int:
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else "signer"
    voice.tell("usage", error.format_message().rstrip("."), f"see: {command} --help")
    return WRONG_USAGE


def _after_refusal(error: SignerError, voice: _Voice) -> int:
    # What a program said that was run for the command, such as pip.
    output = error.evidence.get("output")
    if output and not voice.as_json:
        click.echo(str(output), err=True)
    voice.tell(error.code, error.message, error.advice)
    return WRONG_USAGE if isinstance(error, ConfigurationError) else REFUSED


def _after_bug(error: Exception, voice: _Voice) -> int:
    """Report what should not have happened, without its text: nobody knows what is in it."""
    if os.environ.get("SIGNER_DEBUG") == "1":
        traceback.print_exception(error)
        return REFUSED
    advice = "run again with SIGNER_DEBUG=1 for a traceback, and report it"
    voice.tell("internal", f"unexpected {type(error).__name__}", advice)
    return REFUSED


def _extra_missing(name: str | None, error: ModuleNotFoundError) -> Exception:
    """Return what to raise: which extra a command lacks, or the error itself when it is a bug."""
    entry = _COMMANDS.get(name or "")
    package = (error.name or "").partition(".")[0]
    if entry is None or package in {"", "signer"}:
        return error
    return ConfigurationError(
        "extra_missing",
        f"signer {name} needs {package}, which is not installed",
        advice=f"install it with: pip install 'cloudfront-issuer[{entry.extra}]'",
    )


def _forgive_encoding(*streams: TextIO) -> None:
    """Escape what a console cannot show, instead of failing half-way through a line."""
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _quiet_pipe() -> int:
    """Let the interpreter's last flush go nowhere when the reader has gone."""
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - until exit
    return REFUSED
