"""What is written on images of ours."""

IMAGE = "sandcrew.image"
"""The name of its recipe."""
VERSION = "sandcrew.version"
"""The version of sandcrew that built it."""
CONTENT = "sandcrew.content"
"""A hash of what it was made from."""
