"""SM2 against the standard's vector, the library's known defects, and an independent implementation."""

import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from rongqiao.kernel.errors import InvalidValueError
from rongqiao.ledger import signing
from rongqiao.ledger.signing import (
    ORDER,
    SoftwareSigner,
    check_public_key,
    generate_key,
    key_id,
    public_pem,
    sign_message,
    verify_signature,
)

# GB/T 32918.5-2017, annex A: curve sm2p256v1, identity 1234567812345678.
PRIVATE = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"
PUBLIC = (
    "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
NONCE = 0x59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21
R = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
S = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA
MESSAGE = b"message digest"


def test_the_vector_of_gb_t_32918_5():
    signature = sign_message(PRIVATE, PUBLIC, MESSAGE, nonce=NONCE)
    assert decode_dss_signature(signature) == (R, S)
    assert verify_signature(PUBLIC, MESSAGE, signature)


def test_keys_that_begin_with_04_are_not_cut_short():
    # Deterministic: counts up until the point's first byte is 04, where gmssl alone would lose digits.
    for number in range(1, 2000):
        private = f"{number:064x}"
        public = str(signing.sm2.CryptSM2("", "")._kg(number, signing.BASE_POINT))
        if public.startswith("04"):
            break
    assert public.startswith("04")
    signature = sign_message(private, public, MESSAGE)
    assert verify_signature(public, MESSAGE, signature)
    assert verify_signature("04" + public, MESSAGE, signature)


def test_nonces_come_from_the_system_and_never_repeat():
    found = {decode_dss_signature(sign_message(PRIVATE, PUBLIC, MESSAGE))[0] for _ in range(5)}
    assert len(found) == 5


def test_nonce_generator_is_not_the_predictable_one(monkeypatch):
    def refuse(_choices):
        raise AssertionError("random.choice drew a nonce")

    monkeypatch.setattr("gmssl.func.choice", refuse)
    assert verify_signature(PUBLIC, MESSAGE, sign_message(PRIVATE, PUBLIC, MESSAGE))


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        b"\x30\x00",
        b"not DER",
        encode_dss_signature(0, S),
        encode_dss_signature(R, 0),
        encode_dss_signature(R + ORDER, S),
        encode_dss_signature(R, S + ORDER),
        encode_dss_signature(R, ORDER - R),
        encode_dss_signature(R, S) + b"\x00",
        encode_dss_signature(S, R),
    ],
)
def test_malformed_signatures_are_false_not_errors(signature):
    assert verify_signature(PUBLIC, MESSAGE, signature) is False


def test_another_message_or_key_does_not_verify():
    signature = encode_dss_signature(R, S)
    assert not verify_signature(PUBLIC, MESSAGE + b".", signature)
    assert not verify_signature(generate_key()[1], MESSAGE, signature)


@pytest.mark.parametrize("value", ["", "00" * 64, PUBLIC[:-2], PUBLIC[:-1] + "4", "z" * 128, "f" * 128])
def test_what_is_not_a_point_on_the_curve_is_no_key(value):
    with pytest.raises(InvalidValueError):
        check_public_key(value)


def test_public_keys_are_read_in_three_forms():
    assert check_public_key(PUBLIC.upper()) == PUBLIC
    assert check_public_key("04" + PUBLIC) == PUBLIC
    assert check_public_key(public_pem(PUBLIC)) == PUBLIC
    with pytest.raises(InvalidValueError):
        check_public_key("-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----")


def test_a_key_is_made_once_and_only_its_owner_may_read_it(tmp_path):
    first = SoftwareSigner(tmp_path / "ledger")
    second = SoftwareSigner(tmp_path / "ledger")
    assert first.public_key == second.public_key
    path = tmp_path / "ledger" / "sm2.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(file.name for file in path.parent.iterdir()) == ["public.pem", "sm2.key"]
    assert check_public_key((tmp_path / "ledger" / "public.pem").read_text()) == first.public_key
    (tmp_path / "ledger" / "public.pem").write_text("-----BEGIN")
    SoftwareSigner(tmp_path / "ledger")
    assert check_public_key((tmp_path / "ledger" / "public.pem").read_text()) == first.public_key
    path.chmod(0o644)
    with pytest.raises(InvalidValueError, match="chmod 600"):
        SoftwareSigner(tmp_path / "ledger")


def test_a_spoilt_key_file_is_refused_without_showing_it(tmp_path):
    SoftwareSigner(tmp_path)
    path = tmp_path / "sm2.key"
    secret = path.read_text()[:60]
    path.write_text(secret)
    with pytest.raises(InvalidValueError) as caught:
        SoftwareSigner(tmp_path)
    assert secret not in str(caught.value)


def test_generated_keys_differ_and_name_themselves():
    (private, public), (_, other) = generate_key(), generate_key()
    assert public != other
    assert len(private) == 64
    assert key_id(public) != key_id(other)
    assert len(key_id(public)) == 16


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")
def test_openssl_accepts_what_we_sign_and_refuses_what_we_do_not(tmp_path):
    signer = SoftwareSigner(tmp_path)
    (tmp_path / "message").write_bytes(MESSAGE)
    (tmp_path / "signature").write_bytes(signer.sign(MESSAGE))
    command = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        "public.pem",
        "-rawin",
        "-digest",
        "sm3",
        "-pkeyopt",
        "distid:1234567812345678",
        "-in",
        "message",
        "-sigfile",
        "signature",
    ]
    probe = subprocess.run(["openssl", "list", "-public-key-algorithms"], capture_output=True, text=True)
    if "SM2" not in probe.stdout:
        pytest.skip("this openssl knows no SM2")
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0
    (tmp_path / "message").write_bytes(MESSAGE + b".")
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode != 0
