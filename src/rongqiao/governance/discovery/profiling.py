"""Profiling: one pass over each sheet of a source, bounded memory, nothing taken over."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from rongqiao.governance.discovery.columns import VALID, find_keys, measure
from rongqiao.governance.discovery.profiles import ColumnProfile, SourceProfile
from rongqiao.governance.discovery.resemblance import known_items
from rongqiao.governance.discovery.sheets import Sheet, open_sheets
from rongqiao.governance.discovery.staging import MOST_ROWS, stage
from rongqiao.governance.inventory import drift
from rongqiao.lake.engine import literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rongqiao.governance.discovery.staging import Staged

MEMORY = "1GB"
#: Headers of whom a record is about, and of who keeps or sends it; the second are no subjects.
_SUBJECT_WORDS = re.compile(
    r"行政相对人|纳税人|当事人|被检查|企业|公司|主体|单位|权利人|获奖|用户|申请|受让人|entname|uscc",
    re.IGNORECASE,
)
#: Names of kinds and things end like names of enterprises.
_OTHER_WORDS = re.compile(
    r"类型|类别|状态|性质|分类|项目名称|产品|设备|业务|范围|地址|内容|type|cat$|status", re.IGNORECASE
)
_HASH = re.compile(r"[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[A-Z]{1,3}\d{1,8}")
_OFFICE_WORDS = re.compile(
    r"机关|部门|来源|机构$|委员会|监理|设计单位|施工单位|推荐|受理|办案|实施单位|生产厂家"
)


def profile_file(
    path: Path, *, titles: Mapping[str, str] | None = None, most_rows: int = MOST_ROWS
) -> list[SourceProfile]:
    """Profile every sheet of a file that holds anything.

    Parameters
    ----------
    path : Path
        CSV, Excel, JSON, JSON lines or Parquet, ``.gz`` or not, of any Chinese encoding.
    titles : Mapping
        Header → Chinese title, from a data dictionary that came with the file.
    most_rows : int
        Rows that are kept; of a longer source an even sample.

    Raises
    ------
    InvalidValueError
        If the file cannot be opened, or no reader exists for it.
    """
    profiles = [
        profile_sheet(sheet, path.name, titles=titles, most_rows=most_rows) for sheet in open_sheets(path)
    ]
    return [one for one in profiles if one.columns] or profiles[:1]


def profile_sheet(
    sheet: Sheet, source: str, *, titles: Mapping[str, str] | None = None, most_rows: int = MOST_ROWS
) -> SourceProfile:
    """Profile one sheet."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "staged.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute(f"SET memory_limit = '{MEMORY}'")
            connection.execute(f"SET temp_directory = {literal(folder)}")
            connection.execute("SET enable_progress_bar = false")
            staged = stage(connection, sheet, most_rows=most_rows)
            columns = measure(connection, staged, {**sheet.titles, **(titles or {})})
            keys, shares = find_keys(connection, columns, staged.kept)
    known = known_items()
    for column in columns:
        column.resembles = known.find(column)
    return _assemble(sheet, source, staged, columns, (keys, shares))


def _assemble(
    sheet: Sheet,
    source: str,
    staged: Staged,
    columns: list[ColumnProfile],
    keys: tuple[list[list[str]], list[float]],
) -> SourceProfile:
    return SourceProfile(
        source=source,
        sheet=sheet.name,
        form=sheet.form,
        encoding=sheet.encoding,
        header_lines=list(staged.layout.header_lines),
        titles=list(staged.layout.titles),
        rows=staged.rows,
        rows_profiled=staged.kept,
        repeated_headers=staged.repeated_headers,
        notes=staged.notes,
        broken_lines=staged.faults.count,
        broken_examples=[
            {"line": one.line, "message": one.message, "value": one.value} for one in staged.faults.examples
        ],
        columns=columns,
        keys=keys[0],
        key_shares=keys[1],
        subject=find_subject(columns),
    )


def find_subject(columns: list[ColumnProfile]) -> dict[str, str]:
    """Find the columns that say whose row it is: ``uscc`` and ``name``, each if there is one."""
    subject: dict[str, str] = {}
    coded = [one for one in columns if one.identifiers.get("uscc", 0) >= VALID]
    named = [
        one
        for one in columns
        if one.guess.type == "string"
        and one.identifiers.get("organisation", 0) >= 0.4
        and one not in coded
        and not _OTHER_WORDS.search(one.header)
    ]
    hashed = [one for one in columns if _is_hash(one)]
    for role, chosen in (
        ("uscc", coded),
        ("name", named),
        ("enterprise_no", [] if coded or named else hashed),
    ):
        if chosen:
            subject[role] = max(chosen, key=_subject_score).header
    return subject


def _is_hash(column: ColumnProfile) -> bool:
    """Whether the values are codes of one length that stand for names, as in anonymised sources."""
    values = [value for value, _ in column.top_values]
    return bool(values) and column.distinct > 10 and all(_HASH.fullmatch(value) for value in values)


def _subject_score(column: ColumnProfile) -> tuple[float, ...]:
    is_office = bool(
        _OFFICE_WORDS.search(re.sub(r"统一社会信用代码|社会信用代码|组织机构代码", "", column.header))
    )
    is_subject = bool(_SUBJECT_WORDS.search(column.header))
    filled = column.filled / column.rows if column.rows else 0.0
    return (not is_office) + 0.5 * is_subject + 0.4 * filled + 0.3 * column.unique_share, -column.position


def compare(profile: SourceProfile, before: Mapping[str, Any]) -> SourceProfile:
    """Measure drift against an earlier profile of the same source, as `SourceProfile.to_dict` wrote it.

    Returns
    -------
    SourceProfile
        The same profile, with ``drift`` and ``null_shift`` of every column that both have.
    """
    old = {column["header"]: column for column in before["columns"]}
    for column in profile.columns:
        found = old.get(column.header)
        if found is None or not found["rows"] or not column.rows:
            continue
        column.drift = drift(found["histogram"], column.histogram)
        column.null_shift = round(column.nulls / column.rows - found["nulls"] / found["rows"], 6)
    profile.against = str(before["source"])
    return profile


def missing_and_new(profile: SourceProfile, before: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Headers that the earlier profile had and this has not, and the other way round."""
    old, new = (
        [column["header"] for column in before["columns"]],
        [column.header for column in profile.columns],
    )
    return [one for one in old if one not in new], [one for one in new if one not in old]


def profile_sheets(sheets: list[Sheet], source: str) -> Iterator[SourceProfile]:
    """Profile tables of a database or an interface, one after the other."""
    for sheet in sheets:
        yield profile_sheet(sheet, source)
