# The program alone: no shell, not root, and nothing that is written beside /var/lib/forge, so that the root file system may be read-only.
ARG RUST=1.95.0

FROM rust:${RUST}-bookworm AS build
ARG RUST
# The toolchain of the image, in place of a second one that rust-toolchain.toml would fetch for its components.
ENV RUSTUP_TOOLCHAIN=${RUST} CARGO_INCREMENTAL=0
WORKDIR /src
COPY . .
# Dependencies are downloaded and built once for a Cargo.lock, by whoever builds the image: cargo finds them in these folders, which outlive
# the build and are in no layer.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked --package forge-cli && \
    cp target/release/forge /usr/local/bin/forge && \
    mkdir /state

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /usr/local/bin/forge /usr/local/bin/forge
# A volume that is made here belongs to the user of the image.
COPY --from=build --chown=65532:65532 /state /var/lib/forge
ENV FORGE_HOME=/var/lib/forge
VOLUME /var/lib/forge
EXPOSE 4600 4601
# Whether the server takes connections at the socket where it is watched; with `admin: off` there is none. An orchestrator that speaks
# HTTP asks /livez and /readyz in its place.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["/usr/local/bin/forge", "--quiet", "serve", "url"]
ENTRYPOINT ["/usr/local/bin/forge"]
CMD ["serve", "--listen", "0.0.0.0:4600", "--probes", "0.0.0.0:4601"]
