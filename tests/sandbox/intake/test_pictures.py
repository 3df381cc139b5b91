"""Pictures of guests: what their headers say is bounded before anybody decodes them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from sandcrew.agents.ui.pictures import drawn
from sandcrew.sandbox.intake import LeftOut
from sandcrew.sandbox.intake.pictures import MAX_SCANS, Picture, read_picture

if TYPE_CHECKING:
    from sandcrew.agents.ui.pictures import Protocol


def made(kind: str, size: tuple[int, int] = (40, 30), frames: int = 1) -> bytes:
    file = io.BytesIO()
    pictures = [Image.new("L", size, 50 * number % 256) for number in range(frames)]
    more = {"save_all": True, "append_images": pictures[1:]} if frames > 1 else {}
    pictures[0].save(file, kind, **more)
    return file.getvalue()


def patched(data: bytes, old: bytes, new: bytes) -> bytes:
    assert old in data
    return data.replace(old, new, 1)


HUGE = {
    "PNG": patched(made("PNG"), b"IHDR\0\0\0\x28\0\0\0\x1e", b"IHDR\0\1\x86\xa0\0\1\x86\xa0"),
    "JPEG": patched(made("JPEG"), b"\x08\0\x1e\0\x28", b"\x08\xff\xff\xff\xff"),
    "GIF": patched(made("GIF"), b"GIF87a\x28\0\x1e\0", b"GIF87a\xff\xff\xff\xff"),
    "a GIF's frame": patched(made("GIF"), b",\0\0\0\0\x28\0\x1e\0", b",\0\0\0\0\xff\xff\xff\xff"),
}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF"])
def test_an_ordinary_picture_is_one(kind: str) -> None:
    data = made(kind)
    assert read_picture(data) == Picture(f"image/{kind.lower()}", 40, 30)
    assert drawn(data, "sixel")


@pytest.mark.parametrize("data", HUGE.values(), ids=HUGE)
@pytest.mark.parametrize("protocol", ["kitty", "iterm2", "sixel"])
def test_a_few_bytes_that_say_they_are_huge_are_not_drawn(data: bytes, protocol: Protocol) -> None:
    assert "pixels" in str(read_picture(data))
    assert drawn(data, protocol) is None


@pytest.mark.parametrize("kind", ["GIF", "PNG"])
def test_a_moving_picture_is_as_large_as_all_its_frames(kind: str) -> None:
    assert isinstance(read_picture(made(kind, (1000, 1000), 20)), Picture)
    assert isinstance(read_picture(made(kind, (2000, 2000), 30)), LeftOut)


def test_a_jpeg_of_countless_scans_is_left_out() -> None:
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x00\x00"
    assert isinstance(read_picture(made("JPEG") + scan * (MAX_SCANS - 1)), Picture)
    assert "scans" in str(read_picture(made("JPEG") + scan * MAX_SCANS))


@pytest.mark.parametrize(
    "data",
    [b"", b"GIF8", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"<svg/>", b"GIF89a" + b"\xff" * 5,
     b"\xff\xd8" + b"\xff" * 1000, b"\xff\xd8\xff\xc0\0\x11\x08\0\0\0\0", b"BM" + bytes(50)],
)  # fmt: skip
def test_what_is_damaged_or_no_picture_is_left_out(data: bytes) -> None:
    assert isinstance(read_picture(data), LeftOut)


def test_a_large_file_is_left_out() -> None:
    assert "bytes" in str(read_picture(made("PNG") + bytes(9 << 20)))
