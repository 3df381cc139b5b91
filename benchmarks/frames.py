"""``python -m sandcrew.benchmarks.frames [COUNT]``: hostile frames, by the million.

What a guest could send at worst: whole frames, and the same bytes cut, flipped, doubled, with
absurd lengths, deep or wrong JSON, in chunks of any size. The reader must give frames or one
:class:`ProtocolError`, and must not grow.
"""

from __future__ import annotations

import json
import random
import struct
import sys
import time
from collections import Counter

import psutil

from ..sandbox.guest.protocol import Decoder, ProtocolError, encode

_WHOLE = [
    encode({"op": "exited", "id": 1, "exit_code": 0}, b"x" * 40),
    encode({"op": "ready", "fds": 1, "missing": {}}),
    encode({}, bytes(256)),
]


def hostile(chance: random.Random) -> bytes:
    """One hostile frame, or what is left of it."""
    data = bytearray(chance.choice(_WHOLE))
    match chance.randrange(7):
        case 0:
            for _ in range(chance.randrange(1, 8)):
                data[chance.randrange(len(data))] = chance.randrange(256)
        case 1:
            del data[chance.randrange(len(data)) :]
        case 2:
            data[:8] = struct.pack(">II", chance.getrandbits(32), chance.getrandbits(32))
        case 3:
            header = b"[" * chance.randrange(1, 3000)
            data = bytearray(struct.pack(">II", len(header), 0) + header)
        case 4:
            header = chance.choice((b"null", b"[]", b'"x"', b"1e999", b"{", b"\xff\xfe", b""))
            data = bytearray(struct.pack(">II", len(header), 0) + header)
        case 5:
            data = data + data[chance.randrange(len(data)) :]
        case _:
            pass
    return bytes(data)


def main(count: int) -> None:
    """Feed ``count`` frames to readers, a new one after each refusal, and say what came of it."""
    chance = random.Random(2026)
    outcomes: Counter[str] = Counter()
    before, start = psutil.Process().memory_info().rss, time.perf_counter()
    decoder = Decoder()
    for number in range(count):
        data = hostile(chance)
        step = chance.choice((1, 7, len(data) or 1))
        try:
            for begin in range(0, len(data), step):
                for header, _ in decoder.feed(data[begin : begin + step]):
                    json.dumps(header)
                    outcomes["frames"] += 1
        except ProtocolError:
            outcomes["refused"] += 1
            decoder = Decoder()
        if number % 50 == 0:  # a reader that waits for the rest of a frame is given up, too
            decoder = Decoder()
    grown = (psutil.Process().memory_info().rss - before) >> 20
    seconds = time.perf_counter() - start
    print(f"{count:,} hostile frames in {seconds:.0f} s: {dict(outcomes)}, grown by {grown} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
