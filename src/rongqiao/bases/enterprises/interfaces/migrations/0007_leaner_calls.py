import django.db.models.deletion
from django.db import migrations, models

from rongqiao.accounts.row_security import keep_rows


def named(to: str, name: str, **options: object) -> migrations.AlterField:
    field = models.ForeignKey(
        to,
        django.db.models.deletion.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
        **options,
    )
    return migrations.AlterField(model_name="datacall", name=name, field=field)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_kept_rows"), ("interfaces", "0006_indexes_of_calls")]

    operations = [
        # Nothing is read or built, so each lock is short; who cannot get it soon gives up rather than hold up all calls.
        migrations.RunSQL("SET LOCAL lock_timeout = '10s'", "SET LOCAL lock_timeout = '10s'"),
        keep_rows("interfaces_interfacekey"),
        keep_rows("interfaces_authorisation"),
        migrations.AlterField(model_name="datacall", name="at", field=models.DateTimeField()),
        named("interfaces.authorisation", "authorisation", null=True),
        named("accounts.organisation", "consumer"),
        named("accounts.organisation", "holder", null=True),
        migrations.AlterField(
            model_name="datacall",
            name="key",
            field=models.ForeignKey(
                "interfaces.interfacekey",
                django.db.models.deletion.PROTECT,
                related_name="calls",
                db_index=False,
                db_constraint=False,
            ),
        ),
    ]
