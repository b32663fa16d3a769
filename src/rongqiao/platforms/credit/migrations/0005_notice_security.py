from django.db import migrations

from rongqiao.accounts.row_security import KIND, ORGANISATION, limit_changes, limit_insert, protect_table

RECIPIENT = f"{KIND} = 'institution' AND recipient_id = {ORGANISATION}"


class Migration(migrations.Migration):
    dependencies = [("credit", "0004_reportnotice"), ("accounts", "0004_departments")]

    operations = [
        protect_table(
            "credit_reportnotice",
            enterprise="subject_uscc",
            also_read=f"({RECIPIENT}) OR {KIND} = 'operator'",
            also_write=RECIPIENT,
        ),
        # Telling is the platform's; a recipient may only note that it has read.
        limit_insert("credit_reportnotice", "false"),
        limit_changes("credit_reportnotice", "seen", ["seen_at"], kinds=["institution"]),
        limit_changes("credit_reportnotice", "frozen", [], kinds=["enterprise"]),
    ]
