import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

SUBJECT = "enterprises_readrecord_subject_uscc_13f1e009"


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_kept_rows"),
        ("enterprises", "0008_name_search"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # Nothing is read or built, so each lock is short; who cannot get it soon gives up rather than hold up all reads.
        migrations.RunSQL("SET LOCAL lock_timeout = '10s'", "SET LOCAL lock_timeout = '10s'"),
        migrations.AlterField(
            model_name="readrecord",
            name="consent",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reads",
                to="accounts.consent",
            ),
        ),
        migrations.AlterField(
            model_name="readrecord",
            name="reader",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="readrecord",
            name="reader_organisation",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.organisation",
            ),
        ),
        # The index stays, under the name that the model gives it; only the one for patterns, by which nobody asks, goes.
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    f"ALTER INDEX {SUBJECT} RENAME TO readrecord_subject; DROP INDEX {SUBJECT}_like",
                    f"""ALTER INDEX readrecord_subject RENAME TO {SUBJECT};
                    CREATE INDEX {SUBJECT}_like ON enterprises_readrecord (subject_uscc varchar_pattern_ops)""",
                )
            ],
            state_operations=[
                migrations.AlterField(
                    model_name="readrecord", name="subject_uscc", field=models.CharField(max_length=18)
                ),
                migrations.AddIndex(
                    model_name="readrecord",
                    index=models.Index(fields=["subject_uscc"], name="readrecord_subject"),
                ),
            ],
        ),
    ]
