# One revision of a contract, on the fleet's runtime. `flotilla package` makes the context; see docs/packaging.md.
ARG RUNTIME
FROM ${RUNTIME}

# From what changes least to what changes most. Revisions of a contract share the first two layers.
COPY packages/ /app/fleet/
COPY contract/ /app/fleet/
COPY revision/ /app/fleet/

ARG CONTRACT
ARG REVISION
ARG DIGEST
LABEL org.opencontainers.image.title="${CONTRACT}/${REVISION}" \
      org.opencontainers.image.version="${REVISION}" \
      flotilla.dev/contract="${CONTRACT}" \
      flotilla.dev/revision="${REVISION}" \
      flotilla.dev/model-digest="sha256:${DIGEST}"
