"""``rongqiao ledger`` as an operator runs it."""

import json

import pytest
from typer.testing import CliRunner

from config.commands.ledger import app, ledger_path
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.ledger.entries import Draft, digest_payload
from rongqiao.ledger.log import Ledger
from rongqiao.ledger.signing import generate_key, public_pem

AT = "2026-11-20T08:00:00+00:00"


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setenv("RONGQIAO_VAR", str(tmp_path / "var"))
    drafts = [Draft("receipt", f"batch-{number}", digest_payload({"n": number})) for number in range(6)]
    Ledger(ledger_path()).append_many(drafts)
    runner = CliRunner()

    def call(*words):
        outcome = runner.invoke(app, list(words))
        if outcome.exception and not isinstance(outcome.exception, SystemExit):
            raise outcome.exception
        return outcome.exit_code, outcome.output

    return call


def test_a_sound_ledger_verifies_and_says_what_is_not_proven(run):
    code, output = run("verify")
    assert code == 0
    assert "未封存 6" in output
    assert "rongqiao ledger seal" in output
    run("seal", "--at", AT)
    code, output = run("verify", "--json")
    outcome = json.loads(output)
    assert (code, outcome["sealed_size"], outcome["unsealed"], outcome["is_sound"]) == (0, 6, 0, True)


def test_a_tampered_ledger_is_named_and_exits_with_1(run):
    run("seal", "--at", AT)
    path = ledger_path() / "entries.jsonl"
    path.write_bytes(path.read_bytes().replace(b"batch-3", b"batch-9"))
    code, output = run("verify")
    assert code == 1
    assert "第 3 条（entries.jsonl 第 4 行）" in output
    assert run("verify", "--json")[0] == 1


def test_a_witness_shows_a_ledger_that_was_cut_back(run, tmp_path):
    run("seal", "--at", AT)
    early = {file.name: file.read_bytes() for file in ledger_path().iterdir()}
    Ledger(ledger_path()).append("loan", "loan:1", digest_payload({}))
    witness = tmp_path / "witness.json"
    witness.write_text(run("seal", "--at", AT)[1])
    assert run("verify", "--witness", str(witness))[0] == 0
    assert run("check-growth", str(witness))[0] == 0
    for name, content in early.items():
        (ledger_path() / name).write_bytes(content)
    assert run("verify")[0] == 0
    code, output = run("verify", "--witness", str(witness))
    assert code == 1
    assert "截短" in output
    assert run("check-growth", str(witness))[0] == 1


def test_head_prints_present_and_signed(run):
    assert json.loads(run("head")[1])["signed"] is None
    run("seal", "--at", AT)
    printed = json.loads(run("head")[1])
    assert printed["size"] == printed["signed"]["size"] == 6


def test_a_proof_is_checked_with_the_key_the_reader_brings(run, tmp_path):
    run("seal", "--at", AT)
    proof, key = tmp_path / "proof.json", tmp_path / "key.pem"
    proof.write_text(run("prove", "4")[1])
    code, output = run("check-proof", str(proof))
    assert code == 0
    assert "batch-4" in output
    key.write_text(public_pem(generate_key()[1]))
    assert run("check-proof", str(proof), "--public-key", str(key))[0] == 1
    proof.write_text(proof.read_text().replace("batch-4", "batch-5"))
    assert run("check-proof", str(proof))[0] == 1


def test_a_proof_for_a_chosen_size(run):
    proof = json.loads(run("prove", "1", "--size", "3")[1])
    assert (proof["size"], proof["head"]) == (3, None)
    with pytest.raises(InvalidValueError):
        run("prove", "6")


def test_a_cipher_module_takes_the_place_of_the_software_key(run, monkeypatch, tmp_path):
    monkeypatch.setenv("RONGQIAO_LEDGER_SIGNER", "tests_module_without_name")
    with pytest.raises(InvalidValueError):
        run("seal", "--at", AT)
    (tmp_path / "cipher_module_driver.py").write_text(
        "from pathlib import Path\n"
        "from rongqiao.ledger.signing import SoftwareSigner\n"
        "def connect():\n"
        "    return SoftwareSigner(Path(__file__).parent / 'module')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("RONGQIAO_LEDGER_SIGNER", "cipher_module_driver:connect")
    assert run("seal", "--at", AT)[0] == 0
    assert not (ledger_path() / "sm2.key").exists()
    key = str(tmp_path / "module" / "public.pem")
    assert run("verify", "--public-key", key)[0] == 0
    assert run("verify")[0] == 1
