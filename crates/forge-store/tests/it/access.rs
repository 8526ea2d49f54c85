//! Keys and their log in the file: what others see of them, what survives, and what a change behind the store leaves.

use std::{
    fs,
    io::{BufRead as _, BufReader, Seek as _, SeekFrom, Write as _},
};

use forge_core::storage::access::{
    AccessChange, AccessStore as _, AuditEvent, AuditFault, AuditLog as _, ClientKey, KeyState, SecretDigest,
    Team, verify_audit,
};
use forge_store::{Store, StoreError, StoreOptions};

use crate::support::*;

fn create(store: &Store, number: usize) {
    let digest = SecretDigest::new([0xab; 32]);
    let key = ClientKey::new(format!("key-{number}"), format!("name-{number}"), digest, noon());
    wait(store.change_access(AccessChange::KeyCreated { key }, "ada")).unwrap();
}

fn filled(dir: &Dir, keys: usize) -> Store {
    let store = dir.open();
    (0..keys).for_each(|number| create(&store, number));
    store
}

/// Where the chain breaks after this statement, which somebody runs behind the store.
fn fault_after(statement: &str, expect: Option<&str>) -> Result<u64, AuditFault> {
    let dir = Dir::new();
    let store = filled(&dir, 5);
    let newest = wait(store.audit(None)).unwrap().pop().unwrap().hash;
    sql(&dir.db()).execute_batch(statement).unwrap();
    verify_audit(&wait(store.audit(None)).unwrap(), expect.map(|_| &*newest))
}

#[test]
fn a_log_that_was_changed_behind_the_store_shows_it() {
    assert_eq!(fault_after("", Some("newest")), Ok(5));
    for (statement, number) in [
        ("UPDATE audit SET by = 'eve' WHERE number = 3", 3),
        ("UPDATE audit SET at = at + 1 WHERE number = 1", 1),
        ("UPDATE audit SET detail = replace(detail, 'name-4', 'name-9') WHERE number = 5", 5),
        ("UPDATE audit SET hash = (SELECT hash FROM audit WHERE number = 3) WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number = 2; UPDATE audit SET number = number - 1 WHERE number > 2", 2),
        (
            "UPDATE audit SET number = 9 WHERE number = 3; UPDATE audit SET number = 3 WHERE number = 4;
             UPDATE audit SET number = 4 WHERE number = 9",
            3,
        ),
    ] {
        assert_eq!(fault_after(statement, None).unwrap_err().number(), Some(number), "{statement}");
    }
    let cut = "DELETE FROM audit WHERE number = 5";
    assert_eq!(fault_after(cut, None), Ok(4));
    assert!(matches!(fault_after(cut, Some("newest")), Err(AuditFault::Unexpected { .. })));
}

#[test]
fn a_change_and_its_entry_are_one() {
    let dir = Dir::new();
    let store = filled(&dir, 1);
    let before = wait(store.access_version()).unwrap();
    for (what, table) in [("the log", "audit"), ("the version", "meta")] {
        let stop = "BEGIN SELECT RAISE(ABORT, 'stop'); END";
        let on = if table == "meta" { "UPDATE" } else { "INSERT" };
        sql(&dir.db()).execute_batch(&format!("CREATE TRIGGER stop BEFORE {on} ON {table} {stop}")).unwrap();
        let team = Team::new("red", forge_core::storage::access::Allowance::default());
        wait(store.change_access(AccessChange::TeamSet { team }, "ada")).unwrap_err();
        let revoke = AccessChange::KeyRevoked { id: "key-0".into() };
        wait(store.change_access(revoke, "ada")).unwrap_err();
        sql(&dir.db()).execute_batch("DROP TRIGGER stop").unwrap();
        let access = wait(store.access()).unwrap();
        assert_eq!((access.teams.len(), access.keys[0].state), (0, KeyState::Active), "{what}");
        assert_eq!(wait(store.access_version()).unwrap(), before, "{what}");
        assert_eq!(verify_audit(&wait(store.audit(None)).unwrap(), None), Ok(1), "{what}");
    }
    create(&store, 1);
    assert_eq!(verify_audit(&wait(store.audit(None)).unwrap(), None), Ok(2));
}

#[test]
fn a_process_that_is_killed_leaves_each_change_with_its_entry_or_neither() {
    if let Some(path) = task() {
        let store = Store::open(StoreOptions::new(path)).unwrap();
        for number in 0.. {
            create(&store, number);
            println!("made {}", number + 1);
        }
    }
    let mut dice = fastrand::Rng::with_seed(7);
    for round in 0..amount("FORGE_TEST_KILLS", 20).min(100) {
        let dir = Dir::new();
        let watching = dir.open();
        let name = "access::a_process_that_is_killed_leaves_each_change_with_its_entry_or_neither";
        let mut child = Killed(child(name, dir.db().to_str().unwrap()).spawn().unwrap());
        let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines().map_while(Result::ok);
        let made = |line: String| line.strip_prefix("made ").and_then(|count| count.parse::<usize>().ok());
        let mut safe = (&mut lines).filter_map(made).nth(dice.usize(1..30)).unwrap();
        assert!(wait(watching.access_version()).unwrap() >= safe as u64, "another process sees the change");
        child.0.kill().unwrap();
        safe = lines.filter_map(made).last().unwrap_or(safe);
        child.0.wait().unwrap();
        drop(watching);

        let store = dir.open();
        let (keys, log) = (wait(store.access()).unwrap().keys, wait(store.audit(None)).unwrap());
        assert!(keys.len() >= safe, "round {round}: {} of {safe}", keys.len());
        assert_eq!(verify_audit(&log, None), Ok(keys.len() as u64), "round {round}");
        assert_eq!(wait(store.access_version()).unwrap(), keys.len() as u64, "round {round}");
    }
}

#[test]
fn a_read_only_file_tells_its_keys_and_takes_none() {
    let dir = Dir::new();
    drop(filled(&dir, 2));
    // A file format that SQLite may read, but not write.
    let mut file = fs::File::options().write(true).open(dir.db()).unwrap();
    file.seek(SeekFrom::Start(18)).unwrap();
    file.write_all(&[3]).unwrap();
    drop(file);
    let store = Store::open_or_spool(dir.options());
    assert_eq!(wait(store.access()).unwrap().keys.len(), 2);
    assert_eq!(wait(store.access_version()).unwrap(), 2);
    assert_eq!(verify_audit(&wait(store.audit(None)).unwrap(), None), Ok(2));
    let refused = wait(store.append_audit(AuditEvent::new(noon(), "ada", "x", ""))).unwrap_err();
    assert!(matches!(source(&refused), StoreError::Denied { .. }), "{refused:?}");
    wait(store.change_access(AccessChange::KeyRevoked { id: "key-0".into() }, "ada")).unwrap_err();
}

fn source(error: &forge_core::storage::StorageError) -> &StoreError {
    std::error::Error::source(error).and_then(|source| source.downcast_ref()).unwrap()
}

#[test]
fn a_key_that_cannot_be_read_is_a_fault_and_never_one_without_limits() {
    let dir = Dir::new();
    let store = filled(&dir, 1);
    sql(&dir.db()).execute_batch("UPDATE client_keys SET allowance = '{'").unwrap();
    wait(store.access()).unwrap_err();
    sql(&dir.db()).execute_batch("UPDATE client_keys SET allowance = '{}', state = 7").unwrap();
    assert_eq!(wait(store.access()).unwrap().keys[0].state, KeyState::Revoked, "a state of a later version");
}

#[test]
fn a_digest_stands_with_its_key_and_nowhere_else() {
    let dir = Dir::new();
    let store = filled(&dir, 1);
    let digest = "ab".repeat(32);
    let conn = sql(&dir.db());
    let tables = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')";
    let tables: Vec<String> =
        conn.prepare(tables).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut holding = Vec::new();
    for table in tables {
        let mut rows = conn.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
        let columns = rows.column_count();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let holds = |column| {
                let text = row.get_ref(column).unwrap();
                text.as_str().is_ok_and(|text| text.to_lowercase().contains(&digest))
            };
            if (0..columns).any(holds) {
                holding.push(table.clone());
            }
        }
    }
    assert_eq!(holding, ["client_keys"]);
    let copy = dir.0.join("copy.db");
    store.backup(&copy).unwrap();
    let copy = Store::open(StoreOptions::new(copy)).unwrap();
    assert_eq!(wait(copy.access()).unwrap(), wait(store.access()).unwrap());
    assert_eq!(wait(copy.audit(None)).unwrap(), wait(store.audit(None)).unwrap());
}
