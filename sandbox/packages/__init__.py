"""Packages for guests: built once outside their reach, kept in a cache, mounted read-only."""

from .cache import Lease, PackageCache
from .environment import lease_packages, package_environment
from .errors import PackageBuildFailed
from .manifest import Environment
from .options import BuildCommand, BuildOptions, Runner
from .requirements import canonical_requirements

__all__ = [
    "BuildCommand",
    "BuildOptions",
    "Environment",
    "Lease",
    "PackageBuildFailed",
    "PackageCache",
    "Runner",
    "canonical_requirements",
    "lease_packages",
    "package_environment",
]
