"""The key that films are sealed with, and the certificates that say whose it is.

The key stays in this process: a child that reads a film asks for a signature over a pipe, and
never holds it. An own signet is a file of the data folder, made once, with a root that nobody
keeps the key of: so nothing else can ever be issued under it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # 18 MB that only who seals needs
    from cryptography.hazmat.primitives.asymmetric.types import (
        CertificatePublicKeyTypes,
        PrivateKeyTypes,
    )
    from cryptography.x509 import Certificate

OWN_NAME: Final = "signet.pem"
PUBLIC_NAME: Final = "certificate.pem"
YEARS: Final = 20
"""Without a time authority a seal is believed as long as its certificate is valid."""

RSA_BITS_MIN: Final = 2_048
_CURVES: Final = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_DAY: Final = timedelta(days=1)


class BadSignet(ValueError):
    """A key and certificates that films cannot be sealed with; the sentence holds no secret."""


@dataclass(frozen=True, slots=True)
class Signet:
    """A key with its certificates, the key's own first, as PEM.

    `algorithm` is C2PA's name of how it signs; `fingerprint` is the SHA-256 of the key's own
    certificate, in hex.
    """

    certificates: str
    algorithm: str
    holder: str
    fingerprint: str
    expires_at: datetime
    key: PrivateKeyTypes = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """Sign a message, as C2PA wants it of this kind of key."""
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import (  # noqa: PLC0415
            ec,
            ed25519,
            padding,
            rsa,
        )

        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            by_name = {"es256": hashes.SHA256(), "es384": hashes.SHA384(), "es512": hashes.SHA512()}
            return self.key.sign(message, ec.ECDSA(by_name[self.algorithm]))
        if isinstance(self.key, rsa.RSAPrivateKey):
            sha = hashes.SHA256()
            salted = padding.PSS(padding.MGF1(sha), salt_length=sha.digest_size)
            return self.key.sign(message, salted, sha)
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(message)
        raise BadSignet("the key is of no kind that films are sealed with")


def signet_of(certificates: bytes, key: bytes) -> Signet:
    """Read a key, and its certificates from its own upwards.

    Raises:
        BadSignet: it is no key, no certificate, or they do not belong together.
    """
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415

    try:
        chain = x509.load_pem_x509_certificates(certificates)
    except ValueError:
        raise BadSignet("the certificate is no PEM: it begins with BEGIN CERTIFICATE") from None
    try:
        private = serialization.load_pem_private_key(key, password=None)
    except TypeError:
        raise BadSignet("the key is encrypted; give one that is not, in a guarded file") from None
    except ValueError:
        raise BadSignet("the key is no PEM: it begins with BEGIN PRIVATE KEY") from None
    own = chain[0]
    if own.public_key() != private.public_key():
        raise BadSignet("the key is not that of the first certificate; its own must come first")
    return Signet(
        certificates="".join(_pem(one) for one in chain),
        algorithm=_algorithm(private),
        holder=_holder(own),
        fingerprint=own.fingerprint(hashes.SHA256()).hex(),
        expires_at=own.not_valid_after_utc,
        key=private,
    )


def own_signet(folder: Path, name: str, at: datetime) -> Signet:
    """Return the signet of this folder; made once, readable by nobody else.

    `name` is whose films they are, and goes into the certificate when it is made. A copy of the
    certificates that anybody may read lies beside it.

    Raises:
        BadSignet: what is there is none.
    """
    path = folder / OWN_NAME
    if not path.exists():
        _keep_first(path, _made(name, at), 0o600)
    content = path.read_bytes()
    signet = signet_of(content, content)
    public = folder / PUBLIC_NAME
    if not public.exists():
        _keep_first(public, signet.certificates.encode(), 0o644)
    return signet


def main(arguments: list[str]) -> None:
    """Make the signet of a folder, in a process of its own: `folder name`."""
    folder, name = arguments[1:]
    own_signet(Path(folder), name, datetime.now(tz=UTC))


def _keep_first(path: Path, content: bytes, mode: int) -> None:
    """Write a file whole and durably, unless another process has been first: its own counts."""
    made = path.with_name(f".{path.name}-{token_hex(8)}")
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(made)
    finally:
        made.unlink()


def _made(name: str, at: datetime) -> bytes:
    """Make a key and its certificates, in one file."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return secret + issued(name, at, key.public_key()).encode()


def issued(name: str, at: datetime, public: CertificatePublicKeyTypes) -> str:
    """Issue a certificate for a key, by a root whose own key ends with this call; both as PEM.

    Source: C2PA 2.1 §14.5.1, the profile of certificates: version 3, a key usage that is critical
    and of digital signatures alone, an extended one, and no authority of its own.
    """
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID  # noqa: PLC0415

    root_key = ec.generate_private_key(ec.SECP256R1())
    tail = token_hex(4)
    subject, issuer = (
        x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
                x509.NameAttribute(NameOID.COMMON_NAME, f"{name} {what} {tail}"),
            ]
        )
        for what in ("films", "root")
    )

    def bare(whose: x509.Name, key: CertificatePublicKeyTypes) -> x509.CertificateBuilder:
        is_root = whose == issuer
        usage = x509.KeyUsage(
            digital_signature=not is_root,
            key_cert_sign=is_root,
            crl_sign=is_root,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        by = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(whose)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(at - _DAY)
            .not_valid_after(at + timedelta(days=365 * YEARS))
            .add_extension(x509.BasicConstraints(is_root, None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(by, critical=False)
        )

    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
    own = bare(subject, public).add_extension(purpose, critical=False)
    root = bare(issuer, root_key.public_key())
    return "".join(_pem(one.sign(root_key, hashes.SHA256())) for one in (own, root))


def _algorithm(key: PrivateKeyTypes) -> str:
    """Return C2PA's name of how a key signs.

    Raises:
        BadSignet: C2PA has no name for it.

    Source: C2PA 2.1 §13.2.1, the list of allowed algorithms.
    """
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: PLC0415

    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= RSA_BITS_MIN:
        return "ps256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    raise BadSignet(
        "the key is of no kind that films are sealed with: P-256, P-384, P-521, Ed25519, or RSA "
        f"of at least {RSA_BITS_MIN} bits"
    )


def _holder(certificate: Certificate) -> str:
    """Return whom a certificate names: an organisation, else a common name."""
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    for oid in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME):
        for found in certificate.subject.get_attributes_for_oid(oid):
            return str(found.value)
    return "nobody by name"


def _pem(certificate: Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    return certificate.public_bytes(Encoding.PEM).decode()
