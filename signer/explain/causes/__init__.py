"""The detectors: each looks at a case and yields what it found.

They are run in this order, which is also the order of the report: what never arrived, the key,
the encoding, the signature, the policy, the Resource, the dates, the viewer, the surroundings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from signer.explain.causes.cookies import sending_findings
from signer.explain.causes.credentials import (
    cookie_set_findings,
    encoding_findings,
    presence_findings,
    reserved_findings,
    value_findings,
)
from signer.explain.causes.delivery import length_findings, playlist_findings
from signer.explain.causes.key import (
    key_pair_findings,
    key_pair_id_findings,
    key_type_findings,
    trust_findings,
)
from signer.explain.causes.policy import escape_findings, form_findings, statement_findings
from signer.explain.causes.resource import match_findings, s3_findings, wildcard_findings
from signer.explain.causes.signature import hash_findings, sha1_findings, signature_findings
from signer.explain.causes.times import (
    download_findings,
    expires_findings,
    millisecond_findings,
    misread_findings,
    window_findings,
)
from signer.explain.causes.viewer import viewer_ip_findings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from signer.explain.case import Case
    from signer.explain.finding import Finding

DETECTORS: Final[tuple[Callable[[Case], Iterator[Finding]], ...]] = (
    sending_findings,
    presence_findings,
    reserved_findings,
    cookie_set_findings,
    key_pair_id_findings,
    trust_findings,
    key_pair_findings,
    key_type_findings,
    encoding_findings,
    value_findings,
    hash_findings,
    signature_findings,
    statement_findings,
    form_findings,
    escape_findings,
    s3_findings,
    wildcard_findings,
    match_findings,
    millisecond_findings,
    window_findings,
    expires_findings,
    misread_findings,
    viewer_ip_findings,
    length_findings,
    playlist_findings,
    download_findings,
    sha1_findings,
)
"""Every detector, in the order of the report."""
