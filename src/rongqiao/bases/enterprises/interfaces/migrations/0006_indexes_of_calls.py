from django.contrib.postgres.indexes import BrinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Built while calls are answered. One that was interrupted leaves an invalid index: drop it by its name, and migrate again.
    atomic = False
    dependencies = [("interfaces", "0005_lean_calls")]

    operations = [
        AddIndexConcurrently(
            model_name="datacall",
            index=BrinIndex(autosummarize=True, fields=["at"], name="datacall_periods", pages_per_range=32),
        ),
        AddIndexConcurrently(
            model_name="datacall",
            index=models.Index(fields=["consumer", "key", "at"], name="datacall_of_consumers"),
        ),
    ]
