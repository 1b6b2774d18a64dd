"""Which addresses of the network a server may call because somebody asked it to: public ones, and those it was told.

A server that calls what it is told can be made to call what only it can reach: its own machine, its neighbours, the
cloud's metadata. So the address itself is judged, after the name was resolved, however it was spelt.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from kaizenml.errors import SettingError

_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
Address = IPv4Address | IPv6Address

#: Global unicast: all that was ever given out of IPv6 (IANA, IPv6 Global Unicast Address Assignments).
_GIVEN_OUT = IPv6Network("2000::/3")
#: Within what looks public: what leads to an IPv4 address in other clothes, documentation, a cloud's own services.
_NOT_PUBLIC = (
    IPv6Network("2001::/23"),  # IETF protocol assignments, Teredo among them (RFC 2928, RFC 4380)
    IPv6Network("2001:db8::/32"),  # documentation (RFC 3849)
    IPv6Network("2002::/16"),  # 6to4: an IPv4 address inside (RFC 3056)
    IPv6Network("3fff::/20"),  # documentation (RFC 9637)
    IPv4Network("100.64.0.0/10"),  # shared by carriers behind NAT (RFC 6598); Alibaba's metadata
    IPv4Network("168.63.129.16/32"),  # Azure's platform
    IPv4Network("192.0.0.0/24"),  # IETF protocol assignments (RFC 6890); Oracle's metadata
    IPv4Network("192.88.99.0/24"),  # 6to4 relays (RFC 7526)
)


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be called beside public addresses, and without TLS: hosts by name, and networks."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    def names(self, host: str, address: Address) -> bool:
        """Say whether a host, or the address that its name stands for, is among them."""
        plain = unwrapped(address)
        return host.lower() in self.hosts or any(plain in each for each in self.networks if _fits(plain, each))


def allowed(texts: Iterable[str]) -> Allowed:
    """Return what is allowed by texts such as ``127.0.0.1/32``, ``fd00::/8``, ``10.1.2.3`` or ``hooks.intranet``.

    Raises
    ------
    SettingError
        For a text that is neither a network nor the name of a host.
    """
    hosts, networks = set(), []
    for text in texts:
        try:
            networks.append(ip_network(text))
        except ValueError as error:
            if "/" in text or ":" in text or text.replace(".", "").isdigit() or not text.strip("."):
                raise SettingError(
                    f"{text[:80]!r} is neither a network nor the name of a host.",
                    "Write 10.0.0.0/8, fd00::/8 or hooks.intranet; a network ends where its mask says.",
                ) from error
            hosts.add(text.lower().rstrip("."))
    return Allowed(frozenset(hosts), tuple(networks))


def is_public(address: Address) -> bool:
    """Say whether anybody may be sent to an address: it is one of the public network, and no other in disguise."""
    if isinstance(address, IPv6Address) and address not in _GIVEN_OUT:
        return False  # IPv4 in IPv6 (mapped, compatible, NAT64) among them: nobody needs to write it so
    is_named = any(address in each for each in _NOT_PUBLIC if _fits(address, each))
    return address.is_global and not address.is_multicast and not address.is_reserved and not is_named


def may_call(host: str, address: str, but: Allowed) -> bool:
    """Say whether an address that a host's name stands for may be called; ``but`` names exceptions."""
    try:
        found = ip_address(address)
    except ValueError:
        return False  # an interface of this machine (``fe80::1%eth0``), or nothing at all
    return is_public(found) or but.names(host, found)


def unwrapped(address: Address) -> Address:
    """Return the IPv4 address that is written as IPv6 (``::ffff:10.0.0.1``), or the address as it is."""
    inside = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return inside or address


def _fits(address: Address, network: IPv4Network | IPv6Network) -> bool:
    return address.version == network.version


def is_private(address: str) -> bool:
    """Say whether nobody in between can read or change what goes to an address: with TLS, or on this machine."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in _THIS_MACHINE))
