"""Strict stand-ins for the parts of AWS that rotation uses, in memory and with a clock of their own.

They take and return what boto3's clients do, raise botocore's own errors with AWS's codes, and
refuse what AWS refuses. All that they know lies in plain attributes, for tests to read and change.
"""

from tests.rotation.fakes.clock import Clock
from tests.rotation.fakes.cloudfront import FakeCloudFront
from tests.rotation.fakes.dynamodb import FakeDynamoDb
from tests.rotation.fakes.kms import FakeKms
from tests.rotation.fakes.secrets import FakeSecretsManager

__all__ = ["Clock", "FakeCloudFront", "FakeDynamoDb", "FakeKms", "FakeSecretsManager"]
