"""Which addresses may be called because somebody asked for it."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from kaizenml.core.address import Allowed, allowed, is_public, may_call
from kaizenml.errors import SettingError

PUBLIC = ["8.8.8.8", "1.1.1.1", "151.101.1.69", "100.63.255.255", "100.128.0.0", "172.32.0.1", "2606:4700::1111",
          "2a00:1450:4001:800::200e"]  # fmt: skip
PRIVATE = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "169.254.170.2", "100.64.0.1", "100.100.100.200", "100.127.255.255", "192.0.0.192", "192.0.0.9",
    "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250",
    "240.0.0.1", "255.255.255.255", "168.63.129.16",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:8.8.8.8", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "2002:7f00:1::",
    "2002:a9fe:a9fe::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_called(address: str) -> None:
    assert is_public(ip_address(address))
    assert may_call("hooks.example", address, Allowed())


@pytest.mark.parametrize("address", PRIVATE)
def test_what_only_this_machine_or_its_neighbours_reach_may_not(address: str) -> None:
    assert not is_public(ip_address(address))
    assert not may_call("hooks.example", address, Allowed())


@pytest.mark.parametrize("text", ["", "fe80::1%eth0", "localhost", "0x7f.1", "2130706433", "127.1", "127.0.0.1 "])
def test_what_is_no_address_may_not_be_called(text: str) -> None:
    assert not may_call("hooks.example", text, Allowed())


def test_networks_and_hosts_that_are_named_may_be_called() -> None:
    but = allowed(["10.1.0.0/16", "::1", "Hooks.Intranet."])

    assert may_call("a", "10.1.2.3", but)
    assert may_call("a", "::ffff:10.1.2.3", but)
    assert may_call("a", "::1", but)
    assert may_call("hooks.intranet", "192.168.7.7", but)
    assert not may_call("a", "10.2.0.1", but)
    assert not may_call("evil.hooks.intranet", "192.168.7.7", but)


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0.0/33", "1.2.3", "300.1.1.1", "fe80::/zz", "...", "::g"])
def test_a_network_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="neither a network"):
        allowed([text])
