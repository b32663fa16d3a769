from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("enterprises", "0005_peer_groups_and_ties"),
    ]

    operations = [
        migrations.CreateModel(
            name="PublishedTable",
            fields=[
                ("table", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("version", models.BigIntegerField()),
                ("declared", models.CharField(max_length=16)),
                ("known_at", models.DateField()),
            ],
            options={
                "verbose_name": "已发布的数据湖表",
                "verbose_name_plural": "已发布的数据湖表",
            },
        ),
    ]
