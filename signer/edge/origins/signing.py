"""The credentials with which origin access control's requests are signed here."""

from __future__ import annotations

import asyncio

from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from signer.edge.origin import FunctionUrlOrigin, S3Origin
from signer.edge.origins.request import OriginError

_BAD_GATEWAY = 502


class SigningCredentials:
    """An origin's own credentials, or those that boto finds on this machine."""

    def __init__(self, origin: S3Origin | FunctionUrlOrigin) -> None:
        self._origin = origin
        self._credentials: Credentials | None = None
        self._lock = asyncio.Lock()

    async def fresh(self) -> ReadOnlyCredentials:
        """Return credentials that are fresh; looking them up may read files or the network.

        Raises:
            OriginError: 502: there are none.
        """
        try:
            async with self._lock:
                if self._credentials is None:
                    self._credentials = await asyncio.to_thread(self._find)
                return await asyncio.to_thread(self._credentials.get_frozen_credentials)
        except BotoCoreError as error:
            raise OriginError(_BAD_GATEWAY, f"No AWS credentials: {error}") from error

    def _find(self) -> Credentials:
        origin = self._origin
        if origin.access_key_id is not None and origin.secret_access_key is not None:
            return Credentials(origin.access_key_id, origin.secret_access_key, origin.session_token)
        found: Credentials | None = Session().get_credentials()
        if found is None:
            raise OriginError(_BAD_GATEWAY, "No AWS credentials were found on this machine")
        return found
