"""The ledger on disk answers as the tree in memory does, whatever is appended in whatever portions."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from rongqiao.ledger.entries import Draft, Entry, Kind, digest_payload
from rongqiao.ledger.log import Ledger
from rongqiao.ledger.tree import root

# Letters, digits, signs and Chinese: what prints; control characters and separators are refused elsewhere.
printable = st.characters(codec="utf-8", categories=["L", "N", "P", "S"])
subjects = st.text(printable, min_size=1, max_size=3)
drafts = st.builds(
    Draft,
    kind=st.sampled_from(list(Kind)),
    subject=subjects,
    digest=st.integers(0, 5).map(lambda number: digest_payload({"n": number})),
)


@settings(max_examples=30)
@given(portions=st.lists(st.lists(drafts, max_size=9), max_size=5))
def test_any_portions_give_the_tree_of_the_distinct_entries(portions):
    with tempfile.TemporaryDirectory() as folder:
        distinct: dict[str, Draft] = {}
        ledger = Ledger(Path(folder) / "ledger")
        for portion in portions:
            places = ledger.append_many(portion)
            for draft in portion:
                distinct.setdefault(draft.effective_key, draft)
            assert places == [list(distinct).index(draft.effective_key) for draft in portion]
        expected = [
            Entry(index, draft.kind, draft.subject, draft.digest, draft.at, draft.effective_key)
            for index, draft in enumerate(distinct.values())
        ]
        reopened = Ledger(Path(folder) / "ledger")
        assert list(reopened.entries()) == expected
        for size in range(len(expected) + 1):
            assert reopened.head(size).root == root([entry.leaf() for entry in expected[:size]]).hex()
        assert reopened.verify().problems == ()


texts = st.text(st.characters(codec="utf-8"), max_size=5)


@given(payload=st.dictionaries(texts, st.integers() | texts | st.none(), max_size=5))
def test_the_digest_of_a_payload_does_not_depend_on_the_order_of_keys(payload):
    backwards = dict(reversed(payload.items()))
    assert digest_payload(payload) == digest_payload(backwards)
    assert digest_payload(payload | {"longer key": 1}) != digest_payload(payload)
