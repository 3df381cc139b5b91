# Python for code nobody trusts. BASE is any Debian with a Python 3.9 or later and its venv module.
ARG BASE=python:3.12-slim
FROM ${BASE} AS whole
RUN set -eu; \
    python3 -m venv --without-pip /opt/venv; \
    printf 'root:x:0:0::/root:/bin/sh\nsandbox:x:1000:1000::/home/sandbox:/bin/sh\n' >/etc/passwd; \
    printf 'root:x:0:\nsandbox:x:1000:\n' >/etc/group; \
    rm -f /etc/shadow* /etc/gshadow* /etc/passwd- /etc/group- /etc/machine-id; \
    mkdir -p /home/sandbox /workspace /run/sandcrew /run/sandcrew-runs; \
    chown 1000:1000 /home/sandbox /workspace; \
    # Nobody in a container may gain rights, and nothing is installed there any more.
    find / -xdev -perm /6000 ! -type d -exec chmod a-s {} +; \
    # Nothing can be written there, so what is not compiled now is compiled at each start.
    python3 -m compileall -q "$(python3 -c 'import os; print(os.path.dirname(os.__file__))')" || :; \
    rm -rf /root/.cache /var/cache/* /var/lib/apt/lists/* /var/log/* /tmp/* \
        /usr/share/doc/* /usr/share/info/* /usr/share/locale/* /usr/share/man/*

# One layer, so that what was removed takes no room.
FROM scratch
COPY --from=whole / /
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8
USER sandbox
WORKDIR /workspace
CMD ["python3"]
