"""A tool that gives a picture, to a model that can see."""

import asyncio
import os
import struct
import zlib

from sandcrew.agents import AssistantAgent
from sandcrew.agents.models import OpenAIChatCompletionClient
from sandcrew.agents.runtime import Image
from sandcrew.agents.ui import Console


def png(rows: list[bytes]) -> bytes:
    """A grey picture: one byte for each pixel (https://www.w3.org/TR/png-3/)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


async def camera() -> Image:
    """Take a picture of what is in front."""
    return Image.from_bytes(png([bytes(range(0, 256, 4))] * 64))


async def main() -> None:
    client = OpenAIChatCompletionClient(model=os.environ.get("OPENAI_MODEL", "gpt-4o-mini"))
    agent = AssistantAgent("watcher", client, tools=[camera], reflect_on_tool_use=True)
    await Console(agent.run_stream(task="What do you see?"))
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())
