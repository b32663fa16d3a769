"""The tree against values worked out by hand, one level at a time."""

import pytest

from rongqiao.kernel.errors import InvalidValueError
from rongqiao.ledger.store import leaf_count, node_count, node_position
from rongqiao.ledger.tree import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    sm3,
    verify_consistency,
    verify_inclusion,
)

A, B, C, D, E, F, G = (leaf_hash(letter.encode()) for letter in "abcdefg")
AB, CD, EF = node_hash(A, B), node_hash(C, D), node_hash(E, F)
ABCD = node_hash(AB, CD)
EFG = node_hash(EF, G)


def test_sm3_gives_the_vectors_of_gb_t_32905():
    assert sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert sm3(b"abcd" * 16).hex() == "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"


def test_prefixes_keep_leaves_and_nodes_apart():
    assert leaf_hash(b"x") == sm3(b"\x00x")
    assert node_hash(A, B) == sm3(b"\x01" + A + B)
    assert leaf_hash(A + B) != node_hash(A, B)


def test_root_splits_at_the_largest_power_of_two():
    assert root([]) == EMPTY_ROOT == sm3(b"")
    assert root([A]) == A
    assert root([A, B, C]) == node_hash(AB, C)
    assert root([A, B, C, D, E, F, G]) == node_hash(ABCD, EFG)


def test_inclusion_paths_of_the_seven_leaf_tree_of_rfc_9162():
    leaves = [A, B, C, D, E, F, G]
    assert inclusion_proof(leaves, 0) == [B, CD, EFG]
    assert inclusion_proof(leaves, 3) == [C, AB, EFG]
    assert inclusion_proof(leaves, 4) == [F, G, ABCD]
    assert inclusion_proof(leaves, 6) == [EF, ABCD]


def test_consistency_paths_of_the_seven_leaf_tree_of_rfc_9162():
    leaves = [A, B, C, D, E, F, G]
    assert consistency_proof(leaves, 3) == [C, D, AB, EFG]
    assert consistency_proof(leaves, 4) == [EFG]
    assert consistency_proof(leaves, 6) == [EF, G, ABCD]
    assert consistency_proof(leaves, 7) == []


def test_frontier_names_every_subtree_a_leaf_completes():
    frontier = Frontier()
    assert frontier.append(A) == [A]
    assert frontier.append(B) == [B, AB]
    assert frontier.append(C) == [C]
    assert frontier.append(D) == [D, CD, ABCD]
    assert frontier.root() == ABCD
    with pytest.raises(InvalidValueError):
        Frontier(3, [A])


def test_nodes_stand_in_the_order_of_completion():
    # A B AB C D CD ABCD E
    assert [node_position(0, index) for index in range(5)] == [0, 1, 3, 4, 7]
    assert (node_position(1, 0), node_position(1, 1), node_position(2, 0)) == (2, 5, 6)
    assert node_count(5) == 8
    assert [leaf_count(nodes) for nodes in range(9)] == [0, 1, 1, 2, 3, 3, 3, 4, 5]


@pytest.mark.parametrize(("index", "size"), [(-1, 7), (7, 7), (0, 0), (2, 2)])
def test_a_leaf_outside_the_tree_has_no_proof(index, size):
    with pytest.raises(InvalidValueError):
        inclusion_proof([A, B, C, D, E, F, G], index, size)
    assert not verify_inclusion(A, index, size, [], A)


@pytest.mark.parametrize(("old", "new"), [(-1, 7), (5, 4), (3, 8)])
def test_sizes_outside_the_tree_have_no_consistency_proof(old, new):
    with pytest.raises(InvalidValueError):
        consistency_proof([A, B, C, D, E, F, G], old, new)


def test_every_tree_begins_with_the_empty_one_and_no_other_root_passes_for_it():
    assert verify_consistency(0, 2, [], EMPTY_ROOT, AB)
    assert not verify_consistency(0, 2, [], A, AB)
    assert not verify_consistency(0, 2, [A], EMPTY_ROOT, AB)
    assert verify_consistency(0, 0, [], EMPTY_ROOT, EMPTY_ROOT)
    assert not verify_consistency(0, 0, [], EMPTY_ROOT, A)


def test_steps_of_a_wrong_length_are_refused_not_hashed():
    assert not verify_inclusion(A, 0, 2, [B + b"\x00"], node_hash(A, B + b"\x00"))
    assert not verify_consistency(1, 2, [B[:-1]], A, node_hash(A, B[:-1]))


def test_a_proof_that_stops_short_of_the_claimed_size_is_refused():
    assert verify_inclusion(A, 0, 4, [B, CD], ABCD)
    assert not verify_inclusion(A, 0, 8, [B, CD], ABCD)
    assert verify_consistency(2, 4, [CD], AB, ABCD)
    assert not verify_consistency(2, 8, [CD], AB, ABCD)
