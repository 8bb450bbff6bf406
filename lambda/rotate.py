"""Rotation as a Lambda function: a tick for every event, and a ring for a stack that asks for one.

Everything that decides is in :mod:`signer.rotation`; here are the setting, one log line and the
metrics of an event. docs/rotation-function.md describes them, with an alarm to set on each.

The function's handler is ``rotate.handler``. A laptop makes one for other settings with ``build``.
"""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from signer.errors import ConfigurationError, RotationError, SignerError
from signer.rotation import stack_events
from signer.rotation.driver import Result, Rotation, Tick
from signer.rotation.opening import open_rotation
from signer.rotation.report import Report, report

Handler = Callable[[Any, Any], dict[str, Any]]

SERVICE: Final = "rotation"
NAMESPACE: Final = "CloudFrontIssuer"
SETTING: Final = "SIGNER_RING"

_SCHEME: Final = "dynamodb:"
_SECONDS: Final = 60.0
"""How long an event may take where nobody says how long that is."""

_TALKATIVE: Final = ("boto3", "botocore", "urllib3")
"""Loggers of libraries that write down at level DEBUG what they send: a private key, for one."""


class EventFailedError(RuntimeError):
    """What Lambda is told, so that it counts an error: a code and what to do, nothing of AWS's."""


def build(environ: Mapping[str, str], *, clients: Mapping[str, object] | None = None) -> Handler:
    """Return a handler for the setting in an environment; nothing is asked of AWS yet.

    Args:
        environ: ``SIGNER_RING`` and ``AWS_REGION``; Powertools has its own.
        clients: As for :func:`signer.rotation.opening.open_rotation`.

    Raises:
        ConfigurationError: ``setting``: ``SIGNER_RING`` is missing or wrong; no message has it.
    """
    rotation = _rotation(environ, clients)
    place = environ[SETTING].removeprefix(_SCHEME)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.INFO)
    logger = Logger(service=SERVICE, level=environ.get("POWERTOOLS_LOG_LEVEL", "INFO"))

    def handle(event: Any, context: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever AWS sends
        try:
            if stack_events.is_stack_event(event):
                return _for_stack(rotation, event, logger, seconds=_seconds(context))
            return _tick(rotation, logger, place)
        except Exception as error:  # noqa: BLE001 - told without its text, which may be secret
            failure = _failure(error, logger)
        if not stack_events.is_stack_event(event):
            _count(place, None)
        # Outside the handler, so that nothing of the error hangs on what Lambda is told.
        raise failure

    return handle


def _rotation(environ: Mapping[str, str], clients: Mapping[str, object] | None) -> Rotation:
    uri = environ.get(SETTING, "")
    if uri.startswith(_SCHEME):
        try:
            return open_rotation(uri, region=environ.get("AWS_REGION"), clients=clients)
        except RotationError:
            problem = "has a value that is not allowed"
    else:
        problem = "has a value that is not allowed" if uri else "is not set"
    raise ConfigurationError(
        "setting", f"{SETTING} {problem}", advice="set it to dynamodb:TABLE/NAME", variable=SETTING
    )


def _tick(rotation: Rotation, logger: Logger, place: str) -> dict[str, Any]:
    """Tick, and write the line and the metrics of it.

    Concerns and metrics take the ring as it is written down after the step, and AWS as it was seen
    before: a key that was just put into the group is counted in it from the next tick on.
    """
    tick = rotation.tick()
    seen = report(tick.ring, tick.observed, tick.step)
    told = _told(tick)
    write = logger.error if tick.result is Result.HALTED else logger.info
    write("tick", **told, concerns=list(seen.concerns))
    _count(place, seen)
    return told


def _told(tick: Tick) -> dict[str, Any]:
    """Return a tick for the log and for whoever invoked it.

    For a tick that was ``busy``, ``act`` is what was planned and not done. ``state`` is the key's
    state after the step; None where the step is about no key, or the key is gone.
    """
    key = tick.ring.key(tick.step.kid or "")
    return {**tick.facts(), "state": None if key is None else key.state.value}


def _for_stack(
    rotation: Rotation, event: Mapping[str, object], logger: Logger, *, seconds: float
) -> dict[str, Any]:
    outcome = stack_events.handle(rotation, event, seconds=seconds)
    asked = str(event["RequestType"])
    told: dict[str, Any] = {
        "request": asked if asked in stack_events.REQUESTS else None,
        "status": outcome.status,
        "code": outcome.code,
    }
    write = logger.error if outcome.code else logger.info
    write("stack", **told, resource=outcome.physical_id, reason=outcome.reason)
    # A failure that was answered is CloudFormation's to act upon: Lambda must not try it again.
    return told


def _count(place: str, seen: Report | None) -> None:
    """Write the metrics of a tick; of one that failed, that it did."""
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
    metrics.add_dimension("ring", place)
    metrics.add_metric("FailedTicks", MetricUnit.Count, 0 if seen else 1)
    if seen is not None:
        totals = seen.totals
        for name, age in (
            ("SigningKeyAge", totals.signing_key_age),
            ("ComingKeyAge", totals.coming_key_age),
        ):
            metrics.add_metric(name, MetricUnit.Seconds, age)
        for name, count in (
            ("KeysInGroup", totals.keys_in_group),
            ("ForeignKeys", totals.foreign),
            ("OverdueKeys", totals.overdue),
            ("StaleKeys", totals.stale),
            ("HealedKeys", totals.healed),
            ("QuarantinedKeys", totals.quarantined),
            ("RevokedKeys", totals.revoked),
            ("Halted", totals.halted),
        ):
            metrics.add_metric(name, MetricUnit.Count, count)
    metrics.flush_metrics()


def _failure(error: Exception, logger: Logger) -> EventFailedError:
    if isinstance(error, SignerError):
        code, told = error.code, str(error)
        logger.error("failed", code=code, reason=error.message, advice=error.advice)
    else:
        code, told = "internal", f"unexpected {type(error).__name__}"
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
        logger.error("failed", code=code, reason=told, where=where)
    return EventFailedError(f"{code}: {told}")


def _seconds(context: Any) -> float:  # noqa: ANN401 - Lambda's, which has no type
    left = getattr(context, "get_remaining_time_in_millis", None)
    return _SECONDS if left is None else left() / 1000


# Lambda names the handler. A laptop that imports this for `build` may have a ring of its own set.
if "_HANDLER" in os.environ:
    handler = build(os.environ)
