"""Five candidate fixes, tried side by side from one expensive state; the best is kept."""

import asyncio

from sandcrew.sandbox import Branch, CellResult, Policy, Sandbox

PREPARE = """
import random, time
rows = [f"{random.choice(['', '-', '+'])}{n // 100},{n % 100:02d} €" for n in range(300_000)]
expected = [float(row[:-2].replace(",", ".")) for row in rows]
"""  # what takes long, and is done once
CHECK = """
start = time.perf_counter()
right = sum(parse(row) == value for row, value in zip(rows, expected))
{"right": right / len(rows), "seconds": time.perf_counter() - start}
"""
CANDIDATES = {
    "float": "def parse(text): return float(text)",
    "int parts": """
def parse(text):
    euros, cents = text.removesuffix(" €").split(",")
    return int(euros) + int(cents) / 100
""",
    "regular expression": """
import re
def parse(text):
    found = re.search(r"([+-]?)([0-9]+),([0-9]+)", text)
    value = float(f"{found[2]}.{found[3]}")
    return -value if found[1] == "-" else value
""",
    "replace": """
def parse(text): return float(text.removesuffix(" €").replace(",", "."))
""",
    "never ends": """
def parse(text):
    while True: pass
""",
}


async def attempt(branch: Branch, fix: str) -> CellResult:
    await branch.run(fix)
    return await branch.run(CHECK, timeout=5)


def score(result: CellResult) -> tuple[float, float]:
    """More right answers are better, and then fewer seconds."""
    if result.exit_code:
        return (0.0, 0.0)
    return (result.value["right"], -result.value["seconds"])


async def main() -> None:
    async with Sandbox(Policy(timeout=30)) as box, box.session() as session:
        await session.run(PREPARE)
        async with session.branches(len(CANDIDATES)) as branches:
            attempts = zip(branches, CANDIDATES.values(), strict=True)
            results = await asyncio.gather(*(attempt(*each) for each in attempts))
            for name, result in zip(CANDIDATES, results, strict=True):
                last = result.output.rstrip().rpartition("\n")[2]
                print(f"{name:20} {result.value or last or result.limit_hit}")
            best = max(zip(CANDIDATES, branches, results, strict=True), key=lambda it: score(it[2]))
            name, branch, _ = best
            print(f"kept: {name}")
            print((await branch.run("parse('-12,50 €')")).value)


if __name__ == "__main__":
    asyncio.run(main())
