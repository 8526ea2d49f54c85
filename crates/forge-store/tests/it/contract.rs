//! The file, and plain files, keep the contract of stores.

use std::sync::Arc;

use forge_core::time::ManualTimer;
use forge_store::{JsonlJournal, Store, StoreOptions};
use forge_testkit::store::Subject;

use crate::support::Dir;

fn sqlite() -> Subject<Store> {
    let (dir, clock) = (Dir::new(), ManualTimer::new());
    let options = StoreOptions { clock: Arc::new(clock.clone()), ..dir.options() };
    Subject::new(clock, move || Arc::new(Store::open(options.clone()).unwrap())).within(dir)
}

fn files() -> Subject<JsonlJournal> {
    let (dir, clock) = (Dir::new(), ManualTimer::new());
    let (folder, theirs) = (dir.0.join("journal"), clock.clone());
    let open = move || Arc::new(JsonlJournal::open(&folder, Arc::new(theirs.clone())).unwrap());
    Subject::new(clock, open).within(dir)
}

mod journal {
    forge_testkit::store_contract!(journal, super::sqlite());
}

mod plain_files {
    forge_testkit::store_contract!(journal, super::files());
}

mod budget {
    forge_testkit::store_contract!(budget, super::sqlite());
}

mod accounts {
    forge_testkit::store_contract!(accounts, super::sqlite());
}

mod access {
    forge_testkit::store_contract!(access, super::sqlite());
}

mod responses {
    forge_testkit::store_contract!(responses, super::sqlite());
}

mod queue {
    forge_testkit::store_contract!(queue, super::sqlite());
}

mod prompts {
    forge_testkit::store_contract!(prompts, super::sqlite());
}
