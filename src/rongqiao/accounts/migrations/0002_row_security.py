from django.db import migrations

from rongqiao.accounts.row_security import KIND, ORGANISATION, protect_table


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        protect_table(
            "accounts_consent",
            enterprise="subject_uscc",
            institution="recipient_id",
            institution_writes=False,
        ),
        protect_table(
            "accounts_auditrecord",
            also_read=f"{KIND} = 'operator' OR organisation_id = {ORGANISATION}",
            also_write=f"organisation_id = {ORGANISATION}",
            is_append_only=True,
        ),
    ]
