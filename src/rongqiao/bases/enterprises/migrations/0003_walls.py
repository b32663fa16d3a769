from django.db import migrations

from rongqiao.accounts.row_security import DATABASE_ROLE, KIND, ORGANISATION, REGION, USCC, protect_table

# The clock of the statement, as Django's Now(): a consent given earlier in the same transaction counts, and both walls agree.
READ = """DROP POLICY enterprises_portrait_read ON enterprises_portrait;
    CREATE POLICY enterprises_portrait_read ON enterprises_portrait FOR SELECT TO {role} USING (
      {kind} = 'system'
      OR ({kind} = 'enterprise' AND enterprise_id = {uscc})
      OR ({kind} = 'government' AND region_code LIKE {region} || '%')
      OR ({kind} = 'institution' AND EXISTS (
        SELECT FROM accounts_consent c WHERE c.subject_uscc = enterprise_id AND c.recipient_id = {organisation}
        AND c.revoked_at IS NULL AND {clock} >= c.valid_from AND {clock} < c.valid_until)))"""


def read_policy(clock):
    return READ.format(
        role=DATABASE_ROLE, kind=KIND, uscc=USCC, region=REGION, organisation=ORGANISATION, clock=clock
    )


class Migration(migrations.Migration):
    dependencies = [("enterprises", "0002_row_security"), ("accounts", "0002_row_security")]

    operations = [
        migrations.RunSQL(read_policy("statement_timestamp()"), read_policy("now()")),
        # Rejected rows hold whatever a department sent by mistake: operators only.
        protect_table("enterprises_quarantinedrow", also_read=f"{KIND} = 'operator'"),
    ]
