"""An installation with two registered enterprises, and a clerk of the tax department who sends files."""

from __future__ import annotations

import atexit
import datetime as dt
import io
import shutil
import tempfile
from functools import cache
from pathlib import Path

from rongqiao.accounts.models import Organisation
from rongqiao.accounts.scope import scoped, system_scope
from rongqiao.accounts.services import open_account
from rongqiao.bases.enterprises.intake import selectors, services
from rongqiao.governance.pipeline import govern
from rongqiao.kernel.identifiers import complete_uscc
from rongqiao.lake.tables import Lake
from tests.pipeline.departments import put_registry, registry_row

TODAY = dt.date(2026, 11, 20)
NOW = dt.datetime(2026, 11, 20, 2, tzinfo=dt.UTC)
FIRST, SECOND = complete_uscc("91430102MA4L00000"), complete_uscc("91430203MA4L00001")
TABLE = "taxation.tax_grade"


def register_two(tmp_path, monkeypatch):
    """Make an installation with two registered enterprises."""
    return register(
        tmp_path, monkeypatch, ((FIRST, "长沙湘辉机械有限公司"), (SECOND, "株洲东方陶瓷有限公司"))
    )


def register(tmp_path, monkeypatch, enterprises):
    """Make an installation with registered enterprises; pairs of code and name."""
    monkeypatch.setenv("RONGQIAO_VAR", str(tmp_path))
    shutil.copytree(_registered(enterprises), tmp_path, dirs_exist_ok=True)
    return tmp_path


@cache
def _registered(enterprises):
    """Where an installation stands that others are copied from, once per process: governance takes most of a second."""
    folder = Path(tempfile.mkdtemp(prefix="rq-registered-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    put_registry(folder / "first", [registry_row(code, name) for code, name in enterprises])
    report = govern(folder / "first", Lake(folder / "lake"), None)
    assert sum(file.rows_accepted for file in report.files) == len(enterprises)
    return folder


def clerk_of(department, name):
    with system_scope():
        organisation = Organisation.objects.create(
            kind="department", name=department, region_code="43", department_code=department
        )
        return open_account(
            organisation=organisation, role="department_clerk", username=name, password="bamboo-bridge-2026"
        )


def grades(*rows):
    columns = ("uscc", "grade_year", "grade", "published_on")
    lines = ["统一社会信用代码,评价年度,信用级别,发布日期"]
    lines += [",".join(str(row[column]) for column in columns) for row in rows]
    return ("\n".join(lines) + "\n").encode()


def good(uscc=FIRST, **cells):
    return {"uscc": uscc, "grade_year": 2025, "grade": "A", "published_on": "2026-04-10"} | cells


def push(scope, content, **changes):
    with scoped(scope):
        upload = services.open_upload(
            **{
                "scope": scope, "contract_id": TABLE, "file_name": "等级.csv", "size_bytes": len(content),
                "data_on": TODAY, "today": TODAY, "is_regular": True,
            } | changes
        )  # fmt: skip
        return services.receive_portion(
            scope=scope, upload_id=upload.pk, offset=0, stream=io.BytesIO(content), now=NOW
        )


def state(scope, upload):
    with scoped(scope):
        return selectors.get_upload(scope, upload.pk)
