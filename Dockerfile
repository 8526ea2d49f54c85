# The program alone: no shell, not root, and nothing that is written beside /var/lib/forge, so that the root file system may be read-only.
ARG RUST=1.95.0

FROM rust:${RUST}-bookworm AS chef
ARG RUST
# The toolchain of the image, in place of a second one that rust-toolchain.toml would fetch for its components.
ENV RUSTUP_TOOLCHAIN=${RUST} CARGO_INCREMENTAL=0
RUN cargo install --locked cargo-chef@0.1.78
WORKDIR /src

FROM chef AS plan
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM chef AS build
COPY --from=plan /src/recipe.json recipe.json
# The recipe changes with the manifests alone, and so does this layer.
RUN cargo chef cook --release --locked --package forge-cli --recipe-path recipe.json
COPY . .
RUN cargo build --release --locked --package forge-cli && mkdir /state

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/target/release/forge /usr/local/bin/forge
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
