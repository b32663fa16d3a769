from django.db import migrations

from rongqiao.accounts.row_security import create_keeper, keep_rows


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_departments")]

    operations = [
        create_keeper(),
        keep_rows("accounts_user"),
        keep_rows("accounts_organisation"),
        keep_rows("accounts_consent"),
    ]
