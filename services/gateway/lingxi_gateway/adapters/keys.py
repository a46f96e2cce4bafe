"""What tokens are signed with and read by.

Key pairs (Ed25519, `EdDSA`): one signs, several may be read, each known by its `kid`, which is the
thumbprint of RFC 7638, so that all replicas call a key the same. A shared secret (HS256) is for
local mode alone. A token names its key, and the key says its algorithm; the token does not.
"""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Protocol

import jwt
import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

PAIRED = "EdDSA"
SHARED = "HS256"
OTHER_KEYS_MAX = 8
PEM_BEGINS = "-----BEGIN "

type PublicKey = dict[str, str]
"""As a JSON Web Key."""


class KeyUnfit(ValueError):
    """A key that is set is no Ed25519 key in PEM; the message says which setting."""


class Keys(Protocol):
    """Signs claims, and reads what was signed."""

    def sign(self, claims: dict[str, Any]) -> str:
        """A token that says this."""
        ...

    def read(self, token: str) -> dict[str, Any]:
        """What a token says, whenever it ends. Raises `jwt.InvalidTokenError`."""
        ...

    @property
    def public(self) -> Sequence[PublicKey]:
        """What anybody may read our tokens by, the key that signs first."""
        ...


class SharedSecret:
    """One secret signs and reads."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def sign(self, claims: dict[str, Any]) -> str:
        """A token that says this."""
        return jwt.encode(claims, self._secret, SHARED)

    def read(self, token: str) -> dict[str, Any]:
        """What a token says."""
        return _decoded(token, self._secret, SHARED)

    @property
    def public(self) -> Sequence[PublicKey]:
        """None: a secret is shown to nobody."""
        return ()


class KeyPairs:
    """One private key signs; its tokens and those of the other keys are read."""

    def __init__(self, private_pem: str, other_pems: str = "") -> None:
        """Raises `KeyUnfit`."""
        (self._private,) = _private_keys("JWT_PRIVATE_KEY", private_pem, 1)
        own = self._private.public_key()
        self._kid = kid_of(own)
        self._known = {self._kid: own} | {
            kid_of(key): key for key in _public_keys("JWT_OTHER_KEYS", other_pems)
        }

    def sign(self, claims: dict[str, Any]) -> str:
        """A token that says this."""
        return jwt.encode(claims, self._private, PAIRED, headers={"kid": self._kid})

    def read(self, token: str) -> dict[str, Any]:
        """What a token of one of the keys says."""
        key = self._known.get(jwt.get_unverified_header(token).get("kid", ""))
        if key is None:
            raise jwt.InvalidTokenError("of none of our keys")
        return _decoded(token, key, PAIRED)

    @property
    def public(self) -> Sequence[PublicKey]:
        """All keys whose tokens are read."""
        return [
            {**_members(key), "kid": kid, "alg": PAIRED, "use": "sig"}
            for kid, key in self._known.items()
        ]


def kid_of(key: Ed25519PublicKey) -> str:
    """The key's name (RFC 7638)."""
    members = orjson.dumps(_members(key), option=orjson.OPT_SORT_KEYS)
    return _base64(sha256(members).digest())


def _members(key: Ed25519PublicKey) -> PublicKey:
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"crv": "Ed25519", "kty": "OKP", "x": _base64(raw)}


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(token: str, key: Ed25519PublicKey | str, algorithm: str) -> dict[str, Any]:
    # The end is looked at on each use: it passes while a token is remembered.
    options: Any = {"verify_exp": False, "verify_iat": False}
    return jwt.decode(token, key, algorithms=[algorithm], options=options)


def _blocks(setting: str, text: str, blocks_max: int) -> list[bytes]:
    """The PEM blocks of a setting. Raises `KeyUnfit`."""
    before, *blocks = text.split(PEM_BEGINS)
    if before.strip() or len(blocks) > blocks_max:
        raise KeyUnfit(f"{setting}: PEM is expected, at most {blocks_max} keys")
    return [f"{PEM_BEGINS}{block}".encode() for block in blocks]


def _private_keys(setting: str, text: str, keys_max: int) -> list[Ed25519PrivateKey]:
    keys: list[Ed25519PrivateKey] = []
    for block in _blocks(setting, text, keys_max):
        try:
            key = load_pem_private_key(block, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise KeyUnfit(f"{setting}: not readable as a private key without password") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyUnfit(f"{setting}: an Ed25519 key is expected")
        keys.append(key)
    if not keys:
        raise KeyUnfit(f"{setting}: PEM is expected")
    return keys


def _public_keys(setting: str, text: str) -> list[Ed25519PublicKey]:
    """Of public keys, and of private ones: the other half of a pair."""
    keys: list[Ed25519PublicKey] = []
    for block in _blocks(setting, text, OTHER_KEYS_MAX):
        if b" PRIVATE KEY" in block.splitlines()[0]:
            keys += [key.public_key() for key in _private_keys(setting, block.decode(), 1)]
            continue
        try:
            key = load_pem_public_key(block)
        except (ValueError, UnsupportedAlgorithm):
            raise KeyUnfit(f"{setting}: not readable as a key") from None
        if not isinstance(key, Ed25519PublicKey):
            raise KeyUnfit(f"{setting}: an Ed25519 key is expected")
        keys.append(key)
    return keys
