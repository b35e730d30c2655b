# syntax=docker/dockerfile:1

# Builds the hub with Rust's own image and ships the one binary on a slim Debian, as a user
# who owns nothing but the data.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
# What was fetched and built stays in caches between builds; the binary is copied out of them.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package syncline --bin syncline \
    && cp target/release/syncline /usr/local/bin/syncline

FROM debian:bookworm-slim
# A fixed number, so that a folder of the host's can be given to this user by it.
RUN useradd --system --uid 7962 --user-group --no-create-home --shell /usr/sbin/nologin syncline \
    && install --directory --owner syncline --group syncline --mode 0700 /data
COPY --from=build /usr/local/bin/syncline /usr/local/bin/syncline
COPY LICENSE LICENSE-APACHE LICENSE-MIT /usr/share/doc/syncline/

USER syncline
WORKDIR /data
VOLUME /data
EXPOSE 7962
# For every command, so that `docker exec HUB syncline user list` finds the same data.
ENV SYNCLINE_DATA=/data

# Bash speaks enough HTTP, so the image needs no curl. The port takes clear text beside TLS.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/7962 && printf 'GET /healthz HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r -t 4 _ status _ <&3 && [ \"$status\" = 200 ]"]

# SIGTERM, which the hub answers by draining its sessions, is what a stop sends by default.
ENTRYPOINT ["syncline"]
CMD ["serve", "--data", "/data", "--listen", "0.0.0.0:7962"]
