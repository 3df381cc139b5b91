"""Lets every test of this repository be ``async def``, without a plugin."""

from __future__ import annotations

import asyncio
import inspect

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    signature = inspect.signature(test)
    asyncio.run(test(**{name: pyfuncitem.funcargs[name] for name in signature.parameters}))
    return True
