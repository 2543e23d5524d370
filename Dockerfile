# The appliance as a container: the sources as they stand, no build.
FROM node:24.21.0-bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends ipxe ipmitool \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/ironwake
COPY package.json package-lock.json .npmrc ./
# The image has its own Node.js, so the one that the lock file brings for older machines is taken out again.
RUN npm ci --omit=dev && rm -rf node_modules/node-linux-*
COPY LICENSE ironwake ironwake.example.yaml ./
COPY server server
COPY ipxe-scripts ipxe-scripts
COPY cloud-init cloud-init
COPY images/catalogue images/catalogue
COPY images/keyrings images/keyrings
ENV NODE_ENV=production NODE_COMPILE_CACHE=/opt/ironwake/.cache/compile
RUN ./ironwake check >/dev/null || true
VOLUME /var/lib/ironwake
ENTRYPOINT ["./ironwake"]
CMD ["serve", "--settings", "/etc/ironwake/ironwake.yaml", "--data", "/var/lib/ironwake"]
