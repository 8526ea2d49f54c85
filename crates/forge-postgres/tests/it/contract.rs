//! PostgreSQL keeps the contract of stores.

use crate::server::subject;

mod journal {
    forge_testkit::store_contract!(journal, or_skip!(super::subject()));
}

mod budget {
    forge_testkit::store_contract!(budget, or_skip!(super::subject()));
}

mod accounts {
    forge_testkit::store_contract!(accounts, or_skip!(super::subject()));
}

mod access {
    forge_testkit::store_contract!(access, or_skip!(super::subject()));
}

mod responses {
    forge_testkit::store_contract!(responses, or_skip!(super::subject()));
}

mod queue {
    forge_testkit::store_contract!(queue, or_skip!(super::subject()));
}

mod prompts {
    forge_testkit::store_contract!(prompts, or_skip!(super::subject()));
}
