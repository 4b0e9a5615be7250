"""Signing keys: one that is named, or one made once in the user's configuration folder.

Signing is done with Ed25519 keys in the OpenSSH form (``ssh-keygen -t ed25519``), without a passphrase.
"""

import base64
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nhiscan.report import sshsig

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PRINCIPAL = "nhiscan-evidence"
"""The name under which a signer stands in the allowed_signers line that is printed. An auditor may write another."""
FILE = "evidence_key"


class KeyProblem(Exception):
    """No usable signing key. The message says what is wrong and what to do; becomes exit code 2."""


@dataclass(frozen=True)
class Signer:
    """A private key that signs packages. Its public part is all that ever leaves it."""

    key: "Ed25519PrivateKey" = field(repr=False)
    principal: str = PRINCIPAL
    remark: str = ""  # said in VERIFY.txt, where a key is not what a reader would assume (the demo's)

    @property
    def blob(self) -> bytes:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return sshsig.public_blob(self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    @property
    def fingerprint(self) -> str:
        return sshsig.fingerprint(self.blob)

    @property
    def allowed_signers(self) -> str:
        """The line for an auditor's allowed_signers file, with its line end."""
        public = base64.b64encode(self.blob).decode()
        return f'{self.principal} namespaces="{sshsig.NAMESPACE}" ssh-ed25519 {public}\n'

    def sign(self, message: bytes) -> str:
        return sshsig.sign(self.key, message)


def signer_from_seed(seed: bytes, *, principal: str = PRINCIPAL, remark: str = "") -> Signer:
    """A signer whose key follows from 32 bytes that anybody may know: for the demonstration and for tests only."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Signer(Ed25519PrivateKey.from_private_bytes(seed), principal, remark)


def load_signer(path: Path) -> Signer:
    """Read a private key file. Raises KeyProblem."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

    hint = 'Make one with: ssh-keygen -t ed25519 -N "" -f nhiscan_evidence'
    try:
        data = path.read_bytes()
    except OSError as error:
        raise KeyProblem(f"the signing key {path} cannot be read: {error.strerror}") from error
    if data.startswith(b"ssh-"):
        raise KeyProblem(f"{path} is a public key. Name the private key beside it (without .pub)")
    try:
        if b"BEGIN OPENSSH PRIVATE KEY" in data:
            key: object = load_ssh_private_key(data, password=None)
        else:
            key = load_pem_private_key(data, password=None)
    except (TypeError, UnsupportedAlgorithm) as error:
        # TypeError: a password is needed; UnsupportedAlgorithm: it is needed and bcrypt is missing, or the kind is odd
        if isinstance(error, UnsupportedAlgorithm) and "bcrypt" not in str(error):
            raise KeyProblem(f"the signing key {path} is of a kind that cannot be used. {hint}") from error
        raise KeyProblem(
            f"the signing key {path} is protected by a passphrase, which cannot be asked for here. "
            f"Use an Ed25519 key without one, kept where only the signer can read it. {hint}"
        ) from error
    except ValueError as error:
        raise KeyProblem(f"{path} does not hold a private key. {hint}") from error
    if not isinstance(key, Ed25519PrivateKey):
        kind = type(key).__name__.removesuffix("PrivateKey").lstrip("_")
        raise KeyProblem(f"the signing key {path} is not Ed25519 (it is {kind}). {hint}")
    return Signer(key)


def default_signer(folder: Path) -> tuple[Signer, str | None]:
    """The key in the user's configuration folder; made when there is none.

    Gives the signer, and a message for stderr when the key was made just now. Two runs that start at once end up with
    the same key. Raises KeyProblem where the folder cannot be written.
    """
    path = folder / FILE
    if path.exists():
        return load_signer(path), None
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    made = Signer(Ed25519PrivateKey.generate())
    text = made.key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    draft = folder / f".{FILE}.{secrets.token_hex(8)}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # never over a key that another run has just made
        except FileExistsError:
            return load_signer(path), None
        finally:
            draft.unlink()
        path.with_suffix(".pub").write_text(
            f"ssh-ed25519 {base64.b64encode(made.blob).decode()} {made.principal}\n", encoding="ascii"
        )
    except OSError as error:
        raise KeyProblem(
            f"no signing key is set and none can be made in {folder}: {error.strerror}. "
            "Name a key with --sign-key or [evidence] sign_key"
        ) from error
    message = (
        f"A signing key was made: {path}\n"
        f"Its fingerprint is {made.fingerprint}\n"
        "Give this allowed_signers line to your auditor by another way than the package:\n"
        f"{made.allowed_signers}"
    )
    return made, message


def signer(sign_key: Path | None, folder: Path | None = None) -> tuple[Signer, str | None]:
    """The signer to use: the key named, else the one of the configuration folder. Raises KeyProblem.

    The second value is a message for stderr, or None.
    """
    if sign_key is not None:
        return load_signer(sign_key.expanduser()), None
    if folder is None:
        import platformdirs

        folder = platformdirs.user_config_path("nhiscan")
    return default_signer(folder)
