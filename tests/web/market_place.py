"""A small market for tests: two institutions, products, an enterprise, and people in every role."""

import datetime as dt
import json
from decimal import Decimal

from rongqiao.accounts.models import Organisation, User
from rongqiao.accounts.scope import scope_of, scoped, system_scope
from rongqiao.bases.enterprises.models import Enterprise, Portrait
from rongqiao.bases.resources.services import load_resources
from rongqiao.kernel.identifiers import complete_uscc
from rongqiao.platforms.financing import services

NOW = dt.datetime(2026, 11, 23, 2, 0, tzinfo=dt.UTC)
TODAY = dt.date(2026, 11, 23)
DAY = dt.timedelta(days=1)
USCC = complete_uscc("91430102MA4L00001")
OTHER_USCC = complete_uscc("91430281MA4L00002")

GRADE = {
    "all": [
        {"fact": "age_months", "op": ">=", "value": 12, "text": "成立满 12 个月", "settles": "补充成立日期"},
        {
            "fact": "tax_grade_now",
            "op": "in",
            "value": ["A", "B", "M"],
            "text": "纳税信用 A、B、M 级",
            "settles": "授权纳税数据",
        },
    ]
}


def institution(code, name, region="43"):
    return {
        "code": code,
        "name": name,
        "kind": "city_bank",
        "region_code": region,
        "phone": "0731-1",
        "synthetic": True,
    }


def product(code, institution_code, **changes):
    row = {
        "code": code,
        "institution_code": institution_code,
        "name": f"产品{code}",
        "summary": "小微企业流动资金贷款",
        "kind": "credit",
        "min_amount_cny": 100_000,
        "max_amount_cny": 5_000_000,
        "min_term_months": 3,
        "max_term_months": 36,
        "rate_min_ratio": 0.03,
        "rate_max_ratio": 0.06,
        "guarantee_kinds": ["credit"],
        "repayment_methods": ["equal_principal", "interest_first"],
        "purposes": ["working_capital"],
        "region_codes": ["43"],
        "processing_days": 5,
        "materials": ["营业执照"],
        "criteria": GRADE,
        "is_first_loan_friendly": True,
        "published_on": "2026-01-05",
    }
    return row | changes


def policy(title, **changes):
    return {
        "title": title,
        "issuer": "省工业和信息化厅",
        "document_no": "湘工信〔2026〕1号",
        "region_code": "43",
        "effective_from": "2026-01-01",
        "effective_to": None,
        "summary": "贴息",
        "benefit": "贴息 1 个百分点",
        "source_url": "",
        "criteria": {},
    } | changes


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def write_market(folder, *, institutions=None, products=None, policies=None):
    folder.mkdir(parents=True, exist_ok=True)
    banks = institutions or [institution("B01", "湘江示范银行"), institution("B02", "岳麓示范银行")]
    write_lines(folder / "institutions.jsonl", banks)
    write_lines(
        folder / "products.jsonl",
        products
        or [
            product("P01", "B01"),
            product("P02", "B02", rate_max_ratio=0.07),
            product(
                "P03",
                "B02",
                kind="mortgage",
                guarantee_kinds=["mortgage"],
                min_amount_cny=2_000_000,
                processing_days=15,
            ),
        ],
    )
    write_lines(folder / "policies.jsonl", policies or [policy("中小企业贷款贴息办法")])
    return folder


def person(organisation, role, name):
    return User.objects.create(username=name, organisation=organisation, role=role, full_name=name)


def add_enterprise(uscc, name, county, facts):
    with system_scope():
        Enterprise.objects.create(
            uscc=uscc,
            name=name,
            county_code=county,
            industry_code="C3071",
            status="存续",
            known_at="2026-11-20",
        )
        Portrait.objects.create(
            enterprise_id=uscc, region_code=county, as_of=202610, known_at="2026-11-20", facts=facts
        )
    return Organisation.objects.create(
        kind="enterprise", name=name, uscc=uscc, region_code=county, certified_at=NOW
    )


class Market:
    """People of a small market; attributes are scopes."""

    def __init__(self, folder, *, keep_files=False):
        load_resources(folder=folder if keep_files else write_market(folder))
        facts = {"age_months": 60, "tax_grade_now": "A"}
        enterprise = add_enterprise(USCC, "长沙湘辉陶瓷有限公司", "430102", facts)
        stranger = add_enterprise(OTHER_USCC, "醴陵瓷业有限公司", "430281", facts)
        bank, rival = (Organisation.objects.get(institution__code=code) for code in ("B01", "B02"))
        government = Organisation.objects.create(kind="government", name="省工信厅", region_code="43")
        people = {
            "owner": (enterprise, "enterprise_owner"),
            "clerk": (enterprise, "enterprise_clerk"),
            "stranger": (stranger, "enterprise_owner"),
            "officer": (bank, "bank_officer"),
            "risk": (bank, "bank_risk"),
            "rival": (rival, "bank_officer"),
            "rival_risk": (rival, "bank_risk"),
            "official": (government, "government_official"),
        }
        for name, (organisation, role) in people.items():
            setattr(self, name, scope_of(person(organisation, role, name)))

    def act(self, service, scope, **arguments):
        """Call a service under both walls, as a request would."""
        with scoped(scope):
            return service(scope=scope, **arguments)

    def publish(self, now=NOW, **changes):
        values = {
            "amount_cny": Decimal(1_000_000),
            "term_months": 12,
            "purpose": "working_capital",
            "guarantee_kind": "credit",
            "desired_rate_ratio": Decimal("0.05"),
            "note": "",
            "consent_days": 90,
            "now": now,
        }
        return self.act(services.publish_demand, self.owner, **values | changes)

    def take(self, scope, demand, now=NOW):
        return self.act(services.take_demand, scope, demand_id=demand.pk, now=now)

    def quote(self, scope, take, *, now=NOW, product_code="P01", **changes):
        values = {
            "product_code": product_code,
            "amount_cny": Decimal(1_000_000),
            "term_months": 12,
            "lpr_tenor": "1Y",
            "spread_bp": 100,
            "fees": [
                {"kind": "guarantee_fee", "amount_cny": Decimal(5000), "payee": "省担保", "due": "upfront"}
            ],
            "repayment_method": "equal_principal",
            "valid_days": 10,
            "note": "",
            "now": now,
        }
        return self.act(services.submit_quote, scope, take_id=take.pk, **values | changes)

    def accept(self, quote, now=NOW, scope=None):
        return self.act(services.accept_quote, scope or self.owner, quote_id=quote.pk, now=now)

    def loan(self, start_on=TODAY, now=NOW):
        """Walk the whole way to a drawn loan."""
        demand = self.publish(now)
        quote = self.quote(self.officer, self.take(self.officer, demand, now), now=now)
        application = self.accept(quote, now)
        self.act(services.decide_application, self.risk, application_id=application.pk, approve=True, now=now)
        loan = self.act(
            services.sign_contract,
            self.risk,
            application_id=application.pk,
            contract_no=f"HT-{demand.pk.hex[:8]}",
            start_on=start_on,
            now=now,
        )
        return self.act(services.record_drawdown, self.officer, loan_id=loan.pk, on=start_on, now=now)
