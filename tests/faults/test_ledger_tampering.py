"""Whatever is changed on disk is found and named."""

from dataclasses import replace

import pytest

from rongqiao.ledger.entries import Draft, digest_payload
from rongqiao.ledger.errors import LedgerDamagedError
from rongqiao.ledger.heads import SignedHead, sign_head
from rongqiao.ledger.log import Ledger
from rongqiao.ledger.signing import SoftwareSigner
from rongqiao.ledger.store import Store

ATS = [f"2026-11-2{day}T08:00:00+00:00" for day in range(3)]
SIZES = [4, 9, 13]


@pytest.fixture
def signer(tmp_path):
    return SoftwareSigner(tmp_path / "keys")


def build(path, signer, forged=None):
    """A ledger of 15 entries with heads over 4, 9 and 13; ``forged`` replaces one entry's digest."""
    ledger = Ledger(path)
    for number in range(15):
        digest = digest_payload({"n": 99 if number == forged else number})
        ledger.append("receipt", f"batch-{number}", digest)
        if ledger.size in SIZES:
            ledger.seal(signer, ATS[SIZES.index(ledger.size)])
    return ledger


@pytest.fixture
def ledger(tmp_path, signer):
    return build(tmp_path / "ledger", signer)


def codes(outcome):
    return {problem.code for problem in outcome.problems}


def change_line(path, place, change):
    lines = path.read_bytes().split(b"\n")
    lines[place] = change(lines[place])
    path.write_bytes(b"\n".join(lines))


def test_an_untouched_ledger_is_sound(ledger, signer):
    outcome = ledger.verify(signer.public_key)
    assert outcome.problems == ()
    assert [head.size for head in outcome.heads] == SIZES
    assert (outcome.size, outcome.sealed_size, outcome.unsealed) == (15, 13, 2)
    assert outcome.root == ledger.head().root


@pytest.mark.parametrize("place", [0, 3, 4, 12, 13, 14])
def test_an_altered_entry_is_named(ledger, signer, place):
    change_line(ledger.path / "entries.jsonl", place, lambda line: line.replace(b"batch-", b"patch-"))
    outcome = ledger.verify(signer.public_key)
    assert outcome.first_bad_entry == place
    assert f"entries.jsonl 第 {place + 1} 行" in outcome.problems[0].text
    assert [head.size for head in outcome.heads] == [size for size in SIZES if size <= place]


def test_every_single_flipped_byte_of_the_entries_is_found(ledger, signer):
    path = ledger.path / "entries.jsonl"
    content = path.read_bytes()
    for place in range(0, len(content), 97):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert ledger.verify(signer.public_key).first_bad_entry is not None, place


def test_a_removed_entry_is_named(ledger, signer):
    path = ledger.path / "entries.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:6] + lines[7:]))
    outcome = ledger.verify(signer.public_key)
    assert outcome.first_bad_entry == 6
    assert "entry_missing" in codes(outcome)


def test_swapped_entries_are_named(ledger, signer):
    path = ledger.path / "entries.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[5], lines[7] = lines[7], lines[5]
    path.write_bytes(b"".join(lines))
    outcome = ledger.verify(signer.public_key)
    assert outcome.first_bad_entry == 5
    assert "entry_misplaced" in codes(outcome)


def test_a_tree_that_was_rewritten_with_its_entry_breaks_every_later_head(tmp_path, ledger, signer):
    forged = build(tmp_path / "forged", signer, forged=6)
    for name in ("entries.jsonl", "nodes.bin", "index.bin"):
        (ledger.path / name).write_bytes((forged.path / name).read_bytes())
    outcome = ledger.verify(signer.public_key)
    assert {problem.index for problem in outcome.problems if problem.code == "head_root"} == {1, 2}
    assert "第 4 条至第 8 条之间有改动" in outcome.problems[0].text
    assert [head.size for head in outcome.heads] == [4]
    assert outcome.sealed_size == 4


def test_a_ledger_rewritten_whole_needs_the_key(tmp_path, ledger, signer):
    forged = build(tmp_path / "forged", SoftwareSigner(tmp_path / "thief"), forged=6)
    assert codes(forged.verify(signer.public_key)) == {"head_signature"}
    assert forged.verify(signer.public_key).sealed_size == 0
    assert codes(ledger.verify()) == {"head_signature"}


def test_an_altered_inner_node_is_found(ledger, signer):
    path = ledger.path / "nodes.bin"
    content = bytearray(path.read_bytes())
    content[2 * 32] ^= 1  # The node over entries 0 and 1.
    path.write_bytes(content)
    outcome = ledger.verify(signer.public_key)
    assert "node_altered" in codes(outcome)
    assert outcome.first_bad_entry is None


def test_an_altered_leaf_hash_is_not_blamed_on_an_entry_that_a_head_vouches_for(ledger, signer):
    path = ledger.path / "nodes.bin"
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)
    outcome = ledger.verify(signer.public_key)
    assert [(problem.code, problem.index) for problem in outcome.problems] == [("node_altered", 0)]
    assert outcome.sealed_size == 13


def test_missing_hashes_are_found_and_the_entries_still_stand(ledger, signer):
    (ledger.path / "nodes.bin").unlink()
    outcome = ledger.verify(signer.public_key)
    assert codes(outcome) == {"node_missing"}
    assert outcome.first_bad_entry is None
    assert outcome.sealed_size == 13


def test_an_altered_index_is_found(ledger, signer):
    path = ledger.path / "index.bin"
    content = bytearray(path.read_bytes())
    content[24 * 3 + 20] ^= 1
    path.write_bytes(content)
    assert codes(ledger.verify(signer.public_key)) == {"index_altered"}


@pytest.mark.parametrize("number", range(3))
def test_an_altered_head_is_named(ledger, signer, number):
    other = digest_payload({"n": 0}).encode()

    def change(line):
        return line.replace(SignedHead.from_bytes(line).root.encode(), other)

    change_line(ledger.path / "heads.jsonl", number, change)
    outcome = ledger.verify(signer.public_key)
    assert number in {problem.index for problem in outcome.problems if problem.code == "head_signature"}
    assert number in {problem.index for problem in outcome.problems if problem.code == "head_root"}
    assert [head.size for head in outcome.heads if head.size == SIZES[number]] == []


@pytest.mark.parametrize("number", range(3))
def test_an_altered_signature_is_named(ledger, signer, number):
    def change(line):
        signature = SignedHead.from_bytes(line).signature
        flipped = signature[:-1] + f"{int(signature[-1], 16) ^ 1:x}"
        return line.replace(signature.encode(), flipped.encode())

    change_line(ledger.path / "heads.jsonl", number, change)
    outcome = ledger.verify(signer.public_key)
    assert [(problem.code, problem.index) for problem in outcome.problems] == [("head_signature", number)]


def test_a_spoilt_head_line_is_named(ledger, signer):
    change_line(ledger.path / "heads.jsonl", 1, lambda line: line[:-2])
    outcome = ledger.verify(signer.public_key)
    assert [(problem.code, problem.index) for problem in outcome.problems] == [("head_altered", 1)]


def test_heads_in_the_wrong_order_are_found(ledger, signer):
    path = ledger.path / "heads.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[1] + lines[0] + lines[2])
    assert ("head_order", 1) in {
        (problem.code, problem.index) for problem in ledger.verify(signer.public_key).problems
    }


def test_two_histories_signed_with_the_same_key_are_found(tmp_path, ledger, signer):
    forged = build(tmp_path / "forged", signer, forged=2)
    head = sign_head(forged.head(9), signer, ATS[1])
    change_line(ledger.path / "heads.jsonl", 1, lambda _line: head.to_bytes())
    found = {(problem.code, problem.index) for problem in ledger.verify(signer.public_key).problems}
    assert ("head_inconsistent", 1) in found
    assert ("head_root", 1) in found


def test_entries_cut_off_below_a_head_are_missing(ledger, signer):
    small = Ledger(ledger.path.parent / "small")
    for number in range(10):
        small.append("receipt", f"batch-{number}", digest_payload({"n": number}))
    for name in ("entries.jsonl", "nodes.bin", "index.bin"):
        (ledger.path / name).write_bytes((small.path / name).read_bytes())
    outcome = ledger.verify(signer.public_key)
    assert outcome.first_bad_entry == 10
    assert codes(outcome) == {"entry_missing"}


def test_a_ledger_cut_back_below_its_last_head_is_not_signed_over(ledger, signer):
    small = Ledger(ledger.path.parent / "small")
    small.append("receipt", "batch-0", digest_payload({"n": 0}))
    for name in ("entries.jsonl", "nodes.bin", "index.bin"):
        (ledger.path / name).write_bytes((small.path / name).read_bytes())
    with pytest.raises(LedgerDamagedError):
        ledger.seal(signer, ATS[2])


def test_a_key_that_was_entered_twice_behind_the_ledgers_back_is_found(ledger, signer):
    store = Store(ledger.path)
    store.write([replace(ledger.entry(3), index=15)], store.frontier(15))
    outcome = ledger.verify(signer.public_key)
    assert [(problem.code, problem.index) for problem in outcome.problems] == [("entry_repeated", 15)]


def test_a_witness_tells_rewriting_from_cutting(tmp_path, ledger, signer):
    witness = ledger.signed_heads()[-1]
    assert ledger.verify(signer.public_key, witness=witness).is_sound
    forged = build(tmp_path / "forged", signer, forged=2)
    assert forged.verify(signer.public_key).is_sound
    assert codes(forged.verify(signer.public_key, witness=witness)) == {"witness"}
    stranger = sign_head(ledger.head(13), SoftwareSigner(tmp_path / "thief"), ATS[2])
    assert codes(ledger.verify(signer.public_key, witness=stranger)) == {"witness"}


def test_nothing_is_appended_to_a_ledger_that_lost_entries(ledger):
    path = ledger.path / "entries.jsonl"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(LedgerDamagedError):
        ledger.append_many([Draft("loan", "loan:1", digest_payload({}))])
    path.unlink()
    with pytest.raises(LedgerDamagedError):
        ledger.append("loan", "loan:1", digest_payload({}))


def test_nothing_is_appended_to_a_ledger_that_lost_its_hashes(ledger):
    (ledger.path / "nodes.bin").unlink()
    with pytest.raises(LedgerDamagedError):
        ledger.append("loan", "loan:1", digest_payload({}))
