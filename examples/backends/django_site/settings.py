"""A Django site whose private and public files lie behind CloudFront, side by side.

    make example ARGS=django

runs it behind a local CloudFront. By itself: ``python manage.py migrate`` and ``runserver``, with
the variables that are read below set; run.py has values for all of them.
"""

import os
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
EXAMPLES = FOLDER.parents[1]

SECRET_KEY = os.environ["EXAMPLE_SECRET_KEY"]
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
CSRF_TRUSTED_ORIGINS = [os.environ["SIGNER_BASE_URL"]]
ROOT_URLCONF = "urls"
TIME_ZONE = "UTC"
USE_TZ = True

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "signer.integrations.django.apps.SignedAccessConfig",
    "pictures",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "signer.integrations.django.SignedAccessMiddleware",
]
SIGNER = {
    "CREDENTIAL": os.environ["SIGNER_CREDENTIAL"],
    "GRANTS": os.environ["SIGNER_GRANTS"],
    "BASE_URL": os.environ["SIGNER_BASE_URL"],
}
# Which of the two a file has is decided by its storage alone.
STORAGES = {
    "default": {
        "BACKEND": "signer.integrations.django.SignedUrlFileSystemStorage",
        "OPTIONS": {
            "location": EXAMPLES / "gallery" / "media" / "gallery",
            "grant": "share",
            "claims": {"groups": ["gallery"]},
        },
    },
    "public": {
        "BACKEND": "signer.integrations.django.PublicUrlFileSystemStorage",
        "OPTIONS": {"location": FOLDER.parent / "public" / "covers", "prefix": "covers"},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["EXAMPLE_DATABASE"]}
}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"

SESSION_COOKIE_NAME = "__Host-session"
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
