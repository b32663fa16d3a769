"""Forms of new sources: a file to be looked at, and the contract that is drawn up for one of its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms

from rongqiao.contracts import drafts
from rongqiao.contracts.catalog import code_list, consent_data_classes
from rongqiao.contracts.code_lists import code_lists
from rongqiao.contracts.delivery_files import SOURCE_SUFFIXES
from rongqiao.contracts.draft_rules import custom
from rongqiao.portal.forms import PlainForm
from rongqiao.portal.pictures import TYPE_WORDS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from rongqiao.contracts.drafts import Document, DraftProblem

#: A field that is not filled in yet is a question, no mistake: the draft is kept all the same.
QUESTION = "required"
UNCHOSEN = ("", "请选择")
VALID_KINDS = [("date", "某一天"), ("month", "某个月"), ("year", "某一年")]


class SourceForm(PlainForm):
    """A file that is to be looked at before it is let in."""

    day = forms.DateField(
        label="数据日期",
        help_text="这份数据截至哪一天，或哪一天取得。获知日期以平台收到并入库的日期为准，不由填报人指定。",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    file = forms.FileField(
        label="文件",
        help_text="CSV（任何中文编码）、Excel（可有多个工作表、合并表头）、JSON、Parquet 都可以，不必先改成平台的表头。",
        widget=forms.FileInput(attrs={"accept": ",".join((*SOURCE_SUFFIXES, ".gz"))}),
    )

    def __init__(self, *args: Any, today: dt.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["day"].initial = today.isoformat()


class DraftForm(PlainForm):
    """What only people know of a table."""

    name = forms.CharField(label="这张表叫什么", max_length=60)
    table = forms.CharField(
        label="英文表名",
        max_length=60,
        help_text="小写字母开头，只用小写字母、数字和下划线；启用后不能再改。",
    )
    departmentTitle = forms.CharField(label="由哪个部门提供", max_length=40)
    category = forms.ChoiceField(label="属于哪一类数据")
    dataClass = forms.ChoiceField(label="企业授权时归入哪一类")
    updateCycle = forms.ChoiceField(label="多久更新一次")
    legalBasis = forms.CharField(
        label="依据哪部法律、法规或文件共享",
        max_length=200,
        help_text="写到条款，例如：《企业信息公示暂行条例》第七条。",
    )
    purpose = forms.CharField(label="这张表记录什么", max_length=200)
    usage = forms.CharField(label="拿来做什么", max_length=200)
    limitations = forms.CharField(label="谁不在内，有何滞后", max_length=200)
    key = forms.MultipleChoiceField(
        label="哪几项合起来认定一条记录",
        widget=forms.CheckboxSelectMultiple,
        help_text="再次报送同一条记录时视为更正。",
    )
    validOn = forms.ChoiceField(label="哪一项说明记录何时有效", required=False)
    validKind = forms.ChoiceField(label="有效时间指", choices=VALID_KINDS)

    def __init__(self, *args: Any, document: Document, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        items = [(node["name"], node["businessName"]) for node in document["schema"][0]["properties"]]
        choices: dict[str, Sequence[tuple[str, str]]] = {
            "category": [UNCHOSEN, *code_list("data_categories").choices()],
            "dataClass": [UNCHOSEN, *((key, each.title) for key, each in consent_data_classes().items())],
            "updateCycle": [UNCHOSEN, *code_list("update_cycles").choices()],
            "key": items,
            "validOn": [("", "没有，按获知日期"), *items],
        }
        for name, offered in choices.items():
            self.fields[name].choices = offered  # type: ignore[attr-defined]


class ItemForm(PlainForm):
    """One item of a table: whether it is taken, what it is called, what its value and its absence mean."""

    is_taken = forms.BooleanField(label="采用", required=False)
    title = forms.CharField(label="中文名", max_length=60)
    id = forms.CharField(label="英文名", max_length=60)
    type = forms.ChoiceField(label="类型", choices=[(name, TYPE_WORDS[name]) for name in drafts.TYPES])
    unit = forms.CharField(
        label="单位", max_length=12, required=False, help_text="数量和金额填写，例如：元、人。"
    )
    codeList = forms.ChoiceField(label="代码表", required=False)
    level = forms.ChoiceField(label="分级")
    is_required = forms.BooleanField(label="必填，空值的行退回", required=False)
    nullMeans = forms.CharField(label="空值表示什么", max_length=120, required=False)
    definition = forms.CharField(label="含义", max_length=300)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lists = sorted((each.name, each.id) for each in code_lists().values())
        offered = [("", "不用代码表"), *((list_id, name) for name, list_id in lists)]
        self.fields["codeList"].choices = offered  # type: ignore[attr-defined]
        self.fields["level"].choices = code_list("sensitivity_levels").choices()  # type: ignore[attr-defined]


def prefix_of(item_id: str) -> str:
    """Begin the names of one item's fields."""
    return f"item-{item_id}"


def state_draft(document: Document) -> dict[str, Any]:
    """Give the fields of `DraftForm` as the draft has them."""
    extra = {**custom(document), **document["description"]}
    nodes = sorted(
        (node for node in document["schema"][0]["properties"] if node.get("primaryKey")),
        key=lambda node: int(node["primaryKeyPosition"]),
    )
    return {
        **{name: extra.get(name) or "" for name in DraftForm.base_fields},
        "name": document["name"],
        "table": document["schema"][0]["name"],
        "key": [node["name"] for node in nodes],
    }


def state_item(node: Mapping[str, Any]) -> dict[str, Any]:
    """Give the fields of `ItemForm` as the draft has them, named as the form sends them."""
    extra = custom(dict(node))
    types = {physical: name for name, (physical, _) in reversed(drafts.TYPES.items())}
    values = {
        "is_taken": True,
        "title": node["businessName"],
        "id": node["name"],
        "type": types[node["physicalType"]],
        "unit": extra.get("unit") or "",
        "codeList": extra.get("codeList") or "",
        "level": node["classification"],
        "is_required": node["required"],
        "nullMeans": extra.get("nullMeans") or "",
        "definition": node["description"],
    }
    return {
        f"{prefix_of(node['name'])}-{name}": value for name, value in values.items() if value is not False
    }


def is_readable(form: forms.Form) -> bool:
    """Whether all that was filled in can be read; what is not filled in yet does not count."""
    return form.is_valid() or all(
        error.code == QUESTION for errors in form.errors.as_data().values() for error in errors
    )


def read_draft(form: DraftForm, document: Document, items: Sequence[ItemForm]) -> dict[str, Any]:
    """Answers as `rongqiao.contracts.drafts.revise` takes them; fields left empty are empty there too."""
    answers: dict[str, Any] = {
        name: form.cleaned_data.get(name, "") for name in form.fields if name not in ("key", "validOn")
    }
    if not answers["table"]:
        del answers["table"]
    taken = {one.prefix: one for one in items if one.cleaned_data.get("is_taken")}
    nodes = [node["name"] for node in document["schema"][0]["properties"]]
    order = {name: at for at, name in enumerate(state_draft(document)["key"])}
    key = [name for name in form.cleaned_data.get("key", []) if prefix_of(name) in taken]
    # What was in the key keeps its place, what is new comes after it.
    answers["key"] = sorted(key, key=lambda name: (order.get(name, len(nodes)), nodes.index(name)))
    answers["validOn"] = form.cleaned_data.get("validOn") or None
    answers["items"] = {
        name: _read_item(taken[prefix_of(name)]) if prefix_of(name) in taken else {"drop": True}
        for name in nodes
    }
    return answers


def _read_item(form: ItemForm) -> dict[str, Any]:
    data = form.cleaned_data
    # A name that was emptied stays as it was: without one, the item could not be asked about.
    named = {name: data[name] for name in ("id", "title") if data.get(name)}
    return {
        **named,
        "type": data["type"],
        "unit": data["unit"],
        "codeList": data["codeList"],
        "level": data["level"],
        "required": data["is_required"],
        "nullMeans": data["nullMeans"],
        "definition": data.get("definition", ""),
    }


def ask(form: DraftForm, items: Sequence[ItemForm], problems: Sequence[DraftProblem]) -> list[str]:
    """Put every open question at its field; returns those that belong to none."""
    by_item = {one.prefix: one for one in items}
    homeless = []
    for problem in problems:
        if problem.field in form.fields:
            target: tuple[forms.Form, str] = (form, problem.field)
        elif prefix_of(problem.field) in by_item:
            target = (by_item[prefix_of(problem.field)], _field_of(problem.message))
        else:
            homeless.append(problem.message)
            continue
        if target[1] not in target[0].errors:
            target[0].add_error(target[1], problem.message)
    return homeless


def _field_of(message: str) -> str:
    if "空值" in message:
        return "nullMeans"
    if "个人信息" in message:
        return "level"
    return "id" if "英文名" in message else "definition"
