"""From one delivered record forward: the indicator values and the issued reports that used it, and which version of it.

Nothing is kept for this beside the reports: a report says as of when it was drawn up, and the lake still answers as of then, so
every report is judged by the very rows it could know. A record counts as used by a figure when the figure has a value there,
reads the record's table, and its window covers the record; this is the way back (`bases.enterprises.tracing`), turned round.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rongqiao.accounts.roles import Role
from rongqiao.accounts.scope import system_scope
from rongqiao.accounts.services import require
from rongqiao.bases.enterprises.models import Delivery, Portrait
from rongqiao.bases.enterprises.records import record_versions, records_at
from rongqiao.bases.enterprises.selectors import get_own_portrait
from rongqiao.bases.enterprises.tracing import is_in_window, window_start
from rongqiao.bases.enterprises.usage import REGISTRY, ROLES, item_roles
from rongqiao.contracts.standards import load_contracts
from rongqiao.indicators.lineage import indicators_of
from rongqiao.indicators.shown_series import SERIES
from rongqiao.kernel.errors import InvalidValueError, NotAllowedError, NotFoundError
from rongqiao.lake.engine import connect, quote
from rongqiao.lake.record_ids import record_id
from rongqiao.lake.tables import Lake
from rongqiao.platforms.credit.lineage import KINDS, get_reader
from rongqiao.platforms.credit.models import Report

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rongqiao.accounts.scope import Scope
    from rongqiao.contracts.model import Contract

#: Reports looked at, the newest; the page says how many older ones were not.
REPORTS_CHECKED = 60
LATEST = dt.date.max


@dataclass(frozen=True, slots=True)
class Use:
    """One place that used a record: ``kind`` and ``id`` of the reader; ``role`` is empty where the record shows as it is."""

    kind: str
    id: str
    title: str
    role: str = ""

    @property
    def kind_title(self) -> str:
        """Kind in words."""
        return KINDS[self.kind]

    @property
    def role_title(self) -> str:
        """Role in words."""
        return ROLES.get(self.role, "")


@dataclass(frozen=True, slots=True)
class ReportUse:
    """A report that used a record, with the version of it that was known then."""

    report_id: str
    issued_at: dt.datetime
    recipient: str
    as_of: int
    known_at: dt.date
    batch_id: str
    line: int
    uses: tuple[Use, ...]


@dataclass(frozen=True, slots=True)
class Version:
    """One delivered version of a record; ``delivery`` is null when its receipt was not published yet."""

    batch_id: str
    line: int
    known_at: dt.date
    delivery: Delivery | None


@dataclass(frozen=True, slots=True)
class RecordUses:
    """A record, where it came from, what shows it now, and the reports that used it; ``unchecked`` older ones aside."""

    contract_id: str
    record_id: str
    title: str
    department: str
    valid: str
    versions: tuple[Version, ...]
    now: tuple[Use, ...]
    reports: tuple[ReportUse, ...]
    unchecked: int


@dataclass(slots=True)
class _Shown:
    """What a portrait or a report shows, at its two times."""

    times: tuple[int, dt.date]
    indicators: set[str] = field(default_factory=set)
    series: dict[str, set[int]] = field(default_factory=dict)
    events: list[Mapping[str, Any]] = field(default_factory=list)
    rated_by: set[str] = field(default_factory=set)
    model: str = ""


def trace_own_record(
    scope: Scope, contract_id: str, wanted: str, *, lake: Lake | None = None
) -> RecordUses | None:
    """Tell an enterprise what used one of its records; null when it has no such record.

    Raises
    ------
    NotAllowedError
        If the enterprise is not certified yet, or there are no data of it.
    """
    contract = load_contracts().get(contract_id)
    portrait = get_own_portrait(scope)
    if portrait is None:
        raise NotAllowedError("企业画像", scope.uscc or "—", "本企业身份尚未核验，或尚无公共信用数据。")
    if contract is None:
        return None
    reports = Report.objects.for_scope(scope).filter(subject_uscc=scope.uscc).select_related("recipient")
    return _trace(lake or Lake(), contract, scope.uscc, wanted, portrait, reports)


def trace_department_record(
    scope: Scope, batch_id: str, line: int, *, lake: Lake | None = None
) -> RecordUses:
    """Tell a department what used one row that it delivered. Its caller shows neither values nor recipients.

    Raises
    ------
    NotAllowedError
        If the batch is not the department's.
    InvalidValueError
        If no row of that line was published.
    """
    require(scope, Role.DEPARTMENT_CLERK)
    contract = load_contracts().get(batch_id.partition("@")[0])
    if contract is None or contract.department != scope.department:
        raise NotFoundError("报送批次", batch_id, "不是本部门报送的批次。")
    lake = lake or Lake()
    row = _row_at(lake, contract, batch_id, line)
    # Reports are the enterprise's and its banks'; what leaves here are counts.
    with system_scope() as system:
        portrait = Portrait.objects.for_scope(system).filter(pk=row["enterprise_id"]).first()
        reports = (
            Report.objects.for_scope(system)
            .filter(subject_uscc=row["enterprise_id"])
            .select_related("recipient")
        )
        found = _trace(lake, contract, row["enterprise_id"], record_id(contract, row), portrait, reports)
    if found is None:
        raise InvalidValueError("行", str(line), "这一行已归到别的企业，请从最新批次查起。")
    return found


def _row_at(lake: Lake, contract: Contract, batch_id: str, line: int) -> dict[str, Any]:
    table = f"published/{contract.id}"
    rows: list[dict[str, Any]] = []
    if lake.exists(table):
        query = f"SELECT * FROM {quote(table)} WHERE batch_id = ? AND line = ?"  # noqa: S608 (a quoted name)
        rows = connect(lake, [table]).execute(query, [batch_id, line]).to_arrow_table().to_pylist()
    if not rows:
        raise InvalidValueError(
            "行", str(line), "这一批没有这一行入库：它可能被隔离，或行号有误（表头是第 1 行）。"
        )
    return rows[0]


def _trace(
    lake: Lake, contract: Contract, uscc: str, wanted: str, portrait: Any, reports: Any
) -> RecordUses | None:
    versions = record_versions(lake, contract, uscc, wanted, known_at=LATEST)
    if not any(row["enterprise_id"] == uscc for row in versions):
        return None
    count = reports.count()
    issued = [(report, _of_report(report)) for report in reports.order_by("-issued_at")[:REPORTS_CHECKED]]
    now = _of_portrait(portrait) if portrait else None
    times = {shown.times for _, shown in issued} | ({now.times} if now else set())
    held = {
        each: next((row for row in rows if row["record_id"] == wanted), None)
        for each, rows in records_at(lake, contract, uscc, times).items()
    }
    deliveries = Delivery.objects.in_bulk({row["batch_id"] for row in versions})
    return RecordUses(
        contract_id=contract.id,
        record_id=wanted,
        title=contract.title,
        department=contract.department_title,
        valid=str(versions[0][contract.valid_on] or "") if contract.valid_on else "",
        versions=tuple(
            Version(row["batch_id"], row["line"], row["known_at"], deliveries.get(row["batch_id"]))
            for row in versions
        ),
        now=_uses(contract, held.get(now.times), now) if now else (),
        reports=_used_by(contract, issued, held),
        unchecked=max(count - len(issued), 0),
    )


def _used_by(
    contract: Contract, issued: Sequence[tuple[Report, _Shown]], held: Mapping[Any, dict[str, Any] | None]
) -> tuple[ReportUse, ...]:
    found = []
    for report, shown in issued:
        row = held.get(shown.times)
        uses = _uses(contract, row, shown)
        if row is not None and uses:
            found.append(
                ReportUse(
                    report_id=str(report.pk),
                    issued_at=report.issued_at,
                    recipient=report.recipient.name,
                    as_of=report.as_of,
                    known_at=report.known_at,
                    batch_id=row["batch_id"],
                    line=row["line"],
                    uses=uses,
                )
            )
    return tuple(found)


def _of_report(report: Report) -> _Shown:
    content = report.content
    shown = _Shown((report.as_of, report.known_at), model=content["rating"]["model"].partition("@")[0])
    for section in content["sections"]:
        shown.indicators |= {each["id"] for each in section["figures"] if each["value"] is not None}
        shown.series |= {each["id"]: _months(each["points"]) for each in section["series"]}
        shown.events += section["events"]
    shown.rated_by = {each["indicator"] for each in content["rating"]["reasons"]}
    return shown


def _of_portrait(portrait: Any) -> _Shown:
    """Read off what a stored portrait or a view of one shows."""
    return _Shown(
        (portrait.as_of, portrait.known_at),
        {name for name, cell in portrait.indicators.items() if cell.get("value") is not None},
        {name: _months(points) for name, points in portrait.series.items()},
        portrait.events,
        {each.get("indicator", "") for each in portrait.reasons},
        portrait.model.partition("@")[0],
    )


def _months(points: Iterable[Sequence[Any]]) -> set[int]:
    return {int(month) for month, value in points if value is not None}


def _uses(contract: Contract, row: Mapping[str, Any] | None, shown: _Shown) -> tuple[Use, ...]:
    """Places of a portrait or report that used the record as it was held then; none when it was not held."""
    if row is None:
        return ()
    indicators = [
        Use("indicator", each.id, each.title, _role(contract.id, each.id))
        for each in indicators_of(contract.id)
        if each.id in shown.indicators and is_in_window(contract, row, window_start(each.id, shown.times[0]))
    ]
    found = [*indicators, *_shown_as_it_is(contract, row, shown)]
    if shown.rated_by & {use.id for use in indicators} and get_reader("rating", shown.model):
        found.append(Use("rating", shown.model, "综合评价"))
    return tuple(found)


def _shown_as_it_is(contract: Contract, row: Mapping[str, Any], shown: _Shown) -> Iterable[Use]:
    if contract.id == REGISTRY:
        yield _report_part("identity")
    for name, months in shown.series.items():
        if name in _series_of(contract.id) and row["period"] in months:
            yield _report_part(name)
    if any(_is_of(event, row) for event in shown.events):
        yield _report_part("events")


def _report_part(name: str) -> Use:
    reader = get_reader("report", name)
    return Use("report", name, reader.title if reader else name)


def _series_of(contract_id: str) -> set[str]:
    return {each.id for each in SERIES if each.contract_id == contract_id}


def _is_of(event: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    # Reports issued before records had ids know only the place.
    if "record_id" in event:
        return bool(event["record_id"] == row["record_id"])
    return (event.get("batch_id"), event.get("line")) == (row["batch_id"], row["line"])


def _role(contract_id: str, indicator_id: str) -> str:
    """Tell what a table's records are to an indicator: their values flow into it, or they only decide."""
    roles = {role for (table, _), role in item_roles(indicator_id).items() if table == contract_id}
    return "condition" if roles == {"condition"} else "value"
