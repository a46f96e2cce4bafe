"""Headers of every answer, whatever it is, unless a route says otherwise."""

HEADERS_OF_ALL = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Other origins that may call (CORS) do so with CORS, which the resource policy leaves alone."""


def headers_of_all(hsts_seconds: int) -> dict[str, str]:
    """With 0 seconds nothing is said of https: who comes by http could never come back."""
    if not hsts_seconds:
        return HEADERS_OF_ALL
    return {**HEADERS_OF_ALL, "Strict-Transport-Security": f"max-age={hsts_seconds}"}
