"""``signer rotate``: rotation of signing keys, ordered and watched."""

from __future__ import annotations

import click

from signer.cli.rotate.beginning import adopt, init
from signer.cli.rotate.changing import configure, freeze, unfreeze
from signer.cli.rotate.looking import status
from signer.cli.rotate.revoking import revoke, rollback
from signer.cli.rotate.ticking import now, tick


@click.group()
def rotate() -> None:
    """Rotate signing keys without one viewer noticing.

    A ring is one key group with its keys, written down in one place (--ring). Each tick does one
    step of what is due; run one every few minutes. Every other command only orders something and
    ticks until it is done; what is interrupted, the next tick goes on with.

    Credentials come as for AWS's own command line (AWS_PROFILE, AWS_ACCESS_KEY_ID, ...).

    Exit codes: 0 done, or nothing to do; 1 refused, or AWS did not answer, or a person is needed;
    2 wrong usage or configuration; 130 after Ctrl-C.
    """


for _command in (
    init,
    adopt,
    status,
    tick,
    now,
    revoke,
    rollback,
    freeze,
    unfreeze,
    configure,
):
    rotate.add_command(_command)
