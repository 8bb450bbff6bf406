"""The table of pictures."""

from django.core.files.storage import storages
from django.db import migrations, models


class Migration(migrations.Migration):
    """Make it."""

    initial = True
    dependencies = ()
    operations = (
        migrations.CreateModel(
            name="Picture",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=100)),
                ("file", models.FileField(upload_to="")),
                ("cover", models.FileField(storage=storages["public"], upload_to="")),
            ],
        ),
    )
