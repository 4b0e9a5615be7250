"""SSH signatures and signing keys, against stock ssh-keygen where it is there."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhiscan.report import keys, sshsig
from nhiscan.report.keys import KeyProblem

SEED = bytes(range(32))
MESSAGE = b"ab" * 32 + b"  bagit.txt\n"


def keygen(*words: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([str(shutil.which("ssh-keygen")), *words], input=stdin, capture_output=True, timeout=60)


def private_file(folder: Path, signer: keys.Signer) -> Path:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    path = folder / "key"
    path.write_bytes(signer.key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    path.chmod(0o600)
    return path


def test_sign_then_verify_gives_the_key() -> None:
    signer = keys.signer_from_seed(SEED)
    assert sshsig.verify(signer.sign(MESSAGE), MESSAGE) == signer.blob
    assert signer.sign(MESSAGE) == signer.sign(MESSAGE)
    assert signer.fingerprint.startswith("SHA256:")


@given(st.binary(max_size=400))
def test_every_message_round_trips(message: bytes) -> None:
    signer = keys.signer_from_seed(SEED)
    assert sshsig.verify(signer.sign(message), message) == signer.blob


@given(st.integers(0, 310), st.integers(1, 255))
def test_a_changed_signature_is_never_good_for_another_key_or_a_crash(place: int, change: int) -> None:
    signer = keys.signer_from_seed(SEED)
    data = bytearray(signer.sign(MESSAGE).encode())
    data[place % len(data)] ^= change
    try:
        found = sshsig.verify(data.decode("latin-1"), MESSAGE)
    except sshsig.BadSignature:
        return
    assert found == signer.blob  # white space between the lines may change; the key may not


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not an SSH signature"),
        ("-----BEGIN SSH SIGNATURE-----\n!!\n-----END SSH SIGNATURE-----\n", "base64"),
        ("-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n", "version"),
    ],
)
def test_what_is_no_signature_is_said(text: str, why: str) -> None:
    with pytest.raises(sshsig.BadSignature, match=why):
        sshsig.verify(text, MESSAGE)


def test_wrong_message_and_wrong_purpose_are_refused() -> None:
    signer = keys.signer_from_seed(SEED)
    with pytest.raises(sshsig.BadSignature, match="does not fit"):
        sshsig.verify(signer.sign(MESSAGE), MESSAGE + b"x")
    with pytest.raises(sshsig.BadSignature, match="another purpose"):
        sshsig.verify(sshsig.sign(signer.key, MESSAGE, "file"), MESSAGE)


def test_allowed_signers_lines() -> None:
    blob = keys.signer_from_seed(SEED).allowed_signers.split()[-1]
    text = (
        "# who may sign\n"
        f"a@example.org ssh-ed25519 {blob} a comment\n"
        'b@example.org,"c@example.org" namespaces="file,nhiscan-*",valid-after="20260101Z",valid-before="20270101Z" '
        f"ssh-ed25519 {blob}\n"
        f'd@example.org namespaces="file" ssh-ed25519 {blob}\n'
        f"*@example.org cert-authority ssh-ed25519 {blob}\n"
    )
    a, b, d, authority = sshsig.read_allowed_signers(text)
    noon_2026, noon_2028 = 1782907200, 1845979200
    assert a.refuses(sshsig.NAMESPACE, 0) is None
    assert b.refuses(sshsig.NAMESPACE, noon_2026) is None
    assert b.refuses(sshsig.NAMESPACE, noon_2028) == "the key is no longer valid"
    assert b.refuses(sshsig.NAMESPACE, 0) == "the key is not valid yet"
    assert "other purposes" in str(d.refuses(sshsig.NAMESPACE, 0))
    assert "authority" in str(authority.refuses(sshsig.NAMESPACE, 0))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("somebody", "line 1: expected"),
        ("somebody ssh-ed25519 ***", "line 1: the key is not valid base64"),
        ('somebody namespaces="x ssh-ed25519 AAAA', "line 1: a double quote"),
        ("somebody colour=red ssh-ed25519 AAAA", "line 1: unknown option 'colour'"),
        ('somebody valid-after="soon" ssh-ed25519 AAAA', "line 1: 'soon' is not a time"),
        ('somebody valid-after="20261340" ssh-ed25519 AAAA', "line 1: '20261340' is not a date"),
    ],
)
def test_a_bad_allowed_signers_line_is_named(line: str, why: str) -> None:
    with pytest.raises(sshsig.BadSigners, match=why):
        sshsig.read_allowed_signers(line)


def test_the_key_of_the_configuration_folder_is_made_once(tmp_path: Path) -> None:
    first, message = keys.signer(None, tmp_path / "new" / "nhiscan")
    assert message is not None
    assert first.fingerprint in message
    assert first.allowed_signers in message
    again, silent = keys.signer(None, tmp_path / "new" / "nhiscan")
    assert (again.blob, silent) == (first.blob, None)
    path = tmp_path / "new" / "nhiscan" / keys.FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(entry.name for entry in path.parent.iterdir()) == [keys.FILE, keys.FILE + ".pub"]


def test_a_folder_that_cannot_be_made_is_a_key_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(KeyProblem, match="--sign-key"):
        keys.signer(None, tmp_path / "file" / "nhiscan")


def test_keys_that_cannot_sign_are_told_apart(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    with pytest.raises(KeyProblem, match="cannot be read"):
        keys.signer(tmp_path / "none")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(KeyProblem, match="does not hold a private key"):
        keys.signer(tmp_path / "text")
    (tmp_path / "public").write_text("ssh-ed25519 AAAA me\n")
    with pytest.raises(KeyProblem, match="public key"):
        keys.signer(tmp_path / "public")
    other = generate_private_key(SECP256R1())
    (tmp_path / "ec").write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    with pytest.raises(KeyProblem, match="not Ed25519"):
        keys.signer(tmp_path / "ec")


@pytest.mark.openssh
def test_a_passphrase_is_said_to_be_in_the_way(tmp_path: Path) -> None:
    assert keygen("-q", "-t", "ed25519", "-N", "secret", "-f", str(tmp_path / "key")).returncode == 0
    with pytest.raises(KeyProblem, match="passphrase"):
        keys.signer(tmp_path / "key")


@pytest.mark.openssh
def test_our_bytes_are_those_of_ssh_keygen(tmp_path: Path) -> None:
    signer = keys.signer_from_seed(SEED)
    key = private_file(tmp_path, signer)
    theirs = keygen("-Y", "sign", "-q", "-f", str(key), "-n", sshsig.NAMESPACE, stdin=MESSAGE)
    assert theirs.returncode == 0, theirs.stderr
    assert signer.sign(MESSAGE).encode() == theirs.stdout


@pytest.mark.openssh
def test_a_key_of_ssh_keygen_signs_what_ssh_keygen_accepts(tmp_path: Path) -> None:
    assert keygen("-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")).returncode == 0
    signer, message = keys.signer(tmp_path / "key")
    assert message is None
    (tmp_path / "sig").write_text(signer.sign(MESSAGE))
    allowed = tmp_path / "allowed"

    def check(lines: str, *more: str, principal: str = signer.principal, stdin: bytes = MESSAGE) -> int:
        allowed.write_text(lines)
        words = (
            "-Y",
            "verify",
            "-f",
            str(allowed),
            "-I",
            principal,
            "-n",
            sshsig.NAMESPACE,
            "-s",
            str(tmp_path / "sig"),
        )
        return keygen(*words, *more, stdin=stdin).returncode

    good = signer.allowed_signers
    assert check(good) == 0
    assert check(good, stdin=MESSAGE + b"x") != 0
    assert check(good, principal="somebody-else") != 0
    assert check(good.replace('"nhiscan-evidence"', '"file"')) != 0
    expired = good.replace(" ssh-ed25519", ',valid-before="20200101" ssh-ed25519')
    assert check(expired) != 0
    assert check(expired, "-Overify-time=20190101") == 0
    assert keygen("-l", "-f", str(tmp_path / "key.pub")).stdout.split()[1].decode() == signer.fingerprint


def test_two_runs_that_start_at_once_end_with_one_key(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\nfrom nhiscan.report import keys\n"
        "print(keys.signer(None, pathlib.Path(sys.argv[1]))[0].fingerprint)"
    )
    import sys

    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "c")], stdout=subprocess.PIPE, env=os.environ.copy()
        )
        for _ in range(3)
    ]
    assert len({run.communicate(timeout=120)[0] for run in runs}) == 1
    assert [run.returncode for run in runs] == [0, 0, 0]
