"""Where the enterprises of the synthetic province sit, and what each county is known for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from rongqiao.contracts.catalog import regions
from rongqiao.synth.industries import INDUSTRIES

# Relative number of enterprises where it departs from the default of the county's kind.
_WEIGHTS = {
    "430102": 7.0, "430103": 7.5, "430104": 10.0, "430105": 7.5, "430111": 11.0, "430112": 5.0, "430121": 8.0,
    "430181": 4.5, "430182": 4.5, "430202": 2.0, "430203": 2.2, "430204": 2.0, "430211": 3.6, "430281": 2.6,
    "430302": 2.4, "430304": 2.2, "430405": 1.6, "430408": 2.2, "430412": 0.3, "430481": 1.6, "430502": 1.5,
    "430503": 1.7, "430582": 2.4, "430602": 3.4, "430702": 2.8, "430802": 1.8, "430811": 0.4, "430902": 1.5,
    "430903": 2.2, "431002": 2.4, "431003": 1.8, "431102": 1.3, "431103": 2.0, "431202": 2.4, "431302": 2.0,
    "431382": 1.3, "433101": 1.3,
}  # fmt: skip

# County (or prefecture) → industries it is known for; each multiplies the provincial weight.
_FLAVOURS: dict[str, str] = {
    "4301": "software integration design advert research",
    "430104": "software research medical_device software",
    "430111": "crane building_wholesale fitting medicine_wholesale online_retail",
    "430105": "advert online_retail truck cold_store",
    "430112": "food alloy eco_machine component",
    "430121": "crane machine auto_part rental chip",
    "430181": "firework firework medicine citrus component",
    "430182": "food garment battery machine",
    "4302": "rail_part carbide machine",
    "430203": "garment garment_wholesale auto_part",
    "430204": "rail_part rail_part alloy",
    "430211": "rail_part machine software",
    "430202": "carbide carbide hardware",
    "430281": "daily_ceramic special_ceramic firework daily_ceramic",
    "430223": "firework alloy oil",
    "4303": "machine mining_machine auto_part",
    "430304": "mining_machine component alloy",
    "430321": "herb pig grain food",
    "430382": "food scenic restaurant",
    "430381": "luggage alloy herb",
    "4304": "machine auto_part oil",
    "430481": "shoe component oil leadzinc",
    "430482": "leadzinc alloy oil",
    "430426": "vegetable hardware herb",
    "4305": "citrus hardware machine",
    "430582": "lighter luggage hardware herb slices lighter luggage",
    "430524": "herb garment food",
    "430528": "citrus citrus scenic",
    "4306": "truck food fish",
    "430626": "food food meat special_ceramic",
    "430623": "garment fish vegetable",
    "430681": "alloy food",
    "430682": "tea pump hardware",
    "4307": "rice fish tea oil",
    "430726": "citrus tea_garden cement",
    "430702": "machine truck farm_wholesale",
    "430781": "medicine food pump",
    "4308": "scenic hotel restaurant tea",
    "430811": "scenic hotel hotel",
    "4309": "bamboo fish chip component tea",
    "430922": "bamboo bamboo tea",
    "430923": "tea tea tea_garden alloy tea",
    "430921": "fish rice food",
    "430903": "component chip food",
    "4310": "leadzinc alloy silver tea",
    "431023": "silver silver alloy",
    "431024": "foundry foundry hardware",
    "431027": "tea_garden tea",
    "431081": "citrus component scenic",
    "4311": "citrus vegetable garment oil",
    "431129": "component shoe vegetable",
    "431127": "vegetable shoe",
    "431181": "rice bamboo vegetable",
    "4312": "herb citrus bamboo furniture truck",
    "431229": "herb citrus bamboo",
    "431228": "pig building_ceramic scenic",
    "431226": "citrus citrus",
    "431202": "truck farm_wholesale food_wholesale",
    "4313": "mining_machine antimony_smelt building_ceramic",
    "431381": "antimony antimony_smelt antimony_smelt",
    "431322": "component special_ceramic advert",
    "431302": "alloy mining_machine",
    "431321": "machine rice",
    "4331": "tea citrus scenic herb",
    "433123": "scenic hotel restaurant",
    "433125": "tea tea_garden",
    "433126": "tea tea_garden tea_garden",
    "433124": "leadzinc alloy",
    "433130": "herb vegetable citrus",
}
FLAVOUR_FACTOR = 7.0


@dataclass(frozen=True, slots=True)
class County:
    """A county-level unit as the generator sees it.

    Parameters
    ----------
    code, name : str
        Six digits; full official name.
    prefecture : str
        Full name of the prefecture above it.
    place : str
        What firms put before their trade name: the short name of county or prefecture.
    is_city : bool
        Whether firms may also write the place with 市.
    weight : float
        Relative number of enterprises.
    industry_weights : dict
        Industry key → relative share here.
    """

    code: str
    name: str
    prefecture: str
    place: str
    is_city: bool
    weight: float
    industry_weights: dict[str, float]


def _place(name: str, prefecture: str) -> str:
    """Short name: districts use their city's (芙蓉区 → 长沙), counties and county cities their own."""
    source = prefecture if name.endswith("区") else name
    for suffix in ("土家族苗族自治州", "苗族侗族自治县", "侗族自治县", "苗族自治县", "瑶族自治县", "自治县"):
        source = source.removesuffix(suffix)
    return source[:-1] if len(source) > 2 and source[-1] in "市县区州" else source


def _weight(code: str, name: str) -> float:
    if code in _WEIGHTS:
        return _WEIGHTS[code]
    return 1.4 if name.endswith("区") else 1.0 if name.endswith("市") else 0.7


def _industry_weights(code: str, is_urban: bool) -> dict[str, float]:
    """Provincial shares, turned by what prefecture and county are known for; farms stay out of town."""
    weights = {key: profile.weight for key, profile in INDUSTRIES.items()}
    for key, profile in INDUSTRIES.items():
        if profile.section in "AB":
            weights[key] *= 0.15 if is_urban else 1.6
        elif profile.section in "IM":
            weights[key] *= 1.3 if is_urban else 0.3
    for scope, factor in ((code[:4], 2.2), (code, FLAVOUR_FACTOR)):
        for key in _FLAVOURS.get(scope, "").split():
            if key in weights:
                weights[key] = max(weights[key], 0.25) * factor
    return weights


@cache
def counties() -> tuple[County, ...]:
    """All county-level units of Hunan in order of code."""
    known = regions()
    rows = sorted((code, region.name) for code, region in known.items() if len(code) == 6)
    return tuple(
        County(
            code,
            name,
            known[code[:4]].name,
            _place(name, known[code[:4]].name),
            (known[code[:4]].name if name.endswith("区") else name).endswith("市"),
            _weight(code, name),
            _industry_weights(code, name.endswith("区")),
        )
        for code, name in rows
    )
