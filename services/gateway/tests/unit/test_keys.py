"""Keys of tokens: what is not signed by one of them is not read, whatever it says of itself."""

import hmac
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import Any
from uuid import UUID

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from lingxi_gateway.adapters.keys import KeyPairs, KeyUnfit, SharedSecret
from lingxi_gateway.adapters.tokens import JwtTokens
from lingxi_gateway.application.ports import RefreshClaims
from lingxi_gateway.domain.refusals import TokenInvalid
from services.gateway.tests.component.running import private_pem, public_pem

OLD, NEW, STRANGERS = (private_pem(Ed25519PrivateKey.generate()) for _ in range(3))
AT = datetime(2026, 11, 22, 18, tzinfo=UTC)
LASTS = timedelta(days=1)
CLAIMS = {"sub": "lin"}


def header(token: str) -> dict[str, Any]:
    return jwt.get_unverified_header(token)


def with_header(token: str, **changed: object) -> str:
    """The token, said to be signed otherwise; its signature is as it was."""
    _, payload, signature = token.split(".")
    raw = orjson.dumps(header(token) | changed)
    return f"{urlsafe_b64encode(raw).rstrip(b'=').decode()}.{payload}.{signature}"


def test_a_token_names_its_key_and_is_read_by_it() -> None:
    keys = KeyPairs(OLD)
    token = keys.sign(CLAIMS)
    (public,) = keys.public
    assert header(token) == {"alg": "EdDSA", "typ": "JWT", "kid": public["kid"]}
    assert keys.read(token) == CLAIMS


def test_anybody_can_check_a_token_by_the_public_keys() -> None:
    """Guards the key set: what a stranger's library makes of it, with no secret in it."""
    keys = KeyPairs(NEW, public_pem(OLD))
    shown = jwt.PyJWKSet.from_dict({"keys": list(keys.public)})
    for token in (keys.sign(CLAIMS), KeyPairs(OLD).sign(CLAIMS)):
        key = shown[header(token)["kid"]]
        assert jwt.decode(token, key, algorithms=["EdDSA"]) == CLAIMS
    assert all(key.keys() == {"kty", "crv", "x", "kid", "alg", "use"} for key in keys.public)


def test_the_name_of_a_key_is_its_thumbprint() -> None:
    """Guards that replicas agree: the example of RFC 8037, appendix A.3."""
    raw = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    keys = KeyPairs(private_pem(Ed25519PrivateKey.from_private_bytes(raw)))
    assert keys.public[0]["kid"] == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_what_no_key_has_signed() -> None:
    keys = KeyPairs(OLD, public_pem(NEW))
    token = keys.sign(CLAIMS)
    kid = header(token)["kid"]
    header_part, payload, signature = token.split(".")
    stranger = KeyPairs(STRANGERS).sign(CLAIMS)
    # The oldest trick: what everybody knows, the public key, taken for a shared secret.
    secrets = (public_pem(OLD), public_pem(OLD).strip(), keys.public[0]["x"])
    confused = {
        f"signed with public key {n}": _hs256(secret, kid) for n, secret in enumerate(secrets)
    }
    bad = confused | {
        "unknown kid": stranger,
        "another's signature": with_header(stranger, kid=kid),
        "the other key's kid": with_header(token, kid=keys.public[1]["kid"]),
        "no kid": jwt.encode(CLAIMS, _loaded(OLD), "EdDSA"),
        "kid no text": with_header(token, kid=7),
        "kid no key": with_header(token, kid=""),
        "alg none": f"{with_header(token, alg='none').rpartition('.')[0]}.",
        "alg none, signed": with_header(token, alg="none"),
        "alg ES256": with_header(token, alg="ES256"),
        "alg HS256, our signature": with_header(token, alg="HS256"),
        "no alg": with_header(token, alg=None),
        "changed": f"{header_part}.{payload[:-2]}xx.{signature}",
        "key inside": _hs256("x" * 32, kid, jwk={"kty": "oct", "k": "eHh4"}),
    }
    assert KeyPairs(OLD).read(token) == CLAIMS
    for what, forged in bad.items():
        with pytest.raises(jwt.InvalidTokenError):
            pytest.fail(f"{what}: {keys.read(forged)}")


def _hs256(secret: str, kid: str, **more: object) -> str:
    """As who knows no private key would sign; by hand, for libraries refuse it."""
    parts = ({"alg": "HS256", "typ": "JWT", "kid": kid, **more}, CLAIMS)
    signed = b".".join(urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=") for part in parts)
    signature = hmac.digest(secret.encode(), signed, "sha256")
    return b".".join((signed, urlsafe_b64encode(signature).rstrip(b"="))).decode()


def _loaded(pem: str) -> Ed25519PrivateKey:
    key = load_pem_private_key(pem.encode(), None)
    assert isinstance(key, Ed25519PrivateKey)
    return key


def test_a_rotation_by_its_steps() -> None:
    """Guards docs/security.md: at no step, whichever replica is asked, is a good token refused."""
    steps = [
        KeyPairs(OLD),
        KeyPairs(OLD, public_pem(NEW)),  # announced
        KeyPairs(NEW, public_pem(OLD)),  # signs
        KeyPairs(NEW),  # once no token of the old one can be good any more
    ]
    for before, after in pairwise(steps):
        assert before.read(after.sign(CLAIMS)) == CLAIMS
        assert after.read(before.sign(CLAIMS)) == CLAIMS
    with pytest.raises(jwt.InvalidTokenError):
        steps[-1].read(KeyPairs(OLD).sign(CLAIMS))
    # Private keys do as well: what an installation keeps of the last one.
    assert KeyPairs(NEW, OLD).read(KeyPairs(OLD).sign(CLAIMS)) == CLAIMS


def test_tokens_of_a_pair_end_as_they_say() -> None:
    keys = KeyPairs(OLD)
    tokens = JwtTokens(keys, LASTS, LASTS)
    claims = RefreshClaims(UUID(int=1), UUID(int=2), 0, "key")
    pair = tokens.pair(claims, 0, AT)
    assert tokens.read_refresh(pair.refresh, AT) == claims
    assert tokens.read_access(pair.access, AT).user_id == UUID(int=1)
    with pytest.raises(TokenInvalid):
        tokens.read_access(pair.access, AT + LASTS)
    with pytest.raises(TokenInvalid):
        JwtTokens(SharedSecret("s" * 32), LASTS, LASTS).read_access(pair.access, AT)


P256 = generate_private_key(SECP256R1()).private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
)
LOCKED = Ed25519PrivateKey.generate().private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
)
P256_PUBLIC = (
    generate_private_key(SECP256R1())
    .public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
)


@pytest.mark.parametrize(
    ("private", "others", "names"),
    [
        ("", "", "JWT_PRIVATE_KEY"),
        ("text", "", "JWT_PRIVATE_KEY"),
        (public_pem(OLD), "", "JWT_PRIVATE_KEY"),
        (OLD + NEW, "", "JWT_PRIVATE_KEY"),
        (OLD[:60], "", "JWT_PRIVATE_KEY"),
        (P256.decode(), "", "JWT_PRIVATE_KEY: an Ed25519 key"),
        (LOCKED.decode(), "", "JWT_PRIVATE_KEY.*password"),
        (OLD, "text", "JWT_OTHER_KEYS"),
        (OLD, public_pem(NEW)[:60], "JWT_OTHER_KEYS"),
        (OLD, P256.decode(), "JWT_OTHER_KEYS: an Ed25519 key"),
        (OLD, P256_PUBLIC.decode(), "JWT_OTHER_KEYS: an Ed25519 key"),
        (OLD, public_pem(NEW) * 9, "JWT_OTHER_KEYS"),
    ],
    # Not by the keys, which are others in each process.
    ids=count(),
)
def test_keys_that_do_not_do(private: str, others: str, names: str) -> None:
    with pytest.raises(KeyUnfit, match=names) as refused:
        KeyPairs(private, others)
    body = private.splitlines()[1:2]
    assert not any(line and line in str(refused.value) for line in body)
