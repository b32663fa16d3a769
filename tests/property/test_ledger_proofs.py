"""Every proof holds, and no altered one does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rongqiao.ledger.tree import (
    Frontier,
    consistency_proof,
    inclusion_path,
    inclusion_proof,
    leaf_hash,
    reader_of,
    root,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [leaf_hash(str(number).encode()) for number in range(200)]
ROOTS = [root(LEAVES[:size]) for size in range(201)]


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8 % len(data)] ^= 1 << bit % 8
    return bytes(changed)


def test_frontier_and_recursion_agree_on_every_root():
    frontier = Frontier()
    for size, leaf in enumerate(LEAVES):
        assert frontier.root() == ROOTS[size]
        frontier.append(leaf)
    assert frontier.root() == ROOTS[200]
    assert len(set(ROOTS)) == 201


def test_every_leaf_of_every_tree_proves_in_logarithmic_steps():
    read = reader_of(LEAVES)
    for size in range(1, 201):
        for index in range(size):
            path = inclusion_path(read, index, size)
            assert len(path) <= (size - 1).bit_length()
            assert verify_inclusion(LEAVES[index], index, size, path, ROOTS[size])


@pytest.mark.parametrize("new", range(65))
def test_every_pair_of_sizes_is_consistent(new):
    for old in range(new + 1):
        assert verify_consistency(old, new, consistency_proof(LEAVES, old, new), ROOTS[old], ROOTS[new])


@given(data=st.data(), size=st.integers(1, 200), bit=st.integers(0, 255))
def test_any_flipped_bit_breaks_an_inclusion_proof(data, size, bit):
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_proof(LEAVES, index, size)
    leaf, whole = LEAVES[index], ROOTS[size]
    assert not verify_inclusion(flip(leaf, bit), index, size, path, whole)
    assert not verify_inclusion(leaf, index, size, path, flip(whole, bit))
    for place in range(len(path)):
        changed = [flip(step, bit) if at == place else step for at, step in enumerate(path)]
        assert not verify_inclusion(leaf, index, size, changed, whole)
    assert not verify_inclusion(leaf, index, size, [*path, leaf], whole)
    assert not path or not verify_inclusion(leaf, index, size, path[:-1], whole)


@given(data=st.data(), size=st.integers(2, 200))
def test_a_proof_holds_for_its_own_place_only(data, size):
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(-1, size + 1).filter(lambda place: place != index))
    path = inclusion_proof(LEAVES, index, size)
    assert not verify_inclusion(LEAVES[index], other, size, path, ROOTS[size])


@given(data=st.data(), new=st.integers(2, 200), bit=st.integers(0, 255))
def test_any_flipped_bit_breaks_a_consistency_proof(data, new, bit):
    old = data.draw(st.integers(1, new - 1))
    path = consistency_proof(LEAVES, old, new)
    assert not verify_consistency(old, new, path, flip(ROOTS[old], bit), ROOTS[new])
    assert not verify_consistency(old, new, path, ROOTS[old], flip(ROOTS[new], bit))
    for place in range(len(path)):
        changed = [flip(step, bit) if at == place else step for at, step in enumerate(path)]
        assert not verify_consistency(old, new, changed, ROOTS[old], ROOTS[new])
    assert not verify_consistency(old, new, [*path, ROOTS[1]], ROOTS[old], ROOTS[new])
    assert not verify_consistency(old, new, path[:-1], ROOTS[old], ROOTS[new])


@given(data=st.data(), new=st.integers(2, 64))
def test_a_rewritten_past_has_no_consistency_proof(data, new):
    old = data.draw(st.integers(1, new - 1))
    changed = data.draw(st.integers(0, old - 1))
    other = [leaf_hash(b"forged") if place == changed else leaf for place, leaf in enumerate(LEAVES[:new])]
    path = consistency_proof(other, old, new)
    assert not verify_consistency(old, new, path, ROOTS[old], root(other))
