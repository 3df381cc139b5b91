"""Kernel specs "… (sandcrew)": what makes a front end start its kernels confined."""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...sandbox.errors import UsageError
from ...sandbox.policy import Policy
from .spec import find_kernel_spec, kernel_spec_manager

if TYPE_CHECKING:
    from .spec import KernelSpec

PROVISIONER = "sandcrew"
POLICY_FILE = "policy.toml"
DEFAULT_POLICY = """\
# What notebooks of this kernel may use. Every key of sandcrew.sandbox.Policy can be here.
memory = "2GiB"
processes = 256
disk = "512MiB"
network = "none"
# read_only = ["/data"]
"""
_NAME = re.compile(r"[a-z0-9._-]{1,64}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class InstalledSpec:
    """A kernel spec of ours on this host."""

    name: str
    display_name: str
    folder: Path


def install(
    kernel_name: str = "python3",
    *,
    name: str | None = None,
    policy: Path | None = None,
    share_folder: bool = False,
    active_outputs: bool = False,
    prefix: str | None = None,
) -> InstalledSpec:
    """Add a confined twin of an installed kernel; one with its name is replaced.

    Parameters
    ----------
    kernel_name:
        The kernel to confine.
    name:
        The name of the new spec; by default ``sandcrew-`` and the kernel's.
    policy:
        A policy file, which is checked and copied; by default one without network.
    share_folder:
        Whether the folder of a notebook is its workspace: to read, and its folder ``outputs``
        to write (:mod:`.shared_folder`).
    active_outputs:
        Whether scripts and widgets that a notebook displays reach the front end, where they run
        unconfined, in its page.
    prefix:
        Where to install, such as ``sys.prefix``; by default for the user.

    Raises
    ------
    UsageError
        The name cannot be one, belongs to a spec of somebody else's, or the policy is wrong.
    BackendUnavailable
        There is no such kernel.
    """
    spec = find_kernel_spec(kernel_name)
    name = name or f"sandcrew-{spec.name}"
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name of a kernel: letters, digits, '.', '_' and '-'.")
    found = kernel_spec_manager().find_kernel_specs().get(name)
    if found is not None and not _is_ours(Path(found)):
        raise UsageError(
            f"There is a kernel {name!r} that is not of sandcrew; choose another name."
        )
    config = {"share_folder": share_folder, "active_outputs": active_outputs}
    text = DEFAULT_POLICY if policy is None else _read(policy)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, name)
        source.mkdir()
        (source / POLICY_FILE).write_text(text, "utf-8")
        Policy.from_toml(source / POLICY_FILE)
        (source / "kernel.json").write_text(json.dumps(_kernel_json(spec, config), indent=1))
        target = kernel_spec_manager().install_kernel_spec(
            str(source), name, user=prefix is None, prefix=prefix
        )
    return InstalledSpec(name, f"{spec.display_name} (sandcrew)", Path(target))


def installed() -> list[InstalledSpec]:
    """Our kernel specs, by name."""
    specs = sorted(kernel_spec_manager().find_kernel_specs().items())
    return [
        InstalledSpec(name, str(_load(Path(folder)).get("display_name", name)), Path(folder))
        for name, folder in specs
        if _is_ours(Path(folder))
    ]


def remove(name: str) -> None:
    """Remove a kernel spec of ours.

    Raises
    ------
    UsageError
        There is none of that name.
    """
    if name not in [spec.name for spec in installed()]:
        ours = ", ".join(spec.name for spec in installed()) or "none"
        raise UsageError(f"There is no kernel {name!r} of sandcrew; there are: {ours}.")
    kernel_spec_manager().remove_kernel_spec(name)


def _kernel_json(spec: KernelSpec, config: dict[str, bool]) -> dict[str, Any]:
    return {
        "argv": list(spec.argv),
        "display_name": f"{spec.display_name} (sandcrew)",
        "language": spec.language,
        "interrupt_mode": spec.interrupt_mode,
        "env": dict(spec.env),
        "metadata": {
            "kernel_provisioner": {
                "provisioner_name": PROVISIONER,
                "config": {"policy": POLICY_FILE, **config},
            }
        },
    }


def _read(policy: Path) -> str:
    try:
        return policy.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{policy} cannot be read as a policy: {error}.") from error


def _is_ours(folder: Path) -> bool:
    provisioner = _load(folder).get("metadata", {}).get("kernel_provisioner", {})
    return bool(provisioner.get("provisioner_name") == PROVISIONER)


def _load(folder: Path) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = json.loads((folder / "kernel.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return loaded
