# What all revisions of a fleet share. Nothing is run here, so that any image with Node and glibc will do as a base.
ARG BASE=node:24-bookworm-slim
FROM ${BASE}
COPY app/ /app/
ENV NODE_ENV=production
WORKDIR /app/fleet
# Nobody's: not root, and the owner of no file.
USER 65532:65532
EXPOSE 8500 8502
ENTRYPOINT ["node", "--enable-source-maps=false", "/app/dist/src/bin/flotilla.js"]
CMD ["serve", "--host", "0.0.0.0"]
