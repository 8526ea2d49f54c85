//! Ids of vendors in a scenario, among them those that the program has added.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::compatible::Server;
use crate::vendor::Vendor;

thread_local! {
    /// Serde has no way to hand something down to what it reads, so that it lies here meanwhile.
    static ADDED: RefCell<Vec<&'static Server>> = const { RefCell::new(Vec::new()) };
}

/// Reads while these servers are known beside those of the table.
pub(super) fn knowing<T>(servers: &[&'static Server], read: impl FnOnce() -> T) -> T {
    struct Before(Vec<&'static Server>);
    impl Drop for Before {
        fn drop(&mut self) {
            ADDED.set(std::mem::take(&mut self.0));
        }
    }
    // Given back on drop, so that a reader that panics leaves nothing behind for the next one on the thread.
    let _before = Before(ADDED.replace(servers.to_vec()));
    read()
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Known(Vendor);

impl<'de> Deserialize<'de> for Known {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        ADDED.with_borrow(|added| Vendor::find(&id, added)).map(Self).map_err(D::Error::custom)
    }
}

pub(super) fn one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vendor>, D::Error> {
    Ok(Option::<Known>::deserialize(deserializer)?.map(|Known(vendor)| vendor))
}

pub(super) fn keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Vendor, String>, D::Error> {
    let keys = BTreeMap::<Known, String>::deserialize(deserializer)?;
    Ok(keys.into_iter().map(|(Known(vendor), key)| (vendor, key)).collect())
}
