"""The container images the Docker executor runs."""
