"""``sandcrew bench teams``: what a team costs beside the agents' own work.

The models answer at once, so that only the machinery is measured. Where autogen-agentchat 0.7.5 is
installed the same programs run there, interleaved with ours, and the ratios are to it; elsewhere
they are to the same work without a team.
"""

from __future__ import annotations

import warnings

from .compared import ALONE, COMPARISONS, Comparison
from .library import OURS, PEER, libraries
from .whole_runs import long_run, many_teams

__all__ = ["ALONE", "COMPARISONS", "OURS", "PEER", "Comparison", "long_run", "main", "many_teams"]


async def main(rounds: int = 15) -> None:
    """Print the table, row by row."""
    warnings.simplefilter("ignore")  # The peer warns of its unconfined executor each time.
    found = libraries()
    if PEER not in found:
        print("autogen-agentchat is not installed here; there is nothing to compare with.\n")
    for comparison in COMPARISONS:
        print(comparison.as_text(await comparison.measure(rounds)), flush=True)
    for name, library in found.items():
        print(f"{name}: {await long_run(library)}", flush=True)
        print(f"{name}: {await many_teams(library)}", flush=True)
