"""A fire brigade's list that no contract knows, and the steps by which people take it in."""

from __future__ import annotations

import datetime as dt
import io
import re

from django.test import Client
from django.urls import reverse

from config.inventory import bring_sources, profile_sources
from config.tasks import govern_uploads
from rongqiao.accounts.models import Organisation
from rongqiao.accounts.scope import scope_of, scoped, system_scope
from rongqiao.accounts.services import open_account
from rongqiao.bases.enterprises.intake import services as intake
from rongqiao.bases.enterprises.inventory import selectors
from tests.pipeline.departments import NAMES

NOW = dt.datetime(2026, 11, 20, 2, tzinfo=dt.UTC)
DAY = dt.date(2026, 11, 10)
CODES = list(NAMES)
#: What a clerk fills in; everything else was guessed.
ANSWERS = {
    "table": "fire_inspection", "category": "regulation", "dataClass": "public_regulation", "updateCycle": "monthly",
    "legalBasis": "《中华人民共和国消防法》第五十三条", "purpose": "记录消防监督检查结果。", "usage": "贷前核对安全状况。", "limitations": "未检查的单位不在内。",
}  # fmt: skip
SIGNS = {"departmentTitle": "某市消防救援支队"}


def person(kind, role, name, **organisation):
    with system_scope():
        home = Organisation.objects.create(kind=kind, name=f"{name}单位", region_code="43", **organisation)
        return open_account(organisation=home, role=role, username=name, password="bamboo-bridge-2026")


def page_of(user):
    client = Client()
    client.force_login(user)
    return client


def fire_file(rows=60, fail=4, fine=0.1, encoding="gb18030"):
    """A list as a fire brigade publishes it: a title line, day numbers of a spreadsheet, telephones, amounts in 万元."""
    lines = [
        "某市2026年消防监督检查结果,,,,,,",
        "序号,被检查单位名称,统一社会信用代码,检查日期,检查结论,罚款金额（万元）,负责人电话",
    ]
    for at in range(rows):
        code = CODES[at % 3]
        result = "合格" if at % fail else "不合格"
        lines.append(
            f"{at + 1},{NAMES[code]},{code},{46023 + at},{result},{round(at * fine, 2)},1380000{at:04}"
        )
    return ("\n".join(lines) + "\n").encode(encoding)


def offer(user, content, name="消防检查.csv", day=DAY):
    scope = scope_of(user)
    with scoped(scope):
        upload = intake.open_source(
            scope=scope, file_name=name, size_bytes=len(content), data_on=day, today=NOW.date()
        )
        return intake.receive_portion(
            scope=scope, upload_id=upload.pk, offset=0, stream=io.BytesIO(content), now=NOW
        )


def tables_of(user, upload=None):
    scope = scope_of(user)
    with scoped(scope):
        tables = selectors.list_tables(scope)
        return list(tables.filter(upload=upload) if upload else tables)


def profiled(user, content=None, **changes):
    upload = offer(user, fire_file() if content is None else content, **changes)
    profile_sources()
    return tables_of(user, upload)


def form_of(client, table):
    """Fields of the form as the page gives them, ready to be sent back."""
    html = client.get(reverse("portal:department_source_contract", args=[table.pk])).content.decode()
    fields = {}
    for tag in re.findall(r"<input [^>]*>", html):
        found = dict(re.findall(r'([a-z]+)="([^"]*)"', tag))
        if found.get("name") in (None, "csrfmiddlewaretoken"):
            continue
        if found.get("type") == "checkbox":
            if " checked" in tag:
                fields.setdefault(found["name"], []).append(found.get("value", "on"))
        else:
            fields[found["name"]] = found.get("value", "")
    for name, body in re.findall(r'<select name="([^"]+)".*?>(.*?)</select>', html, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', body)
        fields[name] = chosen[1] if chosen else ""
    return html, fields


def submitted(clerk, table):
    client = page_of(clerk)
    _, fields = form_of(client, table)
    answer = client.post(
        reverse("portal:department_source_contract", args=[table.pk]),
        fields | ANSWERS | SIGNS | {"submit": "1"},
    )
    assert answer.status_code == 302, answer.content.decode()
    return tables_of(clerk)[0]


def decide(operator, table, **sent):
    return page_of(operator).post(reverse("portal:operator_source_draft", args=[table.pk]), sent)


def landed(clerk, operator, **changes):
    """Take the fire brigade's file the whole way."""
    (table,) = profiled(clerk, **changes)
    submitted(clerk, table)
    assert decide(operator, table, approve="1").status_code == 302
    assert bring_sources() == 1
    assert govern_uploads() == 1
    return tables_of(clerk)[0]
