"""The ledger's promises to those who write, seal and prove."""

import datetime as dt
import json
import threading
from decimal import Decimal

import pytest

from rongqiao.kernel.errors import InvalidValueError
from rongqiao.ledger.entries import Draft, Entry, Kind, digest_bytes, digest_file, digest_payload
from rongqiao.ledger.errors import LedgerConflictError, LedgerDamagedError
from rongqiao.ledger.heads import SignedHead
from rongqiao.ledger.log import Ledger
from rongqiao.ledger.proofs import InclusionProof
from rongqiao.ledger.signing import SoftwareSigner, generate_key
from rongqiao.ledger.tree import EMPTY_ROOT

AT = "2026-11-20T08:00:00+00:00"
LATER = "2026-11-21T08:00:00+00:00"
DIGEST = digest_payload({"rows": 3})


@pytest.fixture
def signer(tmp_path):
    return SoftwareSigner(tmp_path / "keys")


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger")


def fill(ledger, count, prefix="batch"):
    return ledger.append_many([Draft("receipt", f"{prefix}-{number}", DIGEST) for number in range(count)])


def test_an_absent_ledger_reads_as_empty_and_reading_makes_nothing(ledger, signer):
    assert ledger.size == 0
    assert ledger.head().root == EMPTY_ROOT.hex()
    assert ledger.signed_heads() == []
    assert ledger.find("any") is None
    assert ledger.verify(signer.public_key).is_sound
    assert not ledger.path.exists()


def test_an_entry_reads_back_as_written(ledger):
    index = ledger.append("consent_given", "consent:7", DIGEST, at=AT, key="consent:7/given")
    assert ledger.entry(index) == Entry(0, "consent_given", "consent:7", DIGEST, AT, "consent:7/given")
    assert ledger.find("consent:7/given") == 0
    with pytest.raises(InvalidValueError):
        ledger.entry(1)
    with pytest.raises(InvalidValueError):
        ledger.entry(-1)


def test_the_same_key_is_recorded_once(ledger, tmp_path):
    first = ledger.append("quote", "quote:1", DIGEST, at=AT)
    again = ledger.append("quote", "quote:1", DIGEST, at=LATER)
    elsewhere = Ledger(tmp_path / "ledger").append("quote", "quote:1", DIGEST)
    assert first == again == elsewhere == 0
    assert ledger.size == 1
    assert ledger.entry(0).at == AT
    assert ledger.append_many([Draft("loan", "loan:1", DIGEST), Draft("loan", "loan:1", DIGEST)]) == [1, 1]


def test_a_key_cannot_say_two_things(ledger):
    ledger.append("quote", "quote:1", DIGEST, key="q1")
    with pytest.raises(LedgerConflictError):
        ledger.append("quote", "quote:1", digest_payload({"rows": 4}), key="q1")
    with pytest.raises(LedgerConflictError):
        ledger.append_many([Draft("loan", "loan:1", DIGEST), Draft("loan", "quote:1", DIGEST, key="q1")])
    assert ledger.size == 1


@pytest.mark.parametrize(
    "draft",
    [
        Draft("gossip", "s", DIGEST),
        Draft("loan", "", DIGEST),
        Draft("loan", "two\nlines", DIGEST),
        Draft("loan", "s" * 201, DIGEST),
        Draft("loan", "s", DIGEST.upper()),
        Draft("loan", "s", "payload itself"),
        Draft("loan", "s", DIGEST, at="2026-11-20"),
        Draft("loan", "s", DIGEST, at="2026-11-20T08:00:00"),
        Draft("loan", "s", DIGEST, at="yesterday"),
        Draft("loan", "s", DIGEST, key=""),
    ],
)
def test_what_is_not_of_its_form_stays_out(ledger, draft):
    with pytest.raises(InvalidValueError):
        ledger.append_many([Draft("loan", "good", DIGEST), draft])
    assert ledger.size == 0


def test_the_vocabulary_of_kinds():
    expected = "receipt consent_given consent_revoked report quote acceptance application loan correction"
    assert list(Kind) == expected.split()


def test_payload_digests_have_one_form():
    assert digest_payload({"a": 1, "b": [1, "二"]}) == digest_bytes('{"a":1,"b":[1,"二"]}'.encode())
    assert digest_payload({"amount": Decimal("5E+5")}) == digest_bytes(b'{"amount":"500000"}')
    assert digest_payload({"on": dt.date(2026, 11, 20)}) == digest_bytes(b'{"on":"2026-11-20"}')
    assert digest_payload({"a": Decimal("1.0")}) != digest_payload({"a": Decimal("1.00")})


@pytest.mark.parametrize(
    "payload",
    [
        {"a": float("nan")},
        {"a": {1: 2}},
        {"a": [{None: 1}]},
        {"a": b"x"},
        {"a": Decimal("NaN")},
        {"a": "\ud800"},
    ],
)
def test_payloads_without_one_form_are_refused(payload):
    with pytest.raises(InvalidValueError):
        digest_payload(payload)


def test_files_are_digested_by_their_bytes(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    assert (
        digest_file(tmp_path / "file") == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    )


def test_sealing_keeps_a_head_that_anyone_can_check(ledger, signer):
    fill(ledger, 5)
    head = ledger.seal(signer, AT)
    assert (head.size, head.root, head.at) == (5, ledger.head().root, AT)
    assert head.is_signed_by(signer.public_key)
    assert not head.is_signed_by(generate_key()[1])
    assert ledger.signed_heads() == [head]
    assert head.message.decode().splitlines() == ["rongqiao-ledger-head-v1", "5", head.root, AT, head.key_id]


def test_sealing_refuses_a_clock_that_runs_back_and_a_damaged_ledger(ledger, signer):
    fill(ledger, 5)
    ledger.seal(signer, LATER)
    with pytest.raises(InvalidValueError):
        ledger.seal(signer, AT)
    nodes = ledger.path / "nodes.bin"
    nodes.write_bytes(bytes([nodes.read_bytes()[0]]) + nodes.read_bytes()[1:-1] + b"\x00")
    with pytest.raises(LedgerDamagedError):
        ledger.seal(signer, LATER)
    assert len(ledger.signed_heads()) == 1


class BrokenModule:
    """A driver that signs with another key than it shows."""

    public_key = generate_key()[1]

    def __init__(self, other):
        self.sign = other.sign


def test_a_signer_whose_signature_does_not_hold_is_refused(ledger, signer):
    fill(ledger, 1)
    with pytest.raises(InvalidValueError, match="does not verify"):
        ledger.seal(BrokenModule(signer), AT)
    assert ledger.signed_heads() == []


def test_heads_of_the_past_are_those_that_were_true_then(ledger):
    roots = []
    for number in range(9):
        roots.append(ledger.head().root)
        ledger.append("report", f"report:{number}", DIGEST)
    assert [ledger.head(size).root for size in range(9)] == roots
    with pytest.raises(InvalidValueError):
        ledger.head(10)


def test_a_proof_travels_as_json_and_needs_no_ledger(ledger, signer):
    fill(ledger, 11)
    ledger.seal(signer, AT)
    fill(ledger, 4, prefix="late")
    proof = ledger.prove(6)
    assert proof.size == 11
    read = InclusionProof.from_json(proof.to_json())
    assert read == proof
    assert read.problems(signer.public_key) == []
    assert len(read.problems(generate_key()[1])) == 1
    assert len(read.problems()) == 1


def test_a_proof_of_an_unsealed_entry_says_so(ledger, signer):
    fill(ledger, 3)
    ledger.seal(signer, AT)
    ledger.append("loan", "loan:9", DIGEST)
    proof = ledger.prove(3)
    assert (proof.size, proof.head) == (4, None)
    assert proof.problems(signer.public_key) == ["规模 4 的树头未签名"]


@pytest.mark.parametrize(
    "change",
    [
        lambda proof: proof["entry"].update(subject="batch-7"),
        lambda proof: proof["entry"].update(index=5),
        lambda proof: proof.update(size=10),
        lambda proof: proof.update(root="00" * 32),
        lambda proof: proof["path"].pop(),
        lambda proof: proof["path"].reverse(),
        lambda proof: proof["head"].update(root="00" * 32),
        lambda proof: proof["head"].update(at=LATER),
        lambda proof: proof.update(head=None),
    ],
)
def test_an_altered_proof_is_found_out(ledger, signer, change):
    fill(ledger, 11)
    ledger.seal(signer, AT)
    parts = json.loads(ledger.prove(6).to_json())
    change(parts)
    assert InclusionProof.from_json(json.dumps(parts)).problems(signer.public_key)


@pytest.mark.parametrize(
    "change",
    [
        lambda proof: proof.update(proof="other"),
        lambda proof: proof.pop("size"),
        lambda proof: proof.update(path=["xx"]),
        lambda proof: proof.update(path=[7]),
        lambda proof: proof["entry"].update(kind="gossip"),
        lambda proof: proof["head"].update(signature="xx"),
    ],
)
def test_what_is_not_a_proof_is_refused(ledger, signer, change):
    fill(ledger, 2)
    ledger.seal(signer, AT)
    parts = json.loads(ledger.prove(0).to_json())
    change(parts)
    with pytest.raises(InvalidValueError):
        InclusionProof.from_json(json.dumps(parts))


def test_consistency_from_disk_joins_two_heads(ledger, signer):
    fill(ledger, 7)
    old = ledger.seal(signer, AT)
    fill(ledger, 30, prefix="more")
    now = ledger.head()
    proof = ledger.prove_consistency(old.size)
    assert (proof.old, proof.new) == (7, 37)
    assert proof.holds(old.root, now.root)
    assert not proof.holds(now.root, old.root)


def test_threads_share_one_ledger(ledger, signer):
    def write(name):
        for number in range(15):
            ledger.append("application", f"{name}:{number}", DIGEST)
            ledger.append("application", f"shared:{number}", DIGEST)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.size == 15 * 4
    assert ledger.verify(signer.public_key).is_sound


def test_signed_heads_are_read_strictly(ledger, signer):
    fill(ledger, 1)
    line = ledger.seal(signer, AT).to_bytes()
    assert SignedHead.from_bytes(line).to_bytes() == line
    for spoilt in (
        line[:-1],
        line.replace(b'"size":1', b'"size":true'),
        line.replace(b":1", b": 1"),
        b"{}",
        b"[]",
    ):
        with pytest.raises(InvalidValueError):
            SignedHead.from_bytes(spoilt)
