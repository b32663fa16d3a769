from django.db import migrations

from rongqiao.accounts.row_security import KIND, ORGANISATION, protect_table


class Migration(migrations.Migration):
    dependencies = [("enterprises", "0001_initial")]

    operations = [
        protect_table(
            "enterprises_portrait",
            enterprise="enterprise_id",
            region="region_code",
            institution_writes=False,
            also_read=f"""{KIND} = 'institution' AND EXISTS (
                SELECT FROM accounts_consent c WHERE c.subject_uscc = enterprise_id AND c.recipient_id = {ORGANISATION}
                AND c.revoked_at IS NULL AND now() >= c.valid_from AND now() < c.valid_until)""",
        ),
        protect_table(
            "enterprises_readrecord",
            enterprise="subject_uscc",
            institution="reader_organisation_id",
            also_read=f"reader_organisation_id = {ORGANISATION}",
            also_write=f"reader_organisation_id = {ORGANISATION}",
            is_append_only=True,
        ),
    ]
