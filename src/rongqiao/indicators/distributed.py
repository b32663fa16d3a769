"""All indicators of the province by Spark, from the same expressions: aggregated by the cluster, judged span by span on its workers.

Spark runs every expression itself, so that its answers also check the array forms that the embedded engine takes. What is then made
of an aggregate (null policy, status, layout) is the very code of the embedded engine, run by the workers.
"""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rongqiao.contracts.standards import load_contract
from rongqiao.indicators.computation import by_source, contracts_of, select
from rongqiao.indicators.distributed_spans import DERIVED, POPULATION, Order, span_of, write_span
from rongqiao.indicators.evaluation import aggregates, derived_measures
from rongqiao.indicators.lineage import items_read
from rongqiao.indicators.partials import aggregate_in_two_steps, in_portions, same_once
from rongqiao.indicators.population import Population
from rongqiao.indicators.reading import ENTERPRISES, Delivered, aged
from rongqiao.kernel.errors import ContractError
from rongqiao.lake import asof
from rongqiao.lake.expiry import unexpired
from rongqiao.lake.spark import read_table, spark_connection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyspark.sql import DataFrame, SparkSession

    from rongqiao.indicators.registry import At, Indicator, Source
    from rongqiao.lake.tables import Lake

#: Names of the places in the folder → aggregate → column it stands in.
Portions: TypeAlias = dict[str, dict[str, str]]
#: Reductions of one plan: Spark's time to plan and translate one grows faster than their number.
REDUCTIONS = 60
#: Contracts that are counted by one plan.
COUNTED = 24
#: Enterprises that one task aggregates.
PART = 50_000


class DistributedReading:
    """Tables of contracts at two times, as Spark reads them.

    Parameters
    ----------
    session : SparkSession
    lake : Lake
    at : At
    contract_ids : sequence of str
        Contracts to be read; those that were never delivered are absent.

    Notes
    -----
    Rows are laid out by enterprise once. Ranking versions, windows and groups of one enterprise then move nothing between workers.
    """

    def __init__(self, session: SparkSession, lake: Lake, at: At, contract_ids: Sequence[str]) -> None:
        self.session, self.lake, self.at = session, lake, at
        self.connection = spark_connection(session)
        self.present = [name for name in contract_ids if lake.exists(f"published/{name}")]
        self.has_register = lake.exists(ENTERPRISES)
        self._kept: dict[str, DataFrame] = {}

    def show(self, name: str, frame: DataFrame, *, is_kept: bool = False) -> Any:
        """Give a frame a name that expressions can read; kept ones are computed once."""
        if is_kept:
            self._kept[name] = frame = frame.persist()
        frame.createOrReplaceTempView(name)
        return self.connection.table(name)

    def frame(self, expression: Any) -> DataFrame:
        """Let Spark run an expression."""
        return self.session.sql(str(self.connection.compile(expression)))

    def forget(self, name: str) -> None:
        """Free what was kept under a name."""
        if name in self._kept:
            self._kept.pop(name).unpersist()
            self.session.catalog.dropTempView(name)

    def delivered(self) -> dict[str, Delivered]:
        """Count what is held of each contract, of all enterprises."""
        found: dict[str, Delivered] = {}
        for start in range(0, len(self.present), COUNTED):
            counts = [self._counted(name) for name in self.present[start : start + COUNTED]]
            rows = self.frame(ibis.union(*counts) if len(counts) > 1 else counts[0]).collect()
            found |= {row["contract"]: Delivered(row["rows"], row["newest"]) for row in rows}
        return found

    def _counted(self, contract_id: str) -> Any:
        contract = load_contract(contract_id)
        read = self.show(
            f"counted_{_plain(contract_id)}", read_table(self.session, self.lake, f"published/{contract_id}")
        )
        rows = unexpired(self._held(read, contract_id), contract, known_at=self.at.known_at)
        counted = rows.aggregate(rows=rows.count(), newest=rows.known_at.max())
        return counted.select(contract=ibis.literal(contract_id), rows=counted.rows, newest=counted.newest)

    def _held(self, rows: Any, contract_id: str) -> Any:
        return asof.held(rows, load_contract(contract_id), as_of=self.at.as_of, known_at=self.at.known_at)

    def population(self) -> Population:
        """Who is known by then, in the order of their ids: to the register, or without one to any table."""
        rows = self.frame(self._known())
        table = rows.where("enterprise_id IS NOT NULL").toArrow().sort_by("enterprise_id")
        ages = np.asarray(table.column("age_months").cast(pa.float64()).to_numpy(), dtype=np.float64)
        return Population(table.column("enterprise_id").combine_chunks(), ages)

    def _known(self) -> Any:
        if self.has_register:
            return aged(self.show("register", read_table(self.session, self.lake, ENTERPRISES)), self.at)
        tables = [self.connection.table(f"counted_{_plain(name)}") for name in self.present]
        ids = [rows.filter(rows.known_at <= self.at.known_at).select("enterprise_id") for rows in tables]
        everybody = (ibis.union(*ids) if len(ids) > 1 else ids[0]).distinct()
        return everybody.mutate(age_months=ibis.null("int64"))

    def current(self, contract_id: str, *, is_kept: bool, of: Any = None) -> Any:
        """Rows that hold at the two times: the last known of each key, expired ones left out.

        Parameters
        ----------
        contract_id : str
        is_kept : bool
            Whether several plans will read them.
        of : Table, optional
            Enterprises whose rows alone count, where rows of one bear on what another has.
        """
        contract = load_contract(contract_id)
        told = {"enterprise_id", "withdrawn", *items_read()[contract_id], *contract.key, *asof.ORDER}
        raw = read_table(self.session, self.lake, f"published/{contract_id}")
        needed = [
            f"CAST(`{name}` AS DOUBLE) AS `{name}`" if kind.startswith("decimal") else f"`{name}`"
            for name, kind in raw.dtypes
            if name in told
        ]
        name = _plain(contract_id)
        rows = self.show(f"laid_{name}", raw.selectExpr(*needed).repartition("enterprise_id"))
        held = self._held(rows, contract_id)
        key = ["enterprise_id" if name == contract.identifier else name for name in contract.key]
        last = asof.latest(held, key, known_at=self.at.known_at)
        last = unexpired(last, contract, known_at=self.at.known_at)
        last = last if of is None else last.semi_join(of, "enterprise_id")
        return self.show(f"current_{name}", self.frame(last), is_kept=True) if is_kept else last


def _plain(name: str) -> str:
    return name.replace(".", "_").replace("-", "_")


def write_spans(
    session: SparkSession,
    lake: Lake,
    at: At,
    table: str,
    *,
    only: Sequence[str] | None = None,
    span: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[list[tuple[Path, int]], dict[str, Delivered]]:
    """Compute indicators of all enterprises, and write one file per span into a table's folder, for the caller to commit.

    Parameters
    ----------
    session : SparkSession
    lake : Lake
        On a disk that driver and workers share.
    at : At
    table : str
        Name under the lake's root.
    only : sequence of str or None
        Indicator ids; all when ``None``.
    span : int
        Enterprises of one file.
    on_progress : callable or None
        Called with the sources that are aggregated, and with all.

    Returns
    -------
    tuple
        Files in the order of their enterprises with how many each holds, and what is held of each contract.

    Raises
    ------
    ContractError
        If the lake holds no enterprise yet, or is no folder.
    """
    sources = by_source(select(only).values())
    reading = DistributedReading(session, lake, at, contracts_of(sources))
    if not reading.present and not reading.has_register:
        raise _nobody(lake)
    # A name in the lake's folder, so that workers reach it.
    folder = lake.new_file(table).with_suffix(".scratch")
    folder.mkdir()
    try:
        delivered = reading.delivered()
        population = reading.population()
        if not len(population):
            raise _nobody(lake)
        starts = _lay_population(folder, population, span)
        parts = max(session.sparkContext.defaultParallelism, -(-len(population) // PART))
        session.conf.set("spark.sql.shuffle.partitions", str(parts))
        work = _Aggregation(reading, sources, delivered, folder, starts, on_progress or (lambda *_: None))
        order = Order(
            lake.root, table, at, str(folder), delivered, work.run(), None if only is None else tuple(only)
        )
        tasks = session.sparkContext.parallelize(range(len(starts)), len(starts))
        done = tasks.map(lambda number: write_span(order, number)).collect()
        return [(Path(file), rows) for file, rows in done], delivered
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _nobody(lake: Lake) -> ContractError:
    return ContractError(
        "数据湖", lake.root, "Run `rongqiao govern` first: there is no enterprise in the lake."
    )


def _lay_population(folder: Path, population: Population, span: int) -> list[str]:
    """Write who there is, one row group per span; return the first id of each."""
    rows = pa.table({"enterprise_id": population.enterprise_ids, "age_months": population.age_months})
    pq.write_table(rows, folder / POPULATION, row_group_size=span)
    starts: list[str] = rows.column("enterprise_id").take(list(range(0, len(population), span))).to_pylist()
    return starts


@dataclass(frozen=True, slots=True)
class _Aggregation:
    """Runs the plans of all sources, and lays what they find into the folder, by span.

    Parameters
    ----------
    reading : DistributedReading
    sources : mapping
        Source → indicators.
    delivered : mapping
        What is held of each contract.
    folder : Path
        Where workers and driver both reach.
    starts : list of str
        First id of each span.
    tell : callable
        Called with the sources that are done, and with all.
    """

    reading: DistributedReading
    sources: Mapping[Source, list[Indicator]]
    delivered: Mapping[str, Delivered]
    folder: Path
    starts: list[str]
    tell: Callable[[int, int], None]

    def run(self) -> dict[str, Portions]:
        """Run all plans; return where what each source gave lies, of those whose tables were delivered."""
        told = [each for each in self.sources if each.grain != "derived" and self._is_delivered(each)]
        left = Counter(name for source in told for name in source.contracts)
        shared = {name for name, times in left.items() if times > 1}
        across = {name for source in told if source.is_across for name in source.contracts}
        population = self._laid("population", POPULATION)
        tables: dict[str, Any] = {}
        found: dict[str, Portions] = {}
        for done, source in enumerate(told, start=1):
            for name in source.contracts:
                if name not in tables:
                    of = population if name in across else None
                    tables[name] = self.reading.current(name, is_kept=name in shared, of=of)
            found[source.id] = self._run_source(source, {name: tables[name] for name in source.contracts})
            left.subtract(source.contracts)
            for name in source.contracts:
                if not left[name]:
                    self.reading.forget(f"current_{_plain(name)}")
            self.tell(done, len(told))
        derived = [
            item for source, items in self.sources.items() if source.grain == "derived" for item in items
        ]
        if derived:
            found[DERIVED] = self._run_derived(derived, found)
        return found

    def _is_delivered(self, source: Source) -> bool:
        held = [self.delivered.get(name) for name in source.contracts]
        return all(each is not None and each.rows > 0 for each in held)

    def _run_source(self, source: Source, tables: Mapping[str, Any]) -> Portions:
        members, name = self.sources[source], f"prepared_{source.id}"
        rows = source.prepare(tables, self.reading.at)
        portions = list(in_portions(aggregates(rows, source, members), REDUCTIONS))
        if len(portions) > 1:
            rows = self.reading.show(name, self.reading.frame(rows), is_kept=True)
            portions = list(in_portions(aggregates(rows, source, members), REDUCTIONS))
        found: Portions = {}
        for number, portion in enumerate(portions):
            distinct, columns = same_once(portion)
            place = f"{source.id}-{number}"
            self._lay(aggregate_in_two_steps(rows, "enterprise_id", distinct), place)
            found[place] = columns
        self.reading.forget(name)
        return found

    def _lay(self, found: Any, name: str) -> None:
        """Write what was found of each enterprise, one folder per span."""
        found = found.filter(found.enterprise_id.notnull())
        placed = self.reading.frame(found.mutate(span=span_of(found.enterprise_id, self.starts)))
        placed = placed.repartition("span") if len(self.starts) > 1 else placed.coalesce(1)
        placed.write.partitionBy("span").parquet(str(self.folder / name))

    def _run_derived(self, members: Sequence[Indicator], found: Mapping[str, Portions]) -> Portions:
        """Evaluate what is made of other values, over those that were laid down."""
        wide = self._wide({name for item in members for name in item.inputs}, found)
        made = derived_measures(wide, members)
        self._lay(wide.select("enterprise_id", **made), f"{DERIVED}-0")
        return {f"{DERIVED}-0": {name: name for name in made}}

    def _wide(self, wanted: set[str], found: Mapping[str, Portions]) -> Any:
        """Values that derived indicators read, one row per enterprise; null where there is none."""
        wide = self._laid("population", POPULATION).select("enterprise_id")
        for source, items in self.sources.items():
            for place, columns in found.get(source.id, {}).items():
                held = [item for item in items if item.id in wanted and item.id in columns]
                if held:
                    rows = self._laid(place, place)
                    rows = rows.select("enterprise_id", **{item.id: rows[columns[item.id]] for item in held})
                    wide = wide.left_join(rows, "enterprise_id").drop("enterprise_id_right")
                    wide = wide.mutate(**{item.id: _settled(wide[item.id], item) for item in held})
        absent = {name: ibis.null("float64") for name in wanted - set(wide.columns)}
        return self.reading.show(
            "derived_inputs", self.reading.frame(wide.mutate(**absent) if absent else wide)
        )

    def _laid(self, name: str, place: str) -> Any:
        return self.reading.show(
            f"laid_{_plain(name)}", self.reading.session.read.parquet(str(self.folder / place))
        )


def _settled(value: Any, item: Indicator) -> Any:
    """Value as `evaluation.judge` settles it."""
    finite = ibis.ifelse(value.isinf() | value.isnan(), None, value)
    return finite.fill_null(0.0) if item.null_policy == "absent_is_zero" else finite
