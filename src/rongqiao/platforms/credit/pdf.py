"""The printed report: frozen content set by Typst, the same bytes each time."""

from __future__ import annotations

import datetime as dt
import json
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import typst
from django.utils import timezone

from rongqiao.kernel.errors import ContractError

if TYPE_CHECKING:
    from rongqiao.platforms.credit.models import Report

TEMPLATE = Path(__file__).parent / "report.typ"
#: Families that hold the Chinese characters of names and addresses, best first.
FAMILIES = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "Noto Sans SC",
    "Noto Serif CJK SC",
    "Source Han Serif SC",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "SimSun",
)


@cache
def _fonts() -> tuple[typst.Fonts, str]:
    folder = os.environ.get("RONGQIAO_FONTS")
    fonts = typst.Fonts(
        include_system_fonts=True, include_embedded_fonts=False, font_paths=[folder] if folder else []
    )
    known = set(fonts.families())
    for family in FAMILIES:
        if family in known:
            return fonts, family
    raise ContractError(
        "中文字体",
        sorted(known)[:5],
        "打印报告需要中文字体：安装系统包 fonts-noto-cjk，或以 RONGQIAO_FONTS 指定字体文件夹。",
    )


def render_pdf(report: Report) -> bytes:
    """Print a report as PDF; the same report gives the same bytes on one installation.

    Raises
    ------
    ContractError
        If the machine has no font with Chinese characters; the error says how to get one.
    """
    fonts, family = _fonts()
    content: bytes = typst.compile(
        TEMPLATE.read_bytes(),
        font_paths=fonts,
        format="pdf",
        sys_inputs={
            "content": json.dumps(report.content, ensure_ascii=False),
            "digest": report.digest,
            "number": str(report.pk),
            "subject": f"{report.subject_name}　{report.subject_uscc}",
            "issued": f"{timezone.localtime(report.issued_at):%Y-%m-%d %H:%M}",
            "font": family,
        },
        timestamp=dt.datetime.fromtimestamp(int(report.issued_at.timestamp()), dt.UTC),
    )
    return content
