from django.db import migrations

from rongqiao.accounts.row_security import ORGANISATION, protect_table


class Migration(migrations.Migration):
    dependencies = [("credit", "0001_initial")]

    operations = [
        protect_table(
            "credit_report",
            enterprise="subject_uscc",
            institution="recipient_id",
            also_read=f"recipient_id = {ORGANISATION}",
            also_write=f"recipient_id = {ORGANISATION}",
            is_append_only=True,
        ),
    ]
