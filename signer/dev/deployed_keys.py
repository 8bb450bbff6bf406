"""The keys of a deployed stack on this machine: ticks by its own function, a second apart.

The schedule of the stack ticks as well, once a minute; on this machine nobody waits that long. When
issuers are to sign with another key, their function is started anew, since they look for one every
five minutes only: what an operator does after a key was stolen.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from signer.dev.deployment import Outputs
from signer.dev.rotating import client_of, ticking_by
from signer.dev.rotation_news import News

_SWITCHES: Final = ("promote", "note_active")


class DeployedKeys:
    """Ticks, and starts issuers anew after a switch.

    Args:
        endpoint_url: The AWS on this machine.
        outputs: Of the stack.
    """

    def __init__(self, endpoint_url: str, outputs: Outputs) -> None:
        self._functions = client_of(endpoint_url, "lambda")
        self._outputs = outputs

    def tick(self) -> dict[str, Any]:
        """Invoke the tick function, and return what it answers.

        Raises:
            ClientError: The emulator refuses.
        """
        answer = self._functions.invoke(FunctionName=self._outputs["TickFunction"], Payload=b"{}")
        told: dict[str, Any] = json.loads(answer["Payload"].read())
        if told.get("act") in _SWITCHES:
            self.restart_issuers()
        return told

    def restart_issuers(self) -> None:
        """Let the issuer's next request start a new copy of it, which reads the credential."""
        start_anew(self._functions, self._outputs["IssuerFunction"])


def start_anew(functions: Any, name: str) -> None:  # noqa: ANN401 - boto3's clients have no type
    """Change a function's configuration, so that its next request begins with a new copy of it.

    Args:
        functions: boto3's client of Lambda.
        name: Of the function.
    """
    now = functions.get_function_configuration(FunctionName=name)
    functions.update_function_configuration(
        FunctionName=name,
        Description=f"started anew at {time.time():.3f}",
        # MiniStack goes by what a copy is started with, and does not look whether it changed.
        Timeout=now["Timeout"],
    )


def ticking(
    keys: DeployedKeys, tell: Callable[[News], None]
) -> contextlib.AbstractAsyncContextManager[None]:
    """Tick until the block ends.

    Args:
        keys: Of the stack.
        tell: Told what happens; nothing twice in a row.
    """
    return ticking_by(lambda: _ticked(keys), tell)


def _ticked(keys: DeployedKeys) -> News | None:
    try:
        told = keys.tick()
    except (BotoCoreError, ClientError) as error:
        # The next tick looks again.
        return News(f"a tick failed: {type(error).__name__}", lasting=True)
    if "errorMessage" in told:
        return News(f"a tick failed: {told['errorMessage']}", lasting=True)
    if told.get("result") != "done":
        return None
    return News(f"{told['act']} key {str(told['kid'])[:8]}: {told['why']}", lasting=True)
