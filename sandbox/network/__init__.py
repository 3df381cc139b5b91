"""The way out of a sandbox: which hosts a guest may reach, and the proxy that takes it there."""

from ..result import Contact
from .allowlist import AllowList, Pattern
from .limits import ProxyLimits
from .log import NetworkLog, Refusal
from .proxy import Proxy
from .resolver import Resolve

__all__ = [
    "AllowList",
    "Contact",
    "NetworkLog",
    "Pattern",
    "Proxy",
    "ProxyLimits",
    "Refusal",
    "Resolve",
]
