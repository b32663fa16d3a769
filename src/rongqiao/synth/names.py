"""Endings of enterprises' names, names of people, and streets: generated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rongqiao.synth.codes import Texts

_SURNAMES = tuple("李王张刘陈杨黄周吴罗胡彭曾谢唐邓肖欧蒋谭邹贺龙段易戴廖石向田覃夏袁何郭姚文尹")
_GIVEN_1 = tuple("建国志文海小晓明俊子伟丽秀玉红春立新永德思雨佳浩宇雅立冬")
_GIVEN_2 = ("", "", *"军平华强辉勇杰涛明芳英娟敏霞玲波斌超鹏飞林峰亮刚红燕兰桂")
_STREETS = (
    "建设路",
    "人民路",
    "解放路",
    "芙蓉路",
    "迎宾路",
    "工业大道",
    "滨江路",
    "湘江路",
    "创业路",
    "环城路",
    "兴业路",
    "开发区一路",
)

SUFFIXES = {
    "有限责任公司": ("有限公司", "有限公司", "有限公司", "有限公司", "有限责任公司"),
    "股份有限公司": ("股份有限公司",),
    "个人独资企业": ("厂", "经营部", "服务部"),
    "合伙企业": ("合伙企业（普通合伙）", "合伙企业（有限合伙）"),
    "个体工商户": ("经营部", "商行", "店"),
    "农民专业合作社": ("专业合作社",),
}


def _pick(random: np.random.Generator, values: tuple[str, ...], rows: int) -> list[str]:
    pool = np.array(values, dtype=object)
    picked: list[str] = pool[random.integers(0, len(pool), rows)].tolist()
    return picked


def make_suffixes(random: np.random.Generator, legal_forms: Texts) -> list[str]:
    """Draw the ending of each name by legal form."""
    draws = random.random(len(legal_forms)).tolist()
    endings = []
    for form, draw in zip(legal_forms.tolist(), draws, strict=True):
        options = SUFFIXES[form]
        endings.append(options[int(draw * len(options))])
    return endings


def make_people(random: np.random.Generator, rows: int) -> Texts:
    """Names of invented people."""
    parts = zip(
        _pick(random, _SURNAMES, rows),
        _pick(random, _GIVEN_1, rows),
        _pick(random, _GIVEN_2, rows),
        strict=True,
    )
    return np.array(["".join(part) for part in parts], dtype=object)


def make_streets(random: np.random.Generator, rows: int) -> list[str]:
    """Street and house number."""
    numbers = random.integers(1, 999, rows).tolist()
    return [
        f"{street}{number}号" for street, number in zip(_pick(random, _STREETS, rows), numbers, strict=True)
    ]
