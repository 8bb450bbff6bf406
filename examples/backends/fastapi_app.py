"""A FastAPI backend: log-in sets signed cookies, a route signs URLs, log-out clears the cookies.

    make example ARGS=fastapi

runs it behind a local CloudFront. By itself: ``uvicorn --factory fastapi_app:create_app`` in this
folder, with EXAMPLE_SECRET_KEY, EXAMPLE_PASSWORD, SIGNER_CREDENTIAL, SIGNER_GRANTS and
SIGNER_BASE_URL set; run.py has values for all of them.
"""

import hmac
import os
import time
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel
from starlette.middleware.sessions import SessionMiddleware

from signer.integrations.starlette import SignedAccessMiddleware, Viewer, current, open_access

# Stands for your own users: who they are, and what a grants table asks about them.
ACCOUNTS: dict[str, list[str]] = {"ada": ["gallery", "cinema"], "guest": ["gallery"]}

CurrentViewer = Annotated[Viewer, Depends(current)]


class LogIn(BaseModel):
    """What a log-in sends. JSON only: no form of another site can send it."""

    name: str
    password: str


class LogOut(BaseModel):
    """An empty object, so that this is JSON too."""


async def claims_of(name: str) -> dict[str, object] | None:
    """Return the present claims of somebody; None when they may see nothing any longer."""
    groups = ACCOUNTS.get(name)
    return None if groups is None else {"sub": name, "groups": groups}


def create_app(*, clock: Callable[[], float] = time.time) -> FastAPI:
    """Make the app; `clock` is for tests."""
    app = FastAPI(title="Private gallery")
    access = open_access(
        credential=os.environ["SIGNER_CREDENTIAL"],
        grants=os.environ["SIGNER_GRANTS"],
        base_url=os.environ["SIGNER_BASE_URL"],
        clock=clock,
    )
    app.add_middleware(SignedAccessMiddleware, access=access, load=claims_of, clock=clock)
    # Added last, so that it is outside: the other one keeps its record in this session.
    app.add_middleware(
        SessionMiddleware,
        secret_key=os.environ["EXAMPLE_SECRET_KEY"],
        session_cookie="__Host-session",
        https_only=True,
    )

    @app.post("/api/login")
    async def log_in(given: LogIn, viewer: CurrentViewer) -> dict[str, str]:
        password = os.environ["EXAMPLE_PASSWORD"].encode()
        right = hmac.compare_digest(given.password.encode(), password)
        claims = await claims_of(given.name) if right else None
        if claims is None:
            raise HTTPException(401)
        await viewer.log_in_async(claims)
        return {"name": given.name}

    @app.post("/api/logout")
    async def log_out(_: LogOut, viewer: CurrentViewer) -> dict[str, None]:
        viewer.log_out()
        return {"name": None}

    @app.get("/api/session")
    async def session(viewer: CurrentViewer) -> dict[str, str | None]:
        return {"name": viewer.subject}

    @app.get("/api/images/{filename}/url")
    async def image_url(filename: str, viewer: CurrentViewer) -> dict[str, str | int]:
        made = await viewer.url_async("share", filename)
        return {"url": made.url, "expires_at": made.expires_at}

    return app
