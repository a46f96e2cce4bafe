"""Where a request comes from, behind proxies one trusts and no others.

`X-Forwarded-For` counts only as far as it was written by trusted proxies: it is read from the
right, and the first address that is not a trusted proxy's is the client's. Some proxies write the
port too, as in a URL.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

type Network = IPv4Network | IPv6Network

IPV6_CLIENT_BITS = 64
"""One client has a whole network of this size, so it is counted as one."""

_with_port = re.compile(r"\[([^]]*)\](?::[0-9]+)?|([^:]*):[0-9]+")


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Addresses and networks in CIDR form. Raises ValueError."""
    return tuple(ip_network(text, strict=False) for text in texts)


def is_trusted(peer: str, trusted: Sequence[Network]) -> bool:
    """Whether a proxy that one trusts sent the request."""
    return bool(trusted) and _is_in(peer, trusted)


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """The address of the client, as a key to count by."""
    client = peer
    if trusted:
        hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
        while hops and _is_in(client, trusted):
            hop = _without_port(hops.pop())
            if not _is_address(hop):
                break
            client = hop
    return _counted_as(client)


def _without_port(hop: str) -> str:
    form = _with_port.fullmatch(hop)
    return form[1] or form[2] or "" if form else hop


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_in(text: str, trusted: Sequence[Network]) -> bool:
    if not _is_address(text):
        return False
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in trusted)


def _counted_as(text: str) -> str:
    if ":" not in text or not _is_address(text):
        return text
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ip_network((int(address), IPV6_CLIENT_BITS), strict=False))
