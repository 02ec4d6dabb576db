# One revision: packages that its transform needs, which other revisions may share, and then what is its own.
ARG RUNTIME
FROM ${RUNTIME} AS packages
COPY packages/ /app/

FROM packages
COPY fleet/ /app/fleet/
