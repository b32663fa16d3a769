"""Forms of the data department's pages: they parse; services decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms

from rongqiao.contracts.delivery_files import SUFFIXES
from rongqiao.contracts.standards import load_contracts
from rongqiao.kernel.period import end_of_last
from rongqiao.portal.forms import PlainForm

if TYPE_CHECKING:
    import datetime as dt

KINDS = [("regular", "整期报送：本期全部数据"), ("part", "补报或更正：只含漏报、改错的行")]


class DeliveryForm(PlainForm):
    """A file with its table and the day of its data."""

    contract = forms.ChoiceField(label="数据表")
    kind = forms.ChoiceField(label="报送类型", choices=KINDS, widget=forms.RadioSelect, initial="regular")
    day = forms.DateField(
        label="数据日期",
        help_text="数据截止的日期，已按这张表的更新周期填好上一期的最后一天：每月更新的为上月末，每季、每年更新的为上季末、上年末，每周更新的为上周日。入库时间以平台收到文件的日期为准，不由填报人指定。",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    file = forms.FileField(
        label="文件",
        help_text=f"支持 {'、'.join(SUFFIXES)}；编码 UTF-8 或 GB18030；首行为表头，用数据标准中的中文名称即可。",
        widget=forms.FileInput(attrs={"accept": ",".join((*SUFFIXES, ".gz"))}),
    )

    def __init__(self, *args: Any, department: str, today: dt.date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        tables = [
            each for each in load_contracts().values() if not department or each.department == department
        ]
        choices = [
            (each.id, each.title if department else f"{each.title}（{each.department_title}）")
            for each in tables
        ]
        self.fields["contract"].choices = choices  # type: ignore[attr-defined]
        #: Table → last day of its newest cycle that is over; the page fills it in when another table is chosen.
        self.days = {each.id: end_of_last(each.update_cycle, today).isoformat() for each in tables}
        chosen = self.initial.get("contract") or next(iter(self.days), "")
        self.fields["day"].initial = self.days.get(chosen, today.isoformat())


class KeyForm(PlainForm):
    """What a new key is for."""

    title = forms.CharField(label="用途", max_length=60, help_text="例如：税务核心系统每月推送。")
