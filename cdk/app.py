"""The CDK app: reads the configuration that ``-c config=FILE`` names, and makes its stack.

Run by the CDK's command line, by ``make cdk ARGS="synth -c config=media.toml"``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from aws_cdk import App, Environment

from cdk.config import Config
from cdk.presigned import PresignedApiStack
from cdk.region import REGION
from cdk.settings_file import wrong
from cdk.stack import SignedCdnStack
from signer.errors import SignerError
from signer.grants_place import read_grants


def main(named: str | None = None) -> int:
    """Synthesize the stack; say what is wrong with the configuration in one line.

    Args:
        named: The configuration file; the context's ``config`` when None.
    """
    app = App()
    named = named or app.node.try_get_context("config")
    try:
        if not named:
            raise wrong("config", "is not said", "add -c config=FILE, such as cdk/example.toml")
        config = Config.read(Path(named).expanduser())
        # As the function will, so that a mistake in it stops here.
        read_grants(config.issuer.grants, base_url="https://media.example.com")
        if config.delivery == "s3":
            PresignedApiStack(app, config.name, config)
        else:
            SignedCdnStack(app, config.name, config, env=Environment(region=REGION))
        app.synth()
    except SignerError as error:
        advice = f"\n  {error.advice}" if error.advice else ""
        sys.stderr.write(f"error[{error.code}]: {error.message}{advice}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
