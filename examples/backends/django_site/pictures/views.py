"""Log-in and log-out are Django's own; signed cookies follow them through the middleware."""

from __future__ import annotations

import json

from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_POST

from pictures.models import Picture
from signer.integrations.django import current


@require_POST
def log_in(request: HttpRequest) -> HttpResponse:
    """Check name and password."""
    given = json.loads(request.body)
    user = authenticate(request, username=given.get("name"), password=given.get("password"))
    if user is None:
        return JsonResponse({"name": None}, status=401)
    login(request, user)
    return JsonResponse({"name": user.get_username()})


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    return JsonResponse({"name": None})


@require_GET
@ensure_csrf_cookie
def session(request: HttpRequest) -> HttpResponse:
    """Tell who is logged in."""
    return JsonResponse({"name": request.user.get_username() or None})


@require_GET
def image_url(request: HttpRequest, filename: str) -> HttpResponse:
    """Sign the URL of one image for whoever asks, if a grant of theirs has it."""
    made = current(request).url("share", filename)
    return JsonResponse({"url": made.url, "expires_at": made.expires_at})


@require_GET
def pictures(request: HttpRequest) -> HttpResponse:
    """List the pictures: covers for everybody, signed URLs for those who are in the group."""
    shown = request.user.groups.filter(name="gallery").exists()  # type: ignore[union-attr]
    found = [
        {"title": one.title, "cover": one.cover.url, "url": one.file.url if shown else None}
        for one in Picture.objects.order_by("pk")
    ]
    return JsonResponse({"pictures": found})
