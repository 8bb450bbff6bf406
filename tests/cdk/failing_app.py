"""The app with one more resource, which cannot be made: what a deployment that fails is."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import App, CustomResource, Environment

from cdk.config import Config
from cdk.region import REGION
from cdk.stack import SignedCdnStack


def main() -> None:
    """Synthesize it."""
    app = App()
    config = Config.read(Path(app.node.try_get_context("config")))
    stack = SignedCdnStack(app, config.name, config, env=Environment(region=REGION))
    tick = stack.node.find_child("Keys").function.lambda_function
    broken = CustomResource(
        stack,
        "Broken",
        resource_type="Custom::SigningKeyRing",
        service_token=tick.function_arn,
        # A ring without secrets: the function refuses it.
        properties={"Name": "broken"},
    )
    # Last of all, when everything else has been changed already.
    broken.node.add_dependency(stack.node.find_child("Site"))
    app.synth()


if __name__ == "__main__":
    main()
