"""A data interface as its callers use it: applied for, granted, consented to, and called with a signature."""

import datetime as dt
import hashlib
import hmac
import time
import uuid

from django.utils import timezone

from rongqiao.accounts.scope import scoped, system_scope
from rongqiao.accounts.services import give_consent
from rongqiao.bases.enterprises.interfaces import services
from rongqiao.bases.enterprises.objections.marks import put_mark
from rongqiao.bases.enterprises.objections.models import Objection
from tests.web.market_place import USCC

FILINGS = "tax_filing_months"
TABLE = "taxation.tax_filing"


class Shelf:
    """A store with two months of one enterprise."""

    def rows(self, contract, uscc, *, as_of, known_at, **_):
        rows = [{"period": month, "taxable_sales_cny": "120000.00", "arrears_cny": None, "enterprise_id": uscc,
                 "known_at": "2026-11-01", "batch_id": "b", "line": 1} for month in (202608, 202609)]  # fmt: skip
        return [row for row in rows if row["period"] <= as_of]


def act(service, scope, **values):
    """Run a service under both walls, as a request would."""
    with scoped(scope):
        return service(scope=scope, **values)


def apply(scope, **changes):
    terms = {
        "interface_id": FILINGS,
        "purposes": ["pre_loan"],
        "justification": "用于小微企业贷款申请的贷前审查",
        "valid_days": 365,
    }
    with scoped(scope):
        return services.apply_for_interface(scope=scope, **(terms | changes))


def review(scope, submission, verdict="validated", note=""):
    with scoped(scope):
        return services.review_submission(
            scope=scope, submission_id=submission.pk, verdict=verdict, note=note, now=timezone.now()
        )


def consent(market, classes=("tax",), purpose="pre_loan"):
    with scoped(market.owner):
        return give_consent(
            scope=market.owner, recipient_id=market.officer.organisation_id, purpose=purpose,
            data_classes=list(classes), valid_days=30, text_version="2026-1",
            now=timezone.now() - dt.timedelta(seconds=5),
        )  # fmt: skip


def signed(key, *, uscc=USCC, purpose="pre_loan", interface=FILINGS, secret=None, ts=None, more=""):
    """Return path and header of a signed call."""
    path = f"/data/v1/{interface}?uscc={uscc}&purpose={purpose}{more}"
    return path, authorization(key, "GET", path, secret=secret, ts=ts)


def authorization(key, method, path, body=b"", *, secret=None, ts=None):
    """Return the header that signs a request."""
    ts, nonce = str(ts or int(time.time())), uuid.uuid4().hex
    text = "\n".join((method, path, ts, nonce, hashlib.new("sm3", body).hexdigest()))
    sig = hmac.new((secret or key[1]).encode(), text.encode(), "sm3").hexdigest()
    return f"RQ-HMAC-SM3 key={key[0].pk}, ts={ts}, nonce={nonce}, sig={sig}"


def call(client, key, **values):
    path, header = signed(key, **values)
    return client.get(path, headers={"Authorization": header})


def code(response):
    return response.json()["code"]


def dispute(market, now, record_id="r1"):
    """Have the enterprise dispute one filing; the mark stands at once."""
    objection = Objection(
        subject_uscc=USCC, contract_id=TABLE, department="taxation", record_id=record_id, batch_id="b", line=1, record={},
        valid="202609", item_id="taxable_sales_cny", ground="wrong_value", reason="金额有误",
        raised_by_id=market.owner.user_id, raised_by_organisation_id=market.owner.organisation_id, raised_at=now,
        forward_due_at=now, check_due_at=now, answer_due_at=now,
    )  # fmt: skip
    with system_scope():
        objection.save(force_insert=True)
    put_mark(objection)
    return objection
