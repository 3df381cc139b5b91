"""Where a name must not lead."""

from __future__ import annotations

import ipaddress
import json
import subprocess
import sys

import pytest

from sandcrew.sandbox.network.addresses import is_own, never_meant, not_public


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1", "127.255.255.254", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "169.254.1.1", "169.254.170.2", "100.100.100.200", "168.63.129.16",
        "100.64.0.1", "100.127.255.255", "0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.255",
        "240.0.0.1", "255.255.255.255", "192.0.0.8", "192.0.2.1", "198.18.0.1", "198.51.100.1",
        "203.0.113.1", "192.88.99.1",
        "::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
        "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:10::1", "3fff::1",
        "4000::1", "5f00::1", "64:ff9b:1::1",
        # an IPv4 address in an IPv6 one
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8", "::127.0.0.1", "::8.8.8.8",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::10.0.0.1",
        "2002:7f00:1::1", "2002:a9fe:a9fe::", "2002:c0a8:101::1", "2002:a83f:8110::1",
    ],
)  # fmt: skip
def test_a_special_address_is_not_public(text: str) -> None:
    assert not_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1",
        "169.253.255.255", "168.63.129.15", "198.20.0.1", "223.255.255.255", "2606:4700::1111",
        "2a00:1450::1", "64:ff9b::8.8.8.8", "2002:808:808::1", "2001:4860::8888",
    ],
)  # fmt: skip
def test_a_public_address_is_public(text: str) -> None:
    assert not_public(ipaddress.ip_address(text)) is None


@pytest.mark.parametrize("text", ["0.0.0.0", "224.0.0.251", "255.255.255.255", "::", "ff02::fb"])
def test_to_some_addresses_no_connection_can_be_meant(text: str) -> None:
    assert never_meant(ipaddress.ip_address(text))


def test_the_machines_own_addresses_are_told_from_others() -> None:
    assert is_own(ipaddress.ip_address("127.0.0.1"))
    assert not is_own(ipaddress.ip_address("240.1.2.3"))


OWN = """
import ipaddress, json, subprocess
from sandcrew.sandbox.network.addresses import is_own
run = lambda *words: subprocess.run(["ip", *words], check=True)
run("link", "set", "lo", "up")
run("address", "add", "8.8.4.4/24", "dev", "lo")
run("address", "add", "2606:4700::1/64", "dev", "lo", "nodad")
texts = ["8.8.4.4", "8.8.4.5", "2606:4700::1", "2606:4700::2", "1.1.1.1"]
print(json.dumps([is_own(ipaddress.ip_address(text)) for text in texts]))
"""


def test_a_public_address_of_an_interface_is_the_machines_own() -> None:
    command = ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-c", OWN]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no network namespace with addresses can be made here: {error}")
    own = json.loads(done.stdout)
    assert (own[0], own[2], own[4]) == (True, True, False)
