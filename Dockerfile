# The server as built JavaScript with production dependencies only; the database is somebody else's (DATABASE_URL).
# Debian 13 for its C library: with Node 24 the sockets need 2.38.
FROM node:24-trixie-slim AS build
WORKDIR /sotto
COPY package.json package-lock.json .npmrc ./
COPY patches patches
RUN npm ci
COPY . .
RUN npm run build && find dist -name '*.test.js*' -delete

FROM node:24-trixie-slim AS dependencies
WORKDIR /sotto
COPY package.json package-lock.json .npmrc ./
COPY patches patches
# Optional ones are the embedded PostgreSQL.
RUN npm ci --omit=dev --omit=optional && npm cache clean --force

FROM node:24-trixie-slim
ENV NODE_ENV=production HOST=0.0.0.0 ADMIN_HOST=0.0.0.0 DATA_DIR=/var/lib/sotto
WORKDIR /sotto
RUN mkdir /var/lib/sotto && chown node:node /var/lib/sotto
COPY --from=dependencies /sotto/node_modules node_modules
COPY --from=build /sotto/dist dist
COPY package.json LICENSE ./
# The number of `node`: whoever runs it can see that it is not root.
USER 1000:1000
VOLUME /var/lib/sotto
EXPOSE 8080 8081
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT ?? 8080) + '/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--enable-source-maps", "--max-semi-space-size=32", "dist/server/main.js"]
