"""Power cuts, killed writers and writers that meet: a prefix stands, nothing is lost that was promised, nothing doubled."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from rongqiao.ledger.entries import Draft, digest_payload
from rongqiao.ledger.errors import LedgerDamagedError
from rongqiao.ledger.log import Ledger
from rongqiao.ledger.signing import SoftwareSigner

DERIVED = ("nodes.bin", "index.bin")
FILES = ("entries.jsonl", *DERIVED)
ENVIRONMENT = {"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ["PATH"]}

WRITER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from rongqiao.ledger.entries import digest_payload
    from rongqiao.ledger.log import Ledger

    name, count = sys.argv[2], int(sys.argv[3])
    ledger = Ledger(Path(sys.argv[1]))
    for number in range(count):
        for subject in (f"{name}:{number}", f"shared:{number}"):
            index = ledger.append("receipt", subject, digest_payload({"s": subject}))
            sys.stdout.write(f"{index} {subject}\\n")
            sys.stdout.flush()
    """
)


def append(ledger, *numbers):
    return ledger.append_many(
        [Draft("receipt", f"batch-{number}", digest_payload({"n": number})) for number in numbers]
    )


def start_writer(path, name, count):
    command = [sys.executable, "-c", WRITER, str(path), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)


def test_a_write_torn_at_any_byte_leaves_the_prefix_and_can_be_repeated(tmp_path):
    ledger = Ledger(tmp_path / "ledger")
    append(ledger, *range(3))
    before = {name: (ledger.path / name).read_bytes() for name in FILES}
    append(ledger, 3, 4)
    after = {name: (ledger.path / name).read_bytes() for name in FILES}
    root = ledger.head().root
    stages = [
        (name, length) for name in FILES for length in range(len(before[name]), len(after[name]) + 1, 7)
    ]
    for torn, length in stages:
        for name in FILES:
            # Files before the torn one were synced, those after it not yet begun.
            is_written = FILES.index(name) < FILES.index(torn)
            whole = after[name] if is_written else before[name]
            (ledger.path / name).write_bytes(after[name][:length] if name == torn else whole)
        reopened = Ledger(ledger.path)
        assert reopened.size in (3, 4, 5)
        assert reopened.verify().is_sound, (torn, length)
        assert append(reopened, 3, 4) == [3, 4]
        assert reopened.head().root == root
        assert reopened.verify().is_sound
        assert {name: (ledger.path / name).read_bytes() for name in FILES} == after


@pytest.mark.parametrize("garbage", [b"\x00" * 4096, b'{"at":null,"digest', b"\n\n", b"\xff\xfe\n"])
def test_a_torn_tail_is_set_aside_not_deleted(tmp_path, garbage):
    ledger = Ledger(tmp_path / "ledger")
    append(ledger, 0, 1)
    with (ledger.path / "entries.jsonl").open("ab") as file:
        file.write(garbage)
    assert append(Ledger(ledger.path), 2) == [2]
    assert [file.read_bytes() for file in ledger.path.glob("torn-*.bin")] == [garbage]
    assert ledger.verify().is_sound


@pytest.mark.parametrize("lost", [("index.bin",), DERIVED])
def test_lost_derived_files_are_made_again_from_the_entries(tmp_path, lost):
    ledger = Ledger(tmp_path / "ledger")
    append(ledger, *range(11))
    whole = {name: (ledger.path / name).read_bytes() for name in FILES}
    for name in lost:
        (ledger.path / name).unlink()
    assert append(Ledger(ledger.path), 4) == [4]
    assert {name: (ledger.path / name).read_bytes() for name in FILES} == whole


def test_an_index_made_again_does_not_hide_an_altered_entry(tmp_path):
    ledger = Ledger(tmp_path / "ledger")
    append(ledger, *range(5))
    path = ledger.path / "entries.jsonl"
    path.write_bytes(path.read_bytes().replace(b"batch-2", b"batch-9"))
    (ledger.path / "index.bin").unlink()
    with pytest.raises(LedgerDamagedError):
        append(Ledger(ledger.path), 5)


def test_a_torn_head_is_set_aside(tmp_path):
    ledger = Ledger(tmp_path / "ledger")
    signer = SoftwareSigner(tmp_path / "keys")
    append(ledger, 0)
    ledger.seal(signer, "2026-11-20T08:00:00+00:00")
    with (ledger.path / "heads.jsonl").open("ab") as file:
        file.write(b'{"at":"2026')
    assert len(ledger.signed_heads()) == 1
    ledger.seal(signer, "2026-11-21T08:00:00+00:00")
    assert [head.at[:10] for head in ledger.signed_heads()] == ["2026-11-20", "2026-11-21"]
    assert ledger.verify(signer.public_key).is_sound


@pytest.mark.faults
def test_two_processes_append_at_once_and_agree(tmp_path):
    path = tmp_path / "ledger"
    writers = [start_writer(path, name, 40) for name in ("left", "right")]
    answers = {}
    for writer in writers:
        output, _ = writer.communicate(timeout=120)
        assert writer.returncode == 0
        for line in output.splitlines():
            index, subject = line.split()
            assert answers.setdefault(subject, index) == index
    ledger = Ledger(path)
    assert ledger.size == 120
    assert {entry.subject: str(entry.index) for entry in ledger.entries()} == answers
    assert ledger.verify().is_sound


@pytest.mark.faults
def test_a_ledger_verifies_and_seals_while_another_process_writes(tmp_path):
    path = tmp_path / "ledger"
    signer = SoftwareSigner(tmp_path / "keys")
    writer = start_writer(path, "busy", 10_000)
    writer.stdout.readline()
    ledger = Ledger(path)
    try:
        for day in range(1, 11):
            head = ledger.seal(signer, f"2026-11-{day:02}T08:00:00+00:00")
            outcome = ledger.verify(signer.public_key)
            assert outcome.problems == ()
            assert outcome.sealed_size == head.size <= outcome.size
            assert ledger.prove(head.size - 1).problems(signer.public_key) == []
    finally:
        writer.kill()
        writer.communicate(timeout=60)
    assert ledger.size > ledger.signed_heads()[0].size


@pytest.mark.faults
def test_a_killed_writer_leaves_all_it_was_told_and_one_more_at_most(tmp_path):
    path = tmp_path / "ledger"
    promised = []
    for round_ in range(5):
        writer = start_writer(path, f"round-{round_}", 10_000)
        lines = [writer.stdout.readline() for _ in range(6 + 5 * round_)]
        os.kill(writer.pid, signal.SIGKILL)
        rest, _ = writer.communicate(timeout=60)
        assert writer.returncode == -signal.SIGKILL
        lines += [line for line in rest.splitlines(keepends=True) if line.endswith("\n")]
        promised += [tuple(line.split()) for line in lines]
        ledger = Ledger(path)
        held = {(str(entry.index), entry.subject) for entry in ledger.entries()}
        assert set(promised) <= held
        assert ledger.verify().is_sound
        assert ledger.append("correction", f"after-{round_}", digest_payload({})) == ledger.size - 1
        promised.append((str(ledger.size - 1), f"after-{round_}"))
        assert ledger.size - len(set(promised)) <= round_ + 1
        assert ledger.verify().is_sound
