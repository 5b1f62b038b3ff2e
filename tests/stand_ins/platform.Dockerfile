# Stand-ins for images that no registry gives here: the same programs from Debian's and Python's
# packages, called and confined as deploy/*.yaml does it. Tests tag each target as the image that
# the file names. moto speaks the protocol of the S3 store.
FROM python:3.11-slim AS programs
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes \
        --no-install-recommends busybox curl postgresql-15 prometheus > /dev/null \
    && ln -s /bin/busybox /usr/bin/wget

FROM programs AS postgres
ENV PATH=/usr/lib/postgresql/15/bin:$PATH PGDATA=/var/lib/postgresql/data
RUN install --directory --owner=postgres --group=postgres --mode=1777 $PGDATA \
    && install --directory --owner=postgres --group=postgres --mode=3777 /var/run/postgresql
COPY postgres.sh /usr/local/bin/docker-entrypoint.sh
ENTRYPOINT ["sh", "/usr/local/bin/docker-entrypoint.sh"]
VOLUME /var/lib/postgresql/data

FROM programs AS s3
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
RUN python -m venv /opt/moto && /opt/moto/bin/pip install --quiet --disable-pip-version-check \
        --no-cache-dir "moto[server]>=5,<6" && mkdir /data
COPY weed.sh /usr/bin/weed
RUN chmod 755 /usr/bin/weed

FROM programs AS prometheus
RUN mkdir /prometheus && chown nobody:nogroup /prometheus
USER nobody
ENTRYPOINT ["/usr/bin/prometheus"]
