from django.db import migrations

from rongqiao.accounts.row_security import KIND, protect_table


class Migration(migrations.Migration):
    dependencies = [("intake", "0003_collector_runs")]

    # Jobs write the runs; the department whose table it is, and the operator, read them.
    operations = [
        protect_table("intake_collectorrun", department="department", also_read=f"{KIND} = 'operator'"),
    ]
