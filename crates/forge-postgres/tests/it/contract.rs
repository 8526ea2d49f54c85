//! PostgreSQL keeps the contract of stores.

use crate::server::subject;

mod journal {
    forge_testkit::store_contract!(journal, super::subject());
}

mod budget {
    forge_testkit::store_contract!(budget, super::subject());
}

mod accounts {
    forge_testkit::store_contract!(accounts, super::subject());
}
