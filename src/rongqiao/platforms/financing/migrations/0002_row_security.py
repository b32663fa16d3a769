from django.db import migrations

from rongqiao.accounts.row_security import KIND, ORGANISATION, protect_table

# An institution sees, and moves along, exactly the demands that were pushed to it.
PUSHED = f"""{KIND} = 'institution' AND EXISTS (
    SELECT FROM financing_push p WHERE p.demand_id = financing_demand.id AND p.institution_id = {ORGANISATION})"""


class Migration(migrations.Migration):
    dependencies = [("financing", "0001_initial")]

    operations = [
        protect_table(
            "financing_demand",
            enterprise="uscc",
            region="region_code",
            also_read=PUSHED,
            also_write=PUSHED,
        ),
        protect_table("financing_match", enterprise="uscc", institution="institution_id"),
        protect_table(
            "financing_push", enterprise="uscc", institution="institution_id", region="region_code"
        ),
        protect_table(
            "financing_take", enterprise="uscc", institution="institution_id", region="region_code"
        ),
        protect_table("financing_quote", enterprise="uscc", institution="institution_id"),
        protect_table(
            "financing_application", enterprise="uscc", institution="institution_id", region="region_code"
        ),
        protect_table(
            "financing_loan", enterprise="uscc", institution="institution_id", region="region_code"
        ),
        protect_table("financing_instalment", enterprise="uscc", institution="institution_id"),
        protect_table(
            "financing_loanevent",
            enterprise="uscc",
            institution="institution_id",
            region="region_code",
            is_append_only=True,
        ),
    ]
