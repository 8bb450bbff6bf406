"""Two accounts and a picture to begin with; the password comes from the environment."""

import os

from django.contrib.auth.hashers import make_password
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

ACCOUNTS = {"ada": ["gallery", "cinema"], "guest": ["gallery"]}


def fill(apps: StateApps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Fill the tables."""
    user, group = apps.get_model("auth", "User"), apps.get_model("auth", "Group")
    password = make_password(os.environ["EXAMPLE_PASSWORD"])
    for name, groups in ACCOUNTS.items():
        made = user.objects.create(username=name, password=password)
        made.groups.set([group.objects.get_or_create(name=one)[0] for one in groups])
    apps.get_model("pictures", "Picture").objects.create(
        title="Moonrise", file="moonrise.jpg", cover="moon.svg"
    )


class Migration(migrations.Migration):
    """Do it once."""

    dependencies = (
        ("auth", "0012_alter_user_first_name_max_length"),
        ("pictures", "0001_initial"),
    )
    operations = (migrations.RunPython(fill, migrations.RunPython.noop),)
