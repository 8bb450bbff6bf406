"""The stack of cdk/ on this machine: deployed by the CDK's own command line, and taken down again.

What is deployed is the template that an account would get; only the functions' wheels are those of
this machine, since the emulator runs functions on it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from signer.dev.ministack import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY
from signer.errors import ConfigurationError

ACCOUNT: Final = "000000000000"
"""The account that the emulator plays."""

_EVENT: Final = re.compile(r"\| +([0-9]+(?:/[0-9]+)?) \|.*\| [A-Z]+_COMPLETE +\| (\S+)")
_LINES_KEPT: Final = 40
_SHOWN: Final = 6
_TRUST: Final = ("NODE_EXTRA_CA_CERTS", "AWS_CA_BUNDLE")
_NOTHING: Final = MappingProxyType(
    {
        "manifest.json": {
            "version": "36.0.0",
            "artifacts": {
                "nothing": {
                    "type": "aws:cloudformation:stack",
                    "environment": f"aws://{ACCOUNT}/{REGION}",
                    "properties": {"templateFile": "nothing.json"},
                }
            },
        },
        "nothing.json": {"Resources": {}},
    }
)
"""A cloud assembly with a stack of nothing."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a deployed stack says; see docs/deploy.md.

    Attributes:
        values: Name of each output to its value.
    """

    values: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        """Return the value of an output."""
        return self.values[name]


def find_checkout() -> Path:
    """Return the folder with the infrastructure code.

    Raises:
        ConfigurationError: ``checkout``: this is an installation without it.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / "cdk.json").is_file():
        raise ConfigurationError(
            "checkout",
            "the infrastructure code is in a checkout of the project, not in its package",
            advice="use `signer dev` without --cdk, or clone the project and `make demo`",
        )
    return root


@dataclass(frozen=True, slots=True)
class Deployment:
    """A stack that is there.

    Attributes:
        cdk: What deployed it.
        outputs: What it says.
    """

    cdk: Cdk
    outputs: Outputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Cdk:
    """The CDK's command line, bound to an AWS on loopback and a configuration.

    Attributes:
        endpoint_url: Where that AWS answers.
        config: The stack's configuration file.
        folder: Where templates, assets and outputs are written.
        ca: Certificate of who signed the endpoint's own, if it speaks TLS.
        say: Told what happens, one line at a time.
    """

    endpoint_url: str
    config: Path
    folder: Path
    ca: Path | None = None
    say: Callable[[str], None] = lambda _: None

    def begin(self) -> Outputs:
        """Bootstrap the account while the stack is synthesized, then deploy that.

        Raises:
            ConfigurationError: ``cdk``: one of them failed.
        """
        with ThreadPoolExecutor(1) as beside:
            bootstrapped = beside.submit(self.bootstrap)
            self.synth()
            bootstrapped.result()
        return self.deploy()

    def bootstrap(self) -> None:
        """Make what the CDK needs in an account, once."""
        self.say("bootstrapping the account: cdk bootstrap")
        # It wants to see a stack, and would run the whole app for it.
        nothing = self.folder / "nothing.out"
        nothing.mkdir(exist_ok=True)
        for name, document in _NOTHING.items():
            (nothing / name).write_text(json.dumps(document), encoding="utf-8")
        self.run("bootstrap", f"aws://{ACCOUNT}/{REGION}", app=str(nothing))

    def synth(self) -> None:
        """Write templates and assets; the other commands use what was written last."""
        self.say("synthesizing the stack: cdk synth")
        self.run("synth", "--quiet", "--output", str(self._assembly), app=None)

    def deploy(self, *arguments: str) -> Outputs:
        """Deploy what was synthesized, and return the stack's outputs.

        Raises:
            ConfigurationError: ``cdk``: it cannot be deployed; evidence has the last lines.
        """
        self.say("deploying the stack: cdk deploy")
        file = self.folder / "outputs.json"
        self.run(
            *("deploy", "--require-approval", "never", "--outputs-file", str(file), *arguments)
        )
        (values,) = json.loads(file.read_text("utf-8")).values()
        return Outputs(values)

    def destroy(self) -> None:
        """Take the stack down."""
        self.say("taking the stack down: cdk destroy")
        self.run("destroy", "--force")

    def diff(self) -> str:
        """Return what the next deployment would change."""
        return self.run("diff")

    @property
    def _assembly(self) -> Path:
        return self.folder / "cdk.out"

    def run(self, *arguments: str, app: str | None = "") -> str:
        """Run one command and return all that it wrote.

        Args:
            arguments: The command and its own.
            app: What synthesizes for this command: a program; None for the project's own; what
                was synthesized last when empty.

        Raises:
            ConfigurationError: ``cdk``: it failed.
        """
        command = [sys.executable, str(find_checkout() / "tools" / "cdk.py"), *arguments]
        command += ["--context", f"config={self.config}"]
        if app == "":
            command += ["--app", str(self._assembly)]
        elif app is not None:
            command += ["--app", app]
            command += ["--output", str(self.folder / "other.out")] if " " in app else []
        with subprocess.Popen(
            command,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as process:
            try:
                lines = list(self._told(process.stdout or ()))
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0:
            raise _failed(arguments[0], process.returncode, lines)
        return "".join(lines)

    def _told(self, lines: Iterable[str]) -> Iterable[str]:
        for line in lines:
            event = _EVENT.search(line)
            if event is not None:
                self.say(f"{event[1]} {event[2]}")
            yield line

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        trust = {} if self.ca is None else dict.fromkeys(_TRUST, str(self.ca))
        return {
            **kept,
            **trust,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            # The CDK's S3 client would put the bucket in front of the host's name otherwise.
            "AWS_ENDPOINT_URL_S3": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "AWS_REGION": REGION,
            # No file of this machine's user says which account it is.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "localhost,127.0.0.1",
            "PYTHONUTF8": "1",
        }


def _failed(command: str, returncode: int, lines: list[str]) -> ConfigurationError:
    told = [line.rstrip() for line in lines if line.strip()]
    at = next((n for n, line in enumerate(told) if line.startswith("Failed resources")), -_SHOWN)
    return ConfigurationError(
        "cdk",
        "\n  ".join([f"cdk {command} failed with exit code {returncode}:", *told[at:][:_SHOWN]]),
        advice="docs/deploy.md has the usual causes",
        output="\n".join(deque(told, maxlen=_LINES_KEPT)),
    )
