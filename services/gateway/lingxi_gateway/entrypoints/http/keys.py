"""`GET /.well-known/jwks.json`: the public keys by which anybody can check our tokens (RFC 7517).

Empty where a shared secret signs, in local mode. Who checks tokens by it sees neither logouts nor
new passwords: those are in the gateway's database alone.
"""

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from lingxi_gateway.entrypoints.http.parts import PartsOf

KEPT_SECONDS = 300
"""How long a reader may go on with what it has: so long a new key is announced before it signs."""

routes = APIRouter()


@routes.get("/.well-known/jwks.json", include_in_schema=False)
async def get_keys(parts: PartsOf) -> Response:
    """The key set, the key that signs first."""
    headers = {"Cache-Control": f"public, max-age={KEPT_SECONDS}"}
    keys = [dict(key) for key in parts.accounts.tokens.public_keys]
    return JSONResponse({"keys": keys}, headers=headers, media_type="application/jwk-set+json")
