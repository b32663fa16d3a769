"""The register by key and by place: the same answers as looking through its tables, from memory, from files and after changes."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest

from rongqiao.governance.register import Register
from rongqiao.governance.resolution import register_index
from rongqiao.governance.resolution.likeness import LARGEST_BLOCK, block_keys
from rongqiao.governance.resolution.register_index import Segment, _hold, _starts
from rongqiao.kernel.identifiers import complete_uscc
from rongqiao.lake.engine import literal

TRADES = ("星河", "远山", "春禾", "银杏", "青禾")


def rows(first, count):
    """Enterprises by number; some share a trade name, some bear two names."""
    drawn = []
    for serial in range(first, first + count):
        code = complete_uscc(f"91430100MA4L{serial:05d}")
        drawn.append(
            (code, f"4301000{serial:08d}", f"长沙{TRADES[serial % 5]}{serial % 7 or ''}精密机械有限公司")
        )
        if serial % 4 == 0:
            drawn.append((code, None, f"株洲{TRADES[serial % 3]}{serial}商贸有限公司"))
    return drawn


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(register_index, "SMALL", 20)


def listed(more):
    """A query of enterprises, as the register is taught."""
    values = ", ".join(
        f"({literal(code)}, {literal(number) if number else 'NULL'}, {literal(name)})"
        for code, number, name in more
    )
    return f"SELECT * FROM (VALUES {values}) t(enterprise_id, number, name)"


def add(register, more):
    register.add(listed(more))


def asked(register, expression, source):
    told = register.connection.sql(
        f"SELECT DISTINCT {expression} AS key FROM {source} WHERE key IS NOT NULL ORDER BY key"
    )
    return told.to_arrow_table()["key"].to_numpy()


def brute_force(register, expression):
    """Name number of everyone under each key, as the tables say."""
    found = register.connection.execute(
        f"SELECT {expression} AS key, name_at FROM (SELECT *, enterprise_id AS plain FROM register_names) WHERE key IS NOT NULL"
    ).fetchall()
    under = {}
    for key, name_at in found:
        under.setdefault(key, set()).add(name_at)
    return under


def assert_agrees(register):
    index = register.index
    for kind, expression in {"core": "hash(core)", **block_keys()}.items():
        under = brute_force(register, expression)
        keys = np.array([*under, 12345], np.uint64)
        at, places = index.pairs(kind, keys)
        found = {int(key): set() for key in keys}
        for position, name_at in zip(at, index.name_ats(places), strict=True):
            found[int(keys[position])].add(int(name_at))
        assert found.pop(12345) == set()
        assert found == under
    known = asked(register, "hash(enterprise_id)", "register_known")
    assert index.knows(known).all()
    assert not index.knows(np.array([1, 2**63], np.uint64)).any()
    numbers = asked(register, "hash(number)", "register_numbers")
    at, places = index.pairs("number", numbers)
    told = register.connection.execute(
        "SELECT number, enterprise_id FROM register_numbers ORDER BY ALL"
    ).fetchall()
    assert sorted(zip(*index.numbers(places).to_pydict().values(), strict=True)) == told
    every = np.arange(sum(segment.names.num_rows for segment in index.segments))
    shuffled = np.random.default_rng(3).permutation(every)
    names = index.names(shuffled)
    assert names["name_at"].to_pylist() == index.name_ats(shuffled).tolist()


def test_it_says_what_the_tables_say_from_one_segment_and_from_two(small):
    register = Register(rows(0, 60))
    assert_agrees(register)
    assert [segment.names.num_rows for segment in register.index.segments] == [75, 0]
    add(register, rows(60, 6))
    assert_agrees(register)
    assert [segment.names.num_rows for segment in register.index.segments] == [75, 8]
    add(register, rows(66, 60))
    assert_agrees(register)
    assert register.index.segments[1].names.num_rows == 0


def test_a_block_that_too_many_fall_into_yields_nobody(small):
    register = Register(
        [
            (complete_uscc(f"91430100MA4L{serial:05d}"), None, f"长沙星河精密机械{serial}厂")
            for serial in range(LARGEST_BLOCK)
        ]
    )
    key = asked(
        register, block_keys()["place_trade"], "(SELECT *, enterprise_id AS plain FROM register_names)"
    )
    assert len(register.index.pairs("place_trade", key, most=LARGEST_BLOCK)[0]) == LARGEST_BLOCK
    add(register, [(complete_uscc("91430100MA5L00001"), None, "长沙星河精密机械新厂")])
    assert len(register.index.segments) == 2
    assert len(register.index.pairs("place_trade", key, most=LARGEST_BLOCK)[0]) == 0
    assert len(register.index.pairs("place_trade", key)[0]) == LARGEST_BLOCK + 1


def test_what_is_taken_back_is_found_no_more(small):
    register = Register(rows(0, 60))
    doubted = rows(60, 4)
    add(register, doubted)
    assert register.resolve(doubted[0][0], None).method == "uscc"
    register.retract(listed(doubted), f"{listed(doubted)} WHERE false")
    assert_agrees(register)
    assert register.resolve(doubted[0][0], None).method == "unresolved"
    # And where the index was made anew with what is then taken back.
    add(register, rows(100, 60))
    assert_agrees(register)
    register.retract(listed(rows(100, 60)), f"{listed(rows(100, 60))} WHERE false")
    assert_agrees(register)
    assert register.resolve(rows(100, 1)[0][0], None).method == "unresolved"


@pytest.fixture
def kept(tmp_path, small):
    """A register in a file, its index in a folder; opened as often as wanted."""

    def open_register():
        connection = duckdb.connect()
        connection.execute(f"ATTACH '{tmp_path}/register.duckdb' AS kept")
        return Register(connection=connection, catalog="kept", folder=tmp_path / "index")

    first = open_register()
    add(first, rows(0, 60))
    assert first.index
    first.keep()
    first.connection.close()
    return open_register


def test_a_kept_index_is_opened_and_not_made_again(kept, monkeypatch):
    register, read, since = kept(), Segment.read, []
    monkeypatch.setattr(Segment, "read", lambda *given: since.append(given[-1]) or read(*given))
    add(register, rows(60, 6))
    assert_agrees(register)
    register.index.let_go()
    assert_agrees(register)
    assert since == [1]


@pytest.mark.parametrize("spoil", ["engine", "folder", "cleared"])
def test_a_kept_index_that_does_not_fit_is_made_anew(kept, tmp_path, spoil):
    register = kept()
    if spoil == "engine":
        register.connection.execute("UPDATE register_indexed SET engine = '0.1'")
    elif spoil == "folder":
        for folder in (tmp_path / "index").iterdir():
            folder.rename(tmp_path / "elsewhere")
    else:
        register.clear()
        add(register, rows(200, 50))
    register.connection.close()
    again = kept()
    assert_agrees(again)
    again.keep()
    assert len(list((tmp_path / "index").iterdir())) == 1


def test_an_index_laid_down_by_a_run_that_was_killed_is_not_trusted(kept, tmp_path):
    register = kept()
    register.clear()
    add(register, rows(200, 50))
    register.prepare()
    assert_agrees(register)
    laid_down = register.index.token
    assert (tmp_path / "index" / laid_down).is_dir()
    register.connection.close()
    again = kept()
    assert_agrees(again)
    again.keep()
    assert laid_down != again.index.token
    assert [each.name for each in (tmp_path / "index").iterdir()] == [again.index.token]


def test_a_hash_that_two_names_share_means_only_the_one_that_was_asked_for():
    """Hashes only gather who might be meant: what they stand for decides."""
    (alpha, number, name), (beta, other, _) = rows(1, 2)
    register = Register([(alpha, number, name), (beta, other, "岳阳银杏物流有限公司")])
    ways = [
        register.resolve(None, name),
        # The same core under another legal form.
        register.resolve(None, name.replace("有限公司", "厂")),
        register.resolve(number, None),
    ]
    index, places = register.index, register.index.segments[0]
    for kind in ("core", "number"):
        mixed = places.lookup(kind)
        # Whoever asks for either gets both.
        keys, at = np.repeat(mixed.keys, len(mixed.places)), np.tile(mixed.places, len(mixed.keys))
        index.segments[0].arrays.update({f"{kind}.keys": keys, f"{kind}.places": at})
        assert len(index.pairs(kind, mixed.keys[:1])[1]) == 2
    assert [
        register.resolve(None, name),
        register.resolve(None, name.replace("有限公司", "厂")),
        register.resolve(number, None),
    ] == ways
    assert [each.method for each in ways] == ["name_exact", "name_fuzzy", "registration_no"]


@pytest.mark.parametrize("count", [0, 1, 2, 100, 5_000])
def test_hashes_are_found_by_their_leading_bits(count):
    drawn = np.random.default_rng(count)
    keys = np.unique(drawn.integers(0, 2**64 - 1, count, np.uint64, endpoint=True))
    edges = np.array([0, 2**64 - 1], np.uint64)
    crowded = np.unique(np.concatenate([keys, np.arange(2**40, 2**40 + 9, dtype=np.uint64), edges]))
    for held in (keys, crowded):
        strange = drawn.integers(0, 2**64 - 1, 500, np.uint64)
        wanted = np.concatenate([drawn.permutation(held), strange, edges])
        assert (_hold(held, _starts(held), wanted) == np.isin(wanted, held)).all()


def test_a_name_is_known_as_it_is_spelt_in_the_register_alone():
    code = complete_uscc("91430100MA4L00001")
    register = Register([(code, None, "长沙（星河）精密机械有限公司")])
    names = [
        "长沙（星河）精密机械有限公司",
        "长沙(星河)精密机械有限公司",
        "长沙（星河） 精密机械有限公司",
        "株洲商贸有限公司",
    ]
    hashes = register.connection.execute("SELECT hash(unnest(?))", [names]).fetchnumpy()
    assert register.index.spells(next(iter(hashes.values()))).tolist() == [True, False, False, False]
