from django.db import migrations

from rongqiao.accounts.row_security import KIND, protect_table

OPERATOR = f"{KIND} = 'operator'"


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0001_initial"), ("accounts", "0003_guards")]

    operations = [
        # Who reads portraits reads which indicators are held back; only publication and operators change that.
        protect_table("catalogue_indicatorstatus", also_read="true", also_write=OPERATOR),
        protect_table(
            "catalogue_indicatordecision", also_read=OPERATOR, also_write=OPERATOR, is_append_only=True
        ),
    ]
