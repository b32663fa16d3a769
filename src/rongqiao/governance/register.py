"""The register of enterprises that deliveries are resolved against, and the ways to recognise one in it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from rongqiao.governance.names import bigrams, clean_name, core_name, edits
from rongqiao.kernel.identifiers import LOOKALIKES, is_uscc, normalise_uscc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"

#: A name may differ by one edit, if it is long enough and no other enterprise comes near.
SHORTEST_FUZZY_CORE = 6
SAFE_EDITS = 1
RUNNER_UP_EDITS = 3
#: A broken code that agrees with the candidate's in so many of 18 places lets the name differ by two edits.
CORROBORATING_PLACES = 14
NEAREST = 8


@dataclass(frozen=True, slots=True)
class Resolution:
    """Which enterprise a delivered identity means.

    Parameters
    ----------
    enterprise_id : str or None
        ``None`` when unresolved.
    method : str
        ``uscc``, ``uscc_repaired``, ``registration_no``, ``name_exact``, ``name_fuzzy`` or ``unresolved``.
    score : float
        1 for proven, below 1 for the share of the name that agrees, 0 for unresolved.
    message : str
        For unresolved: why, and what settles it.
    """

    enterprise_id: str | None
    method: str
    score: float
    message: str = ""


class Register:
    """Enterprises by code, 15-digit number, and present and former names.

    Parameters
    ----------
    rows : iterable of (str, str or None, str or None)
        Enterprise id, 15-digit registration number, one of its names.
    """

    def __init__(self, rows: Iterable[tuple[str, str | None, str | None]]) -> None:
        self.names: dict[str, set[str]] = defaultdict(set)
        self.numbers: dict[str, set[str]] = defaultdict(set)
        for enterprise_id, number, name in rows:
            self.add(enterprise_id, number, name)

    def add(self, enterprise_id: str, number: str | None, name: str | None) -> None:
        """Enter one name or number of an enterprise; before the first look-up by name."""
        known = self.names[enterprise_id]
        cleaned = clean_name(name)
        if cleaned:
            known.add(cleaned.casefold())
        if number:
            self.numbers[number].add(enterprise_id)

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def by_name(self) -> dict[str, set[str]]:
        """Folded name → enterprises that bear or bore it."""
        return self._index(lambda name: (name,))

    @cached_property
    def by_core(self) -> dict[str, set[str]]:
        """Core of a name → enterprises."""
        return self._index(lambda name: (core_name(name),))

    @cached_property
    def cores_by_bigram(self) -> dict[str, list[str]]:
        """Pair of characters → cores that hold it."""
        found: dict[str, list[str]] = defaultdict(list)
        for core in self.by_core:
            for pair in bigrams(core):
                found[pair].append(core)
        return found

    def _index(self, keys: object) -> dict[str, set[str]]:
        index: dict[str, set[str]] = defaultdict(set)
        for enterprise_id, names in self.names.items():
            for name in names:
                for key in keys(name):  # type: ignore[operator]
                    index[key].add(enterprise_id)
        return index

    def resolve(self, code: str | None, name: str | None) -> Resolution:
        """Recognise an enterprise, by the strongest evidence first.

        Notes
        -----
        A code whose check character is right but which the register does not hold means another enterprise: its name is not consulted.
        """
        plain = normalise_uscc(code) if code else ""
        if plain in self.names:
            return Resolution(plain, "uscc", 1.0)
        if plain and is_uscc(plain):
            return Resolution(
                None, "unresolved", 0.0, "代码校验通过，但企业登记库中查无此户，请先补报登记信息。"
            )
        numbered = self.numbers.get(plain, set())
        if len(numbered) == 1:
            return Resolution(next(iter(numbered)), "registration_no", 1.0)
        cleaned = (clean_name(name) or "").casefold()
        if not cleaned:
            return Resolution(None, "unresolved", 0.0, "代码无效且无名称，请补报统一社会信用代码。")
        return self._repair(plain, cleaned) or self._by_name(cleaned) or self._by_likeness(plain, cleaned)

    def _repair(self, code: str, name: str) -> Resolution | None:
        """Mend one wrong character, one swap or look-alike letters where exactly one such code bears the name."""
        if len(code) != 18:
            return None
        core = core_name(name)
        found = {
            candidate
            for candidate in set(_mended(code)) & self.names.keys()
            if name in self.names[candidate] or core in {core_name(known) for known in self.names[candidate]}
        }
        return Resolution(found.pop(), "uscc_repaired", 1.0) if len(found) == 1 else None

    def _by_name(self, name: str) -> Resolution | None:
        bearers = self.by_name.get(name, set())
        if len(bearers) == 1:
            return Resolution(next(iter(bearers)), "name_exact", 1.0)
        if bearers:
            shown = "、".join(sorted(bearers)[:3])
            return Resolution(
                None, "unresolved", 0.0, f"同名企业有 {len(bearers)} 户（{shown}），请补报代码。"
            )
        return None

    def _by_likeness(self, code: str, name: str) -> Resolution:
        """Recognise a name with another legal form, or with a slip of the pen where nobody else comes near."""
        core = core_name(name)
        same = self.by_core.get(core, set())
        if len(same) == 1:
            return Resolution(next(iter(same)), "name_fuzzy", 0.98)
        if same:
            return Resolution(
                None, "unresolved", 0.0, f"去掉组织形式后同名企业有 {len(same)} 户，请补报代码。"
            )
        ranked = sorted(self._near(core), key=lambda pair: (pair[0], pair[1]))
        if ranked and len(core) >= SHORTEST_FUZZY_CORE:
            distance, best = ranked[0]
            score = round(1 - distance / max(len(core), 1), 4)
            if distance <= SAFE_EDITS and (len(ranked) == 1 or ranked[1][0] >= RUNNER_UP_EDITS):
                return Resolution(best, "name_fuzzy", score)
            alike = [one for _, one in ranked if _agreeing(code, one) >= CORROBORATING_PLACES]
            if len(alike) == 1:
                return Resolution(alike[0], "name_fuzzy", score)
        return Resolution(None, "unresolved", 0.0, "代码无效，名称也不能唯一认定，请核对营业执照后重报。")

    def _near(self, core: str) -> Iterator[tuple[int, str]]:
        """Enterprises whose core is within two edits, with the number of edits."""
        shared = Counter(other for pair in bigrams(core) for other in self.cores_by_bigram.get(pair, ()))
        best: dict[str, int] = {}
        for other, _ in shared.most_common(NEAREST * 4):
            distance = edits(core, other, RUNNER_UP_EDITS - 1)
            if distance < RUNNER_UP_EDITS:
                for enterprise_id in self.by_core[other]:
                    best[enterprise_id] = min(distance, best.get(enterprise_id, distance))
        for enterprise_id, distance in best.items():
            yield distance, enterprise_id


def _agreeing(code: str, candidate: str) -> int:
    """Places in which a broken code agrees with a candidate's."""
    return sum(mine == other for mine, other in zip(code, candidate, strict=False))


def _mended(code: str) -> Iterator[str]:
    """Codes one slip away: a wrong character, two neighbours swapped, or look-alike letters throughout."""
    yield "".join(LOOKALIKES.get(character, character) for character in code)
    for at in range(len(code)):
        for character in ALPHABET:
            yield code[:at] + character + code[at + 1 :]
        if at:
            yield code[: at - 1] + code[at] + code[at - 1] + code[at + 1 :]
