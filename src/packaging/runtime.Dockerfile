# What all of a fleet's images are built on: Node.js, and the part of Flotilla that serves, calls and fetches.
# `flotilla package` makes the context; see docs/packaging.md. Nothing is run while it is built, so that it needs neither
# a network, nor a shell in the base image, nor a processor of the image's own kind.
ARG BASE=docker.io/library/node:24-bookworm-slim
FROM ${BASE}

# ONNX Runtime is nine tenths of the bytes and changes least.
COPY native/ /app/
COPY flotilla/ /app/

# Distroless images keep node in /nodejs/bin.
ENV NODE_ENV=production PATH=$PATH:/nodejs/bin
WORKDIR /app/fleet
# Nobody, by number, so that Kubernetes can tell that it is not root.
USER 65532:65532
EXPOSE 8500 8502
ENTRYPOINT ["node", "/app/dist/src/bin/container.js"]
CMD ["serve", "--host", "0.0.0.0"]

ARG VERSION
LABEL org.opencontainers.image.title="Flotilla" \
      org.opencontainers.image.version="${VERSION}" \
      flotilla.dev/version="${VERSION}"
