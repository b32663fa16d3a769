from django.db import migrations

from rongqiao.accounts.row_security import ORGANISATION, limit_insert


class Migration(migrations.Migration):
    dependencies = [("credit", "0002_row_security"), ("accounts", "0003_guards")]

    operations = [
        # A report is issued to whoever asks for it; an enterprise cannot issue one on itself to a bank.
        limit_insert("credit_report", f"recipient_id = {ORGANISATION}"),
    ]
