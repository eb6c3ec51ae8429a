"""Compute the timeline of a film by a registered version's own code, in a process of its own.

Called with the version's folder, a clip and the film; prints JSON.
"""

import json
import sys
from itertools import pairwise
from pathlib import Path
from time import perf_counter

from avemo.registry import own_code


def main(folder: str, clip: str, film: str) -> None:
    """Print how long each minute of the film took; the clip loads what is loaded at first use."""
    recogniser = own_code.load_recogniser(Path(folder))
    if recogniser is None:
        raise SystemExit(f"{folder} holds no version with code of its own")
    for _ in recogniser.timeline(Path(clip)):
        pass
    start = perf_counter()
    rows, minutes, end_s = 0, [start], 0.0
    for row in recogniser.timeline(Path(film)):
        rows += 1
        end_s = float(str(row.to_dict()["end"]))
        if end_s >= 60 * len(minutes):
            minutes.append(perf_counter())
    figures = {
        "wall_s": perf_counter() - start,
        "minute_s": [end - begin for begin, end in pairwise(minutes)],
        "rows": rows,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
