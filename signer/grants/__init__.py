"""Grants: a server-side table that says which claims open what.

A client names a grant, never a Resource, and nothing that it or an identity provider sends can
open more than the table's author wrote: slots are filled with one plain segment each.
docs/grants.md describes the file.

Example:
    >>> from signer.grants import GrantTable
    >>> table = GrantTable.from_toml('''
    ... version = 1
    ... [[grants]]
    ... name = "docs"
    ... path = "/t/{tenant}/docs/*"
    ... ''', base_url="https://media.example.com")
    >>> [permit.resource for permit in table.permits({"tenant": "acme"})]
    ['https://media.example.com/t/acme/docs/*']
    >>> table.permits({"tenant": "*"})
    ()
"""

from signer.grants.claims import MAX_SLOT_VALUES, Refusal, Slot
from signer.grants.grant import Deny, Grant, Outcome, Permit, Transport
from signer.grants.table import Claims, GrantTable

__all__ = [
    "MAX_SLOT_VALUES",
    "Claims",
    "Deny",
    "Grant",
    "GrantTable",
    "Outcome",
    "Permit",
    "Refusal",
    "Slot",
    "Transport",
]
