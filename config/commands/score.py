"""``rongqiao score``: train, evaluate and apply the rating model."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from rongqiao.indicators import compute, load_indicators
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.period import add_months, shift_date
from rongqiao.lake.tables import Lake
from rongqiao.scoring.card import DEFAULT_MODEL, card_path, load_card, save_card
from rongqiao.scoring.evaluation import cross_validate
from rongqiao.scoring.rating import write_ratings
from rongqiao.scoring.training import HORIZON_MONTHS, default_target, join_target, model_card, train

app = typer.Typer(add_completion=False, no_args_is_help=True, help="信用评价：训练、评估、应用")
AsOf = Annotated[int, typer.Option("--as-of", help="数据截止月份，如 202610")]
KnownAt = Annotated[
    dt.datetime, typer.Option("--known-at", formats=["%Y-%m-%d"], help="只计此日及以前收到的数据")
]
Root = Annotated[Path | None, typer.Option("--lake", help="数据湖位置；默认为本站的湖")]
Model = Annotated[str, typer.Option("--model", help="评分卡名称，yyyymm_名称")]
DATA = (
    "Trained on the synthetic province (generated enterprises and loans, no real ones): quality here says that the "
    "machinery works, nothing about real borrowers. Indicators are of the month before the horizon and of what was "
    "known on that day; no later delivery or correction is read."
)


def _sample(lake: Lake, as_of: int, known_at: dt.date) -> tuple[Any, list[int]]:
    """Borrowers with their indicators 12 months before ``as_of`` and what became of them since."""
    before = add_months(as_of, -HORIZON_MONTHS)
    target = default_target(lake, as_of=before, known_at=known_at)
    # Only what was known then: a correction or late delivery of the year after would be a leak.
    known_before = shift_date(known_at, -HORIZON_MONTHS)
    return join_target(
        compute(lake, as_of=before, known_at=known_before, enterprise_ids=sorted(target)), target
    )


def _directions() -> dict[str, str]:
    return {name: item.direction for name, item in load_indicators().items()}


@app.command(name="train", help="以本市场的贷款训练评分卡，写出 card.json 与 card.md")
def train_model(as_of: AsOf, known_at: KnownAt, lake: Root = None, model: Model = DEFAULT_MODEL) -> None:
    """Train the card on the market's own loans and write card.json and card.md."""
    features, target = _sample(Lake(lake), as_of, known_at.date())
    titles = {name: item.title for name, item in load_indicators().items()}
    trained = train(features, target, model=model, directions=_directions(), titles=titles)
    path = card_path(model)
    save_card(trained.card, path)
    path.with_name("card.md").write_text(model_card(trained, features=features, data=DATA), encoding="utf-8")
    quality = trained.evaluation
    typer.echo(
        f"{trained.rows} 户，违约 {trained.events} 户；折外 AUC {quality.auc:.3f}，KS {quality.ks:.3f}；"
        f"入模 {len(trained.card.features)} 个指标 → {path}"
    )


@app.command(help="用评分卡评价全部企业并存入湖")
def apply(as_of: AsOf, known_at: KnownAt, lake: Root = None, model: Model = DEFAULT_MODEL) -> None:
    """Rate all enterprises with the card and keep the ratings in the lake."""
    path = card_path(model)
    if not path.exists():
        raise InvalidValueError("评分卡", model, "先运行 `rongqiao score train`。")
    written = write_ratings(Lake(lake), as_of=as_of, known_at=known_at.date(), card=load_card(path))
    typer.echo("已评级并写入。" if written else "已有该期评级，未重复写入。")


@app.command(help="在本市场的贷款上交叉验证，输出 JSON")
def evaluate(as_of: AsOf, known_at: KnownAt, lake: Root = None) -> None:
    """Cross-validate the recipe on the market's own loans; prints JSON."""
    features, target = _sample(Lake(lake), as_of, known_at.date())
    quality = cross_validate(features, target, directions=_directions())
    typer.echo(json.dumps(quality.to_dict(), ensure_ascii=False, indent=1))
