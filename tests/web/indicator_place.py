"""How an indicator stands, as a publication leaves it."""

from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.catalogue.models import IndicatorStatus
from tests.web.lake_fixture import AS_OF, KNOWN_AT

KNOTS = [1e5 * step for step in range(1, 12)]


def status_of(indicator_id, **changes):
    """Publish how one indicator stands: two prefectures told, one too small."""
    told = {
        "as_of": AS_OF, "known_at": KNOWN_AT, "subjects": "全部存续企业", "enterprises": 2000, "applicable": 1900, "covered": 1700,
        "coverage": 0.895, "drift": 0.031, "against": 202510, "verdict": "ok", "sampled": 1700,
        "bins": [[None, 1e5, 3], [1e5, 2e5, 900], [2e5, 5e5, 790], [5e5, None, 7]],
        "groups": [
            ["all", "", 2000, 1900, 1700, 1700, KNOTS],
            ["region", "4301", 1500, 1400, 1300, 1300, KNOTS],
            ["region", "4302", 490, 490, 396, 396, KNOTS],
            ["region", "4331", 10, 10, 4, 4, None],
            ["section", "C", 2000, 1900, 1700, 1700, KNOTS],
        ],
        "editions": [["1", "Σ旧公式", "202509", "202509", "2025-10-20"], ["2", "Σ新公式", "202510", "202610", "2025-11-20"]],
        "changes": [["halt", "halted", "decision", "口径切换", "2026-11-21", "linjing"]],
        "state": "in_use", "state_reason": "",
    }  # fmt: skip
    with system_scope():
        return IndicatorStatus.objects.create(indicator_id=indicator_id, **(told | changes))
