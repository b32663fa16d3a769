from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("intake", "0006_attempts"),
    ]

    operations = [
        # Filled by a change of type, which row security does not stand before: until now one day served for both.
        migrations.RunSQL(
            """ALTER TABLE intake_upload ADD COLUMN data_on date;
            ALTER TABLE intake_upload ALTER COLUMN data_on TYPE date USING delivered_on;
            ALTER TABLE intake_upload ALTER COLUMN data_on SET NOT NULL;""",
            "ALTER TABLE intake_upload DROP COLUMN data_on;",
            state_operations=[
                migrations.AddField("upload", "data_on", models.DateField(verbose_name="数据日期")),
                migrations.AlterField("upload", "delivered_on", models.DateField(verbose_name="接收日期")),
            ],
        ),
        migrations.AddField(
            "upload", "received_at", models.DateTimeField(null=True, verbose_name="接收时间")
        ),
    ]
