# The base with the packages of one of the lists here. The secrets, which no layer keeps: "ca", a
# bundle of the authorities to trust, and "pip", a pip.conf for an index of your own.
ARG BASE=sandcrew/base
FROM ${BASE}
ARG PACKAGES
USER root
COPY ${PACKAGES} /tmp/packages.txt
RUN --mount=type=secret,id=ca --mount=type=secret,id=pip set -eu; \
    [ ! -s /run/secrets/ca ] || export PIP_CERT=/run/secrets/ca; \
    [ ! -s /run/secrets/pip ] || export PIP_CONFIG_FILE=/run/secrets/pip; \
    python3 -m venv /tmp/pip; \
    /tmp/pip/bin/pip --python /opt/venv/bin/python3 install \
        --no-cache-dir --only-binary :all: --requirement /tmp/packages.txt; \
    # What numpy itself imports of its tests stays.
    find /opt/venv -depth -type d -name tests ! -path '*/numpy/*' -exec rm -rf {} +; \
    rm -rf /tmp/* /root/.cache
USER sandbox
