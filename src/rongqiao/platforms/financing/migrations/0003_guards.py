from django.db import migrations

from rongqiao.accounts.row_security import KIND, ORGANISATION, USCC, limit_changes, limit_insert

BY_ENTERPRISE = f"{KIND} = 'enterprise' AND uscc = {USCC}"
BY_INSTITUTION = f"{KIND} = 'institution' AND institution_id = {ORGANISATION}"
BOTH = ("enterprise", "institution")
ROUND = ["status", "takes_count", "quotes_count", "published_at", "expires_at"]
DECISION = ["status", "decided_by_id", "decided_at", "refusal_reason", "refusal_note"]
GRAB = ["status", "taken_by_id", "taken_at", "contact_due_at", "quote_due_at"]


class Migration(migrations.Migration):
    dependencies = [("financing", "0002_row_security"), ("accounts", "0003_guards")]

    operations = [
        limit_insert("financing_demand", BY_ENTERPRISE),
        limit_insert("financing_match", BY_ENTERPRISE),
        limit_insert("financing_push", BY_ENTERPRISE),
        limit_insert("financing_take", BY_INSTITUTION),
        limit_insert("financing_quote", BY_INSTITUTION),
        limit_insert("financing_application", BY_ENTERPRISE),
        limit_insert("financing_loan", BY_INSTITUTION),
        limit_insert("financing_instalment", BY_INSTITUTION),
        limit_insert("financing_loanevent", BY_INSTITUTION),
        # What was asked and what was offered stay as they were said; only the course of things moves.
        limit_changes("financing_demand", "posted", ROUND, kinds=BOTH, when="OLD.status <> 'draft'"),
        limit_changes("financing_match", "frozen", [], kinds=BOTH),
        limit_changes("financing_push", "only_seen", ["seen_at"], kinds=BOTH),
        limit_changes("financing_take", "of_bank", GRAB, kinds=["institution"]),
        limit_changes("financing_take", "of_enterprise", ["status"], kinds=["enterprise"]),
        limit_changes("financing_quote", "only_status", ["status"], kinds=BOTH),
        limit_changes("financing_application", "of_bank", DECISION, kinds=["institution"]),
        limit_changes("financing_application", "of_enterprise", ["status"], kinds=["enterprise"]),
        limit_changes(
            "financing_loan", "of_bank", ["status", "start_on", "maturity_on"], kinds=["institution"]
        ),
        limit_changes("financing_loan", "of_enterprise", [], kinds=["enterprise"]),
        limit_changes(
            "financing_instalment",
            "of_bank",
            ["due_on", "principal_cny", "interest_cny"],
            kinds=["institution"],
        ),
        limit_changes("financing_instalment", "of_enterprise", [], kinds=["enterprise"]),
    ]
