//! What the tests share.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use chrono::{DateTime, Utc};

/// A directory of its own, which goes with the test.
pub(crate) struct Dir(pub(crate) PathBuf);

impl Dir {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("forge-worker-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// One with these bytes as `.beads/issues.jsonl`.
    pub(crate) fn with_beads(bytes: impl AsRef<[u8]>) -> Self {
        let dir = Self::new();
        fs::create_dir(dir.0.join(".beads")).unwrap();
        fs::write(dir.file(), bytes).unwrap();
        dir
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.join(".beads/issues.jsonl")
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub(crate) fn noon() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

/// By how much counts are multiplied.
#[allow(clippy::disallowed_methods, reason = "whoever runs a test may ask for more of it")]
pub(crate) fn scale() -> u64 {
    std::env::var("FORGE_TEST_SCALE").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Chance that can be had again: the seed is printed, and taken from `FORGE_TEST_SEED`.
#[allow(clippy::disallowed_methods, reason = "whoever runs a test may want its chance again")]
pub(crate) fn chance() -> fastrand::Rng {
    let seed = std::env::var("FORGE_TEST_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("FORGE_TEST_SEED={seed} FORGE_TEST_SCALE={}", scale());
    fastrand::Rng::with_seed(seed)
}
