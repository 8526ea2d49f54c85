//! What every store of keys and their log does.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use forge_core::{
    Money,
    storage::{
        access::{
            AccessChange, AccessError, AccessList, AccessStore, Allowance, AuditEvent, AuditLog, ClientKey,
            KeyBudget, KeyState, SealSecret, SealStore, SecretDigest, Team, verify_audit,
        },
        budget::Period,
    },
    time::Clock as _,
};

use super::{Subject, at_once, wait};

const HOUR: Duration = Duration::from_secs(3_600);

/// Times of keys are kept to the millisecond.
fn now<S>(subject: &Subject<S>) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(subject.clock().now().timestamp_millis()).unwrap()
}

fn digest(of: u8) -> SecretDigest {
    SecretDigest::new([of; 32])
}

/// A key `key-N` named `name-N`.
fn key(number: u8, now: DateTime<Utc>) -> ClientKey {
    ClientKey::new(format!("key-{number}"), format!("name-{number}"), digest(number), now)
}

fn allowance() -> Allowance {
    let mut allowance = Allowance::default();
    allowance.models = vec!["claude-*".into(), "gr\u{f6}\u{df}e\"'".into()];
    allowance.budgets = vec![
        KeyBudget::of_money(Period::Day, Money::from_nanos(1_500_000_001)),
        KeyBudget::of_tokens(Period::Month, u64::MAX),
        KeyBudget::of_money(Period::Ever, Money::from_nanos(u64::MAX)),
    ];
    (allowance.requests_per_minute, allowance.tokens_per_minute) = (Some(60), Some(u64::MAX));
    allowance.concurrent = Some(u32::MAX);
    allowance
}

fn change<S: AccessStore>(store: &S, change: AccessChange) -> Result<(), AccessError> {
    wait(store.change_access(change, "ada"))
}

fn create<S: AccessStore>(store: &S, key: ClientKey) {
    change(store, AccessChange::KeyCreated { key }).unwrap();
}

fn access<S: AccessStore>(store: &S) -> AccessList {
    wait(store.access()).unwrap()
}

fn version<S: AccessStore>(store: &S) -> u64 {
    wait(store.access_version()).unwrap()
}

fn revoked(id: &str) -> AccessChange {
    AccessChange::KeyRevoked { id: id.into() }
}

/// Each change, made through one store, is seen through the other by the version, and whole.
pub fn keys_and_teams_come_back_whole_and_every_change_raises_the_version<S: AccessStore + AuditLog>(
    subject: &Subject<S>,
) {
    let (one, other, now) = (subject.open(), subject.open(), now(subject));
    assert_eq!((access(&*one), version(&*one)), (AccessList::default(), version(&*other)));
    let team = Team::new("name-1", allowance());
    let mut full = key(1, now);
    // A key and a team of the same name are two things.
    full.team = Some("name-1".into());
    (full.expires_at, full.allowance) = (Some(now + 24 * HOUR), allowance());
    let plain = key(0, now);
    let changes = [
        AccessChange::TeamSet { team: Team::new("zoo", Allowance::default()) },
        AccessChange::TeamSet { team: Team::new("name-1", Allowance::default()) },
        AccessChange::TeamSet { team: team.clone() },
        AccessChange::KeyCreated { key: full.clone() },
        AccessChange::KeyCreated { key: plain.clone() },
    ];
    for (at, made) in changes.into_iter().enumerate() {
        let (here, there) = if at % 2 == 0 { (&one, &other) } else { (&other, &one) };
        let before = version(&**there);
        change(&**here, made).unwrap();
        assert!(version(&**there) > before, "change {at}");
        assert_eq!(version(&**there), version(&**here));
    }
    // Keys as they were made, and teams by their names.
    let teams = vec![team, Team::new("zoo", Allowance::default())];
    assert_eq!(access(&*one), AccessList::new(vec![full, plain], teams));
    assert_eq!(access(&*other), access(&*one));
    let before = version(&*one);
    wait(other.append_audit(AuditEvent::new(now, "::1", "login_refused", ""))).unwrap();
    assert_eq!(version(&*one), before, "the log alone is no reason to read the keys");
}

/// A name belongs to one key, also when many want it at once, and after the key was revoked.
pub fn of_many_who_take_a_name_one_gets_it_for_ever<S: AccessStore + AuditLog>(subject: &Subject<S>) {
    let now = now(subject);
    let made = at_once(subject, 8, move |store, at| {
        let id = format!("key-{at}");
        change(&*store, AccessChange::KeyCreated { key: ClientKey::new(id, "ci", digest(1), now) })
    });
    let (won, lost): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 7));
    let store = subject.open();
    let keys = access(&*store).keys;
    assert_eq!(keys.len(), 1);
    for lost in lost {
        match lost {
            Err(AccessError::NameTaken { name, id }) => assert_eq!((&*name, &id), ("ci", &keys[0].id)),
            other => panic!("{other:?} where another has the name"),
        }
    }
    assert_eq!(wait(store.audit(None)).unwrap().len(), 1);
    change(&*store, revoked(&keys[0].id)).unwrap();
    let again = AccessChange::KeyCreated { key: ClientKey::new("other", "ci", digest(2), now) };
    assert!(matches!(change(&*store, again), Err(AccessError::NameTaken { .. })));
    let same_id = ClientKey::new(Arc::clone(&keys[0].id), "cd", digest(2), now);
    let same_id = change(&*store, AccessChange::KeyCreated { key: same_id });
    assert!(matches!(same_id, Err(AccessError::IdTaken { .. })), "{same_id:?}");
}

/// A key goes from secret to secret, in and out, and out for ever.
pub fn a_key_is_rotated_disabled_and_revoked<S: AccessStore + AuditLog>(subject: &Subject<S>) {
    let (store, now) = (subject.open(), now(subject));
    let opens = |of: u8, at| access(&*store).keys[0].is_opened_by(&digest(of), at);
    create(&*store, key(1, now));
    let rotate = |of: u8, previous_until, expires_at| {
        let (id, digest) = ("key-1".into(), digest(of));
        change(&*store, AccessChange::KeyRotated { id, digest, previous_until, expires_at }).unwrap();
    };
    rotate(2, now + HOUR, Some(now + 24 * HOUR));
    assert!(opens(1, now) && opens(2, now) && !opens(1, now + HOUR) && opens(2, now + HOUR));
    assert_eq!(access(&*store).keys[0].expires_at, Some(now + 24 * HOUR));
    subject.clock().advance(2 * HOUR);
    let later = now + 2 * HOUR;
    // What was rotated out before and is over leaves no trace.
    rotate(3, later, None);
    assert_eq!(access(&*store).keys[0].secrets.len(), 1);
    assert!(opens(3, later) && !opens(2, later) && opens(3, now + 1_000 * HOUR));

    // What it may use is another thing than its secret and its life.
    change(&*store, AccessChange::KeySet { id: "key-1".into(), allowance: allowance() }).unwrap();
    assert!(access(&*store).keys[0].allowance == allowance() && opens(3, later));
    change(&*store, AccessChange::KeyDisabled { id: "key-1".into() }).unwrap();
    assert!(!opens(3, later) && access(&*store).keys[0].allowance == allowance());
    change(&*store, AccessChange::KeyEnabled { id: "key-1".into() }).unwrap();
    assert!(opens(3, later));
    change(&*store, revoked("key-1")).unwrap();
    let found = access(&*store).keys.remove(0);
    assert_eq!((found.state, found.secrets.len()), (KeyState::Revoked, 0));
    for late in [AccessChange::KeyEnabled { id: "key-1".into() }, revoked("key-1")] {
        assert!(matches!(change(&*store, late), Err(AccessError::Revoked { .. })));
    }
    assert!(!opens(3, later));
}

/// A key needs its team, and a team with keys that may be let in stays.
pub fn a_team_stays_while_keys_belong_to_it<S: AccessStore + AuditLog>(subject: &Subject<S>) {
    let (store, now) = (subject.open(), now(subject));
    let member = |number: u8| {
        let mut key = key(number, now);
        key.team = Some("red".into());
        AccessChange::KeyCreated { key }
    };
    let delete = || AccessChange::TeamDeleted { name: "red".into() };
    for without in [member(1), delete()] {
        match change(&*store, without) {
            Err(AccessError::UnknownTeam { name }) => assert_eq!(&*name, "red"),
            other => panic!("{other:?} where there is no team"),
        }
    }
    change(&*store, AccessChange::TeamSet { team: Team::new("red", allowance()) }).unwrap();
    change(&*store, member(1)).unwrap();
    change(&*store, member(2)).unwrap();
    change(&*store, AccessChange::KeyDisabled { id: "key-1".into() }).unwrap();
    for (id, left) in [("key-1", 2), ("key-2", 1)] {
        match change(&*store, delete()) {
            Err(AccessError::TeamInUse { name, keys }) => assert_eq!((&*name, keys), ("red", left)),
            other => panic!("{other:?} where keys belong to the team"),
        }
        change(&*store, revoked(id)).unwrap();
    }
    change(&*store, delete()).unwrap();
    assert!(access(&*store).teams.is_empty());
}

/// What is refused is neither done nor logged.
pub fn what_is_refused_leaves_no_trace<S: AccessStore + AuditLog>(subject: &Subject<S>) {
    let (store, now) = (subject.open(), now(subject));
    create(&*store, key(1, now));
    change(&*store, revoked("key-1")).unwrap();
    let before = (access(&*store), version(&*store), wait(store.audit(None)).unwrap());
    let id = || Arc::<str>::from("key-2");
    let rotated =
        AccessChange::KeyRotated { id: id(), digest: digest(3), previous_until: now, expires_at: None };
    let unknown = [
        rotated,
        AccessChange::KeyEnabled { id: id() },
        AccessChange::KeyDisabled { id: id() },
        AccessChange::KeyRevoked { id: id() },
    ];
    for refused in unknown {
        match change(&*store, refused) {
            Err(AccessError::UnknownKey { id }) => assert_eq!(&*id, "key-2"),
            other => panic!("{other:?} where there is no such key"),
        }
    }
    change(&*store, AccessChange::KeyCreated { key: key(1, now) }).unwrap_err();
    change(&*store, AccessChange::TeamDeleted { name: "red".into() }).unwrap_err();
    assert_eq!((access(&*store), version(&*store), wait(store.audit(None)).unwrap()), before);
}

/// The log says who did what and when, and holds nothing that opens a key.
pub fn every_change_is_logged_without_secrets<S: AccessStore + AuditLog>(subject: &Subject<S>) {
    let (store, now) = (subject.open(), now(subject));
    let mut made = key(1, now);
    (made.team, made.expires_at) = (Some("red".into()), Some(now + HOUR));
    change(&*store, AccessChange::TeamSet { team: Team::new("red", allowance()) }).unwrap();
    create(&*store, made);
    let id = || Arc::<str>::from("key-1");
    let (digest, previous_until) = (digest(2), now + HOUR);
    let rest = [
        AccessChange::KeyRotated { id: id(), digest, previous_until, expires_at: None },
        AccessChange::KeyDisabled { id: id() },
        AccessChange::KeyEnabled { id: id() },
        AccessChange::KeyRevoked { id: id() },
        AccessChange::TeamDeleted { name: "red".into() },
    ];
    for later in rest {
        subject.clock().advance(HOUR);
        change(&*store, later).unwrap();
    }
    let log = wait(subject.open().audit(None)).unwrap();
    let found: Vec<_> = log.iter().map(|entry| (&*entry.event.action, &*entry.event.subject)).collect();
    let wanted = [
        ("team_set", "red"),
        ("key_created", "key-1"),
        ("key_rotated", "key-1"),
        ("key_disabled", "key-1"),
        ("key_enabled", "key-1"),
        ("key_revoked", "key-1"),
        ("team_deleted", "red"),
    ];
    assert_eq!(found, wanted);
    assert!(log.iter().all(|entry| &*entry.event.by == "ada"));
    assert_eq!(log.iter().map(|entry| entry.event.at).max(), Some(now + 5 * HOUR));
    for entry in &log {
        let detail: serde_json::Value = serde_json::from_str(&entry.event.detail).unwrap();
        assert!(detail.is_object(), "{detail}");
        let whole = serde_json::to_string(&entry.event).unwrap();
        for secret in [SecretDigest::new([1; 32]), digest] {
            assert!(!whole.contains(&secret.to_string()), "{whole}");
        }
    }
    assert_eq!(log[5].event.detail, "{\"name\":\"name-1\"}", "people know the key by its name");
}

/// Whoever adds to the log, at once and through whichever store, adds to the end of one chain.
pub fn the_log_is_one_chain<S: AccessStore + AuditLog>(subject: &Subject<S>) {
    let now = now(subject);
    let hashes = at_once(subject, 8, move |store, at| {
        let at = u8::try_from(at).unwrap();
        create(&*store, key(at, now));
        let odd = AuditEvent::new(now, "a\nb", "login_refused", "\u{0}").with_detail("{\"n\":\"\u{fc}\"}");
        wait(store.append_audit(odd)).unwrap()
    });
    let store = subject.open();
    let log = wait(store.audit(None)).unwrap();
    assert_eq!(log.len(), 16);
    for hash in &hashes {
        assert!(verify_audit(&log, Some(hash)).unwrap() > 0);
    }
    assert_eq!(verify_audit(&log, log.last().map(|last| &*last.hash)), Ok(16));
    subject.clock().advance(HOUR);
    let last = wait(store.append_audit(AuditEvent::new(now + HOUR, "ada", "config_changed", ""))).unwrap();
    let late = wait(store.audit(Some(now + HOUR))).unwrap();
    assert_eq!((late.len(), late[0].number, &late[0].hash), (1, 17, &last));
    assert!(wait(store.audit(Some(now + 2 * HOUR))).unwrap().is_empty());
}

fn secrets<S: SealStore>(store: &S, first: u8) -> (u8, Option<u8>) {
    let secrets = wait(store.seal_secrets(SealSecret::new([first; 32]))).unwrap();
    (secrets.current.bytes()[0], secrets.previous.map(|secret| secret.bytes()[0]))
}

/// Of many servers that bring a first secret at once, all have the same from then on, and a rotation keeps one before it.
pub fn servers_share_their_secrets_and_each_rotation_keeps_one_before<
    S: AccessStore + AuditLog + SealStore,
>(
    subject: &Subject<S>,
) {
    let found = at_once(subject, 8, |store, at| secrets(&*store, u8::try_from(at).unwrap()));
    assert!(found.iter().all(|one| *one == found[0]), "{found:?}");
    let (first, (one, other)) = (found[0].0, (subject.open(), subject.open()));
    assert_eq!((found[0].1, version(&*one)), (None, 0), "nobody did anything to the keys");
    let rotate = |store: &S, next: u8| wait(store.rotate_seal(SealSecret::new([next; 32]), "ada")).unwrap();
    rotate(&one, 100);
    assert_eq!((secrets(&*other, 9), version(&*other)), ((100, Some(first)), 1));
    rotate(&other, 101);
    assert_eq!(secrets(&*one, 9), (101, Some(100)));
    let log = wait(one.audit(None)).unwrap();
    assert_eq!((log.len(), verify_audit(&log, None)), (2, Ok(2)));
    let event = &log[1].event;
    assert_eq!((&*event.by, &*event.action, event.detail.as_str()), ("ada", "seal_rotated", "{}"));
}

/// A rotation in a place without a secret makes its first.
pub fn a_first_rotation_makes_a_first_secret<S: AccessStore + AuditLog + SealStore>(subject: &Subject<S>) {
    let store = subject.open();
    wait(store.rotate_seal(SealSecret::new([7; 32]), "ada")).unwrap();
    assert_eq!(secrets(&*subject.open(), 9), (7, None));
}
