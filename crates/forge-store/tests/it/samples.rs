//! A file of every released version opens and is brought up to date.

use std::{fs, path::PathBuf};

use forge_core::{
    Money,
    storage::{
        access::{
            AccessChange, AccessStore as _, AuditLog as _, ClientKey, SealSecret, SealSecrets,
            SealStore as _, SecretDigest, verify_audit,
        },
        accounts::UsageRecord,
        budget::{Amount, BudgetCap, BudgetStore as _},
        journal::{Batch, Claim, Journal as _, StreamName},
    },
};
use forge_store::{Filter, Store};

use crate::support::*;

/// The version that is written now. Its sample is made by this test when it is missing; after a release it
/// is never made again.
const NOW: i64 = 9;

fn sample(version: i64) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/samples/v{version}.db"))
}

fn fill(store: &Store) {
    put(store, [record(1), failed(2, 1), UsageRecord { attempt: 2, provider: "gpt".into(), ..record(2) }]);
    let stream = StreamName::new("s-1").unwrap();
    let fence = wait(store.claim(&stream, &Claim::new("sample", std::time::Duration::ZERO))).unwrap();
    wait(store.append(&stream, fence, Batch::new(0, vec![b"entry".to_vec()]))).unwrap();
    let cap = BudgetCap::new("day").with_money(Money::from_nanos(10));
    let amount = Amount { money: Money::from_nanos(3), tokens: 4 };
    let reservation = wait(store.reserve(&[cap], amount, None)).unwrap();
    store.settle(reservation, amount);
    let key = ClientKey::new("0123456789", "ci", SecretDigest::new([7; 32]), noon());
    wait(store.change_access(AccessChange::KeyCreated { key }, "sample")).unwrap();
    wait(store.seal_secrets(SealSecret::new([6; 32]))).unwrap();
}

fn schema(path: &std::path::Path) -> Vec<(String, Option<String>)> {
    let conn = sql(path);
    let mut statement = conn.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn every_released_form_is_read_and_becomes_the_newest() {
    let new = Dir::new();
    fill(&new.open());
    if !sample(NOW).exists() {
        fs::copy(new.db(), sample(NOW)).unwrap();
    }
    for version in 1..=NOW {
        let dir = Dir::new();
        fs::copy(sample(version), dir.db()).unwrap();
        let store = dir.open();
        let figures = store.summary(&Filter::default(), &[]).unwrap().remove(0).figures;
        assert_eq!((figures.calls, figures.attempts, figures.retries, figures.fallbacks), (2, 3, 1, 1));
        let entries = wait(store.read(&StreamName::new("s-1").unwrap(), 0)).unwrap();
        assert_eq!(entries[0].payload, b"entry");
        assert_eq!(wait(store.spent("day")).unwrap().booked.tokens, 4);
        // Keys came with the fifth form.
        let keys = u64::from(version >= 5);
        assert_eq!(wait(store.access()).unwrap().keys.len() as u64, keys, "version {version}");
        assert_eq!(verify_audit(&wait(store.audit(None)).unwrap(), None), Ok(keys));
        assert_eq!(wait(store.access_version()).unwrap(), keys);
        // The secret of seals came with the sixth.
        let secret = SealSecret::new([if version >= 6 { 6 } else { 9 }; 32]);
        let kept = wait(store.seal_secrets(SealSecret::new([9; 32]))).unwrap();
        assert_eq!(kept, SealSecrets::new(secret), "version {version}");
        put(&store, [record(9)]);
        assert_eq!(store.status().written, 1);
        drop(store);
        assert_eq!(schema(&dir.db()), schema(&new.db()), "version {version}");
        assert_eq!(integrity(&dir.db()), "ok");
    }
}
