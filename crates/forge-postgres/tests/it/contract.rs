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

mod access {
    forge_testkit::store_contract!(access, super::subject());
}

mod responses {
    forge_testkit::store_contract!(responses, super::subject());
}

mod queue {
    forge_testkit::store_contract!(queue, super::subject());
}

mod prompts {
    forge_testkit::store_contract!(prompts, super::subject());
}
