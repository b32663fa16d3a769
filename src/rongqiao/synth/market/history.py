"""Twenty-four months of market: quotes, applications and loans that follow from the demands."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from rongqiao.contracts.catalog import lpr
from rongqiao.kernel.period import shift_date
from rongqiao.synth.codes import stable_id
from rongqiao.synth.market.demands import Applicant, make_demands, market_end
from rongqiao.synth.market.loans import run_loan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rongqiao.synth.block import Block

LPR_TENOR = "1Y"
VALID_DAYS = 30
EXPIRES_DAYS = 30
_QUOTE_COUNTS = (1, 2, 3, 4)
_QUOTE_SHARES = (0.28, 0.36, 0.24, 0.12)
Record = dict[str, Any]
Offer = tuple[Record, Record]


@dataclass(slots=True)
class History:
    """Records of one block, ready to be written line by line."""

    demands: list[Record] = field(default_factory=list)
    quotes: list[Record] = field(default_factory=list)
    applications: list[Record] = field(default_factory=list)
    loans: list[Record] = field(default_factory=list)
    loan_events: list[Record] = field(default_factory=list)


class _Market:
    """One block's market while it is played."""

    def __init__(self, block: Block, products: list[Record]) -> None:
        self.block = block
        self.products = products
        self.random = block.random(52)
        self.end = market_end(block.as_of)
        self.history = History()

    def chance(self, log_odds: float) -> bool:
        return float(self.random.random()) < 1 / (1 + math.exp(-log_odds))

    def play(self, demand: Record, applicant: Applicant) -> None:
        """Follow one demand from the board to the last repayment."""
        self.history.demands.append(demand)
        published = dt.date.fromisoformat(demand["published_on"])
        if self.chance(-3.6):
            demand["status"] = "withdrawn"
            return
        offered = self._offer(demand, applicant)
        if not offered or not self.chance(1.3 + 0.3 * applicant.seen_health):
            demand["status"] = (
                "expired" if published + dt.timedelta(days=EXPIRES_DAYS) <= self.end else "published"
            )
            return
        quotes = self._quote(demand, applicant, offered, published)
        if not quotes:
            return
        chosen = self._accept(demand, quotes)
        if chosen is not None:
            self._apply(demand, applicant, *chosen)

    def _offer(self, demand: Record, applicant: Applicant) -> list[Record]:
        """Products whose terms fit; whose criteria fit is the bank's business."""
        amount, term = Decimal(demand["amount_cny"]), demand["term_months"]
        return [
            product
            for product in self.products
            if demand["guarantee_kind"] in product["guarantee_kinds"]
            and demand["purpose"] in product["purposes"]
            and product["min_term_months"] <= term <= product["max_term_months"]
            and Decimal(product["min_amount_cny"]) <= amount <= Decimal(product["max_amount_cny"])
            and product["published_on"] <= demand["published_on"]
            and any(applicant.county_code.startswith(region) for region in product["region_codes"])
        ]

    def _quote(
        self, demand: Record, applicant: Applicant, offered: list[Record], published: dt.date
    ) -> list[Offer]:
        """One to four banks take the demand and quote; those not due yet are left out."""
        by_bank: dict[str, Record] = {}
        for position in self.random.permutation(len(offered)).tolist():
            by_bank.setdefault(offered[position]["institution_code"], offered[position])
        wanted = int(self.random.choice(_QUOTE_COUNTS, p=_QUOTE_SHARES))
        quotes: list[Offer] = []
        for number, product in enumerate(list(by_bank.values())[:wanted]):
            taken = published + dt.timedelta(days=int(self.random.integers(0, 3)))
            quoted = taken + dt.timedelta(days=int(self.random.integers(0, 4)))
            if quoted > self.end:
                continue
            quotes.append((self._write_quote(demand, applicant, product, number, taken, quoted), product))
        demand["status"] = "quoted" if quotes else "published"
        self.history.quotes += [quote for quote, _ in quotes]
        return quotes

    def _write_quote(
        self,
        demand: Record,
        applicant: Applicant,
        product: Record,
        number: int,
        taken: dt.date,
        quoted: dt.date,
    ) -> Record:
        base = lpr(LPR_TENOR, quoted)
        low = math.ceil((Decimal(product["rate_min_ratio"]) - base) * 10_000)
        high = math.floor((Decimal(product["rate_max_ratio"]) - base) * 10_000)
        risk = float(np.clip(0.45 - 0.16 * applicant.seen_health + self.random.normal(0, 0.12), 0, 1))
        spread = low + round((high - low) * risk / 5) * 5
        spread = min(max(spread, low), high)
        amount = Decimal(demand["amount_cny"])
        if self.random.random() < 0.22:
            cut = (amount * Decimal("0.8") / 10_000).to_integral_value() * 10_000
            amount = max(cut, Decimal(product["min_amount_cny"]))
        method = str(self.random.choice(product["repayment_methods"]))
        if method == "bullet" and demand["term_months"] > 12:
            method = (
                "equal_instalment" if "equal_instalment" in product["repayment_methods"] else "interest_first"
            )
        return {
            "id": stable_id(self.block.seed, "quote", f"{demand['id']}-{number}"),
            "demand_id": demand["id"],
            "institution_code": product["institution_code"],
            "product_code": product["code"],
            "taken_on": taken.isoformat(),
            "quoted_on": quoted.isoformat(),
            "amount_cny": f"{amount:.2f}",
            "lpr_tenor": LPR_TENOR,
            "spread_bp": spread,
            "rate_ratio": f"{base + Decimal(spread) / 10_000:.6f}",
            "fees": self._fees(demand["guarantee_kind"], amount),
            "term_months": demand["term_months"],
            "repayment_method": method,
            "valid_until": (quoted + dt.timedelta(days=VALID_DAYS)).isoformat(),
            "status": "submitted",
        }

    def _fees(self, guarantee: str, amount: Decimal) -> list[Record]:
        """Costs beside interest, as the bank discloses them."""
        if guarantee == "guarantee_company":
            rate = Decimal(int(self.random.integers(5, 11))) / 1000
            return [
                {
                    "kind": "guarantee_fee",
                    "amount_cny": f"{amount * rate:.2f}",
                    "payee": "融资担保公司",
                    "due": "per_year",
                }
            ]
        if guarantee in ("mortgage", "ip_pledge"):
            fee = max(amount * Decimal("0.001"), Decimal(500))
            fees = [
                {
                    "kind": "assessment_fee",
                    "amount_cny": f"{fee:.2f}",
                    "payee": "资产评估机构",
                    "due": "upfront",
                }
            ]
            registration = {
                "kind": "registration_fee",
                "amount_cny": "80.00",
                "payee": "登记机构",
                "due": "upfront",
            }
            return [*fees, registration] if guarantee == "mortgage" else fees
        return []

    def _accept(self, demand: Record, quotes: list[Offer]) -> tuple[Record, dt.date] | None:
        """Mostly the cheapest quote is taken within days; otherwise the quotes run out."""
        last = max(dt.date.fromisoformat(quote["quoted_on"]) for quote, _ in quotes)
        accepted = last + dt.timedelta(days=int(self.random.integers(1, 7)))
        if not self.chance(2.9):
            if last + dt.timedelta(days=VALID_DAYS) <= self.end:
                demand["status"] = "expired"
                for quote, _ in quotes:
                    quote["status"] = "expired"
            return None
        if accepted > self.end:
            return None
        ranked = sorted(
            (quote for quote, _ in quotes), key=lambda quote: (Decimal(quote["rate_ratio"]), quote["id"])
        )
        chosen = ranked[0] if self.random.random() < 0.85 else ranked[-1]
        for quote in ranked:
            quote["status"] = "accepted" if quote is chosen else "closed"
        demand["status"] = "accepted"
        return chosen, accepted

    def _apply(self, demand: Record, applicant: Applicant, quote: Record, accepted: dt.date) -> None:
        """Application, decision and, where it is yes, the loan."""
        submitted = min(accepted + dt.timedelta(days=int(self.random.integers(0, 4))), self.end)
        decided = submitted + dt.timedelta(days=int(self.random.integers(3, 16)))
        application: Record = {
            "id": stable_id(self.block.seed, "application", quote["id"]),
            "quote_id": quote["id"],
            "submitted_on": submitted.isoformat(),
            "status": "submitted",
            "refusal_reason": None,
            "decided_on": None,
        }
        self.history.applications.append(application)
        if decided > self.end:
            return
        application["decided_on"] = decided.isoformat()
        if self.chance(1.95 + 0.5 * applicant.seen_health):
            application["status"] = "approved"
            self._lend(demand, applicant, quote, application, decided)
        elif self.random.random() < 0.12:
            application["status"], application["refusal_reason"] = "withdrawn", "withdrawn"
            demand["status"] = "withdrawn"
        else:
            application["status"] = "refused"
            application["refusal_reason"] = self._refuse(applicant, demand)
            quote["status"] = "refused"
            demand["status"] = (
                "expired" if decided + dt.timedelta(days=EXPIRES_DAYS) <= self.end else "published"
            )

    def _refuse(self, applicant: Applicant, demand: Record) -> str:
        """Find a reason that fits the applicant."""
        draw = float(self.random.random())
        if applicant.age_months < 24 and draw < 0.5:
            return "operating_time"
        if float(demand["amount_cny"]) > 0.25 * max(applicant.sales_cny, 1) and draw < 0.7:
            return "insufficient_cash_flow"
        if applicant.seen_health < -0.4:
            return str(
                self.random.choice(
                    ["high_debt", "credit_record", "litigation", "tax_record", "insufficient_cash_flow"]
                )
            )
        if demand["guarantee_kind"] != "credit" and draw < 0.5:
            return "insufficient_collateral"
        return str(
            self.random.choice(["incomplete_papers", "industry_policy", "already_served", "purpose_unclear"])
        )

    def _lend(
        self, demand: Record, applicant: Applicant, quote: Record, application: Record, decided: dt.date
    ) -> None:
        start = decided + dt.timedelta(days=int(self.random.integers(1, 8)))
        if start > self.end:
            return
        application["status"] = "contracted"
        demand["status"] = "fulfilled"
        loan: Record = {
            "id": stable_id(self.block.seed, "loan", application["id"]),
            "application_id": application["id"],
            "contract_no": f"SY{start:%Y%m}{self.block.people.serial[applicant.row]:07d}{start:%d}",
            "principal_cny": quote["amount_cny"],
            "rate_ratio": quote["rate_ratio"],
            "term_months": quote["term_months"],
            "repayment_method": quote["repayment_method"],
            "start_on": start.isoformat(),
            "maturity_on": shift_date(start, quote["term_months"]).isoformat(),
            "status": "drawn",
            "is_first_loan": applicant.is_first,
        }
        course = run_loan(self.block, applicant, loan, self.random, self.end)
        loan["status"] = course.status if course.events else "contracted"
        self.history.loans.append(loan)
        self.history.loan_events += course.events


def play_history(block: Block, products: list[Record], months: int) -> History:
    """Play the market of one block.

    Parameters
    ----------
    block : Block
        Enterprises and their true paths.
    products : list of dict
        As :func:`~rongqiao.synth.market.products.make_products` gives them.
    months : int
        Months of history.

    Returns
    -------
    History
        Every quote has its demand, every application its quote, every loan its application.
    """
    market = _Market(block, products)
    for demand, applicant in make_demands(block, months):
        market.play(demand, applicant)
    return market.history


def records(history: History) -> Iterator[tuple[str, list[Record]]]:
    """File name (without suffix) and its records."""
    for name in ("demands", "quotes", "applications", "loans", "loan_events"):
        yield name, getattr(history, name)
