"""The images as they were built: nothing to gain rights with, no caches, what they promise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from sandcrew.executors import BackendError, CodeBlock, DockerCommandLineCodeExecutor, UsageError
from sandcrew.images import RECIPES, build_image, find_recipe, list_images
from sandcrew.sandbox import Policy

PACKAGES = ("duckdb", "matplotlib", "numpy", "pandas", "polars", "pyarrow", "scipy", "sklearn")


@pytest.fixture(scope="module")
def engine(engine_with: Callable[..., Any]) -> Any:
    return engine_with(*RECIPES)


def as_root(engine: Any, name: str, script: str) -> str:
    """What a script prints that may read everything in an image."""
    output: bytes = engine.containers.run(
        find_recipe(name).tag,
        [script],
        entrypoint=["sh", "-c"],
        user="0:0",
        network_mode="none",
        remove=True,
    )
    return output.decode()


@pytest.mark.parametrize("name", RECIPES)
def test_no_file_is_set_uid_and_no_package_cache_is_there(engine: Any, name: str) -> None:
    script = """
chmod u+s /tmp 2>/dev/null; cp /bin/true /tmp/control; chmod u+s /tmp/control
find / -xdev -perm /6000 -type f
ls -A /var/cache /var/lib/apt/lists /root/.cache /tmp 2>/dev/null | grep -v -e control -e ':$'
"""
    assert as_root(engine, name, script).split() == ["/tmp/control"]  # the positive control


@pytest.mark.parametrize("name", RECIPES)
def test_it_runs_as_nobody_in_particular_and_tells_what_it_is(engine: Any, name: str) -> None:
    found = engine.images.get(find_recipe(name).tag).attrs["Config"]
    assert found["User"] == "sandbox"
    assert found["Labels"]["sandcrew.image"] == name
    assert found["Labels"]["sandcrew.content"] == find_recipe(name).content
    accounts = as_root(engine, name, "cut -d: -f1 /etc/passwd; ls /etc/shadow 2>/dev/null || :")
    assert accounts.split() == ["root", "sandbox"]


@pytest.mark.parametrize("name", RECIPES)
def test_nothing_of_the_build_is_kept_in_it(engine: Any, name: str) -> None:
    history = str(engine.api.history(find_recipe(name).tag))
    assert "BEGIN CERTIFICATE" not in history
    assert as_root(engine, name, "cat /run/secrets/* /etc/pip.conf 2>/dev/null || :") == ""


async def test_they_are_listed_with_their_sizes(engine: Any) -> None:
    current = {image.name: image.size for image in await list_images() if image.current}
    print({name: f"{size / 1e6:.0f} MB" for name, size in current.items()})
    assert current.keys() == RECIPES.keys()
    assert current["base"] < 200e6


async def test_the_data_image_has_what_it_promises(engine: Any) -> None:
    code = (
        "".join(f"import {name}\n" for name in PACKAGES)
        + """
import matplotlib.pyplot as plt
pandas.DataFrame({"a": [1, 2]}).plot()
plt.savefig("chart.png")
print(polars.from_arrow(pyarrow.table({"x": [1]})), duckdb.sql("select 42").fetchall())
"""
    )
    image = find_recipe("data").tag
    policy = Policy(memory="2GiB")
    async with DockerCommandLineCodeExecutor(image, policy=policy, timeout=50) as executor:
        result = await executor.execute_code_blocks([CodeBlock(code, "python")])
    assert result.exit_code == 0, result.output
    assert [artifact.path for artifact in result.artifacts] == ["chart.png"]


def test_the_jupyter_image_has_a_kernel(engine: Any) -> None:
    assert as_root(engine, "jupyter", "python3 -m ipykernel --version").strip()


def test_an_unknown_image_is_an_error() -> None:
    with pytest.raises(UsageError, match="base, data, jupyter"):
        find_recipe("nothing")


async def test_a_secret_that_is_not_there_and_a_base_that_is_not_taken_are_errors(
    engine: Any, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="not a file"):
        async for _ in build_image(find_recipe("base"), ca_bundle=tmp_path / "nothing.pem"):
            pass
    with pytest.raises(UsageError, match="built on that"):
        async for _ in build_image(find_recipe("data"), base="debian"):
            pass


async def test_a_build_tells_its_steps_and_its_failure(engine: Any) -> None:
    steps = build_image(find_recipe("base"), base="localhost:1/no/such:1")
    assert (await anext(steps)).step
    with pytest.raises(BackendError, match="cannot be built"):
        await _to_the_end(steps)


async def _to_the_end(steps: AsyncIterator[object]) -> None:
    async for _ in steps:
        pass


async def test_a_build_that_is_left_ends(engine: Any) -> None:
    steps = build_image(find_recipe("base"), base="localhost:1/no/such:1")
    await anext(steps)
    await asyncio.wait_for(steps.aclose(), 30)
