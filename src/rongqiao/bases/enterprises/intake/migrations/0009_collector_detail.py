from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("intake", "0008_duplicates")]

    operations = [
        migrations.AddField(
            model_name="collectorrun",
            name="detail",
            field=models.TextField(blank=True, default="", verbose_name="技术信息"),
        ),
    ]
