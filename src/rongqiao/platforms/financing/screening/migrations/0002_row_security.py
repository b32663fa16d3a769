from django.db import migrations

from rongqiao.accounts.row_security import KIND, ORGANISATION, limit_changes, limit_insert, protect_table

OWN = f"{KIND} = 'government' AND organisation_id = {ORGANISATION}"
OPERATOR = f"{KIND} = 'operator'"


class Migration(migrations.Migration):
    dependencies = [("screening", "0001_initial"), ("accounts", "0004_departments")]

    operations = [
        protect_table(
            "screening_screeninglist",
            institution="organisation_id",
            also_read=f"({OWN}) OR {OPERATOR}",
            also_write=OWN,
        ),
        # Whose a list is, how far it reaches and how long it stands is settled when it is opened.
        limit_changes(
            "screening_screeninglist",
            "editing",
            ["conditions", "figures", "status", "named_count", "handed_over_at"],
            kinds=["institution", "government"],
        ),
        protect_table(
            "screening_screeningversion",
            institution="organisation_id",
            also_read=OWN,
            also_write=OWN,
            is_append_only=True,
        ),
        # The enterprise reads who named it, and writes nothing here.
        protect_table(
            "screening_screeningmember",
            institution="organisation_id",
            enterprise="uscc",
            is_append_only=True,
        ),
        limit_insert(
            "screening_screeningmember", f"{KIND} = 'institution' AND organisation_id = {ORGANISATION}"
        ),
        protect_table(
            "screening_screeningquestion",
            institution="organisation_id",
            also_read=f"({OWN}) OR {OPERATOR}",
            also_write=OWN,
            is_append_only=True,
        ),
        protect_table("screening_findableconsent", enterprise="uscc"),
        limit_changes("screening_findableconsent", "revoking", ["revoked_at"], kinds=["enterprise"]),
    ]
