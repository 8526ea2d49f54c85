//! The keys of a server's clients, as whoever runs it makes and takes them away.

use std::{fs, path::Path, process::Stdio};

use chrono::Utc;
use forge::{
    Money, ParticipantRole,
    call::CallId,
    storage::{
        access::{
            AccessChange, AccessStore as _, KeyState, SealSecret, SealSecrets, SealStore as _, SecretDigest,
        },
        accounts::{CallStatus, UsageRecord, UsageSink as _},
        budget::{Amount, BudgetCap, BudgetStore as _},
    },
    store::{Store, StoreOptions},
    tags::Tags,
};

use crate::{Said, place::Place, run};

/// What comes of these words; the exit code is 0.
fn done(place: &Place, words: &str) -> Said {
    let said = place.run(&words.split(' ').collect::<Vec<_>>());
    assert_eq!(said.code, Some(0), "{words}: {said:?}");
    said
}

/// What is said where the exit code is `code`.
fn refused(place: &Place, code: i32, words: &[&str]) -> String {
    let said = place.run(words);
    assert_eq!((said.code, &*said.stdout), (Some(code), ""), "{words:?}: {said:?}");
    said.stderr
}

/// Makes a key, which is all of stdout.
fn key(place: &Place, words: &str) -> String {
    let said = done(place, words);
    let key = said.stdout.strip_suffix('\n').unwrap().to_owned();
    let parts: Vec<_> = key.split('_').collect();
    assert_eq!((parts[0], parts[1].len(), parts[2].len(), parts.len()), ("fk", 10, 64, 3), "{key}");
    assert!(!said.stderr.contains(parts[2]), "{said:?}");
    key
}

fn id(key: &str) -> &str {
    key.split('_').nth(1).unwrap()
}

fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn store(place: &Place) -> Store {
    Store::open(StoreOptions::new(place.path("forge.db"))).unwrap()
}

/// Every file below the folder that holds this text, whatever kind of file it is.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if fs::read(&path).unwrap().windows(text.len()).any(|bytes| bytes == text.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn a_key_lives_from_its_creation_to_its_revocation_and_the_log_tells_it() {
    let place = Place::new("keys-life");
    let first = key(&place, "keys create ci --per-day-usd 2.50 --models role:* --rpm 60");
    let id = id(&first);
    let listed = done(&place, "keys list").stdout;
    assert!(listed.contains(id) && listed.contains("active") && listed.contains("$2.50 a day"), "{listed}");
    assert!(done(&place, "keys show ci").stdout.contains("60 requests a minute, models role:*"));
    // The id, the name and the key itself all mean the key.
    assert_eq!(done(&place, &format!("keys show {id}")).stdout, done(&place, "keys show ci").stdout);
    assert_eq!(done(&place, &format!("keys show {first}")).stdout, done(&place, "keys show ci").stdout);

    let second = key(&place, "keys rotate ci --overlap 1h");
    assert_eq!(self::id(&second), id);
    assert_ne!(first, second);
    assert!(done(&place, "keys show ci").stdout.contains("also open"));
    key(&place, "keys rotate ci");
    assert!(!done(&place, "keys show ci").stdout.contains("also open"), "the earlier ones end at once");
    done(&place, "keys disable ci");
    assert!(done(&place, "keys list").stdout.contains("disabled"));
    done(&place, "keys enable ci");
    let newest = |said: &Said| said.stderr.rsplit_once("newest: ").unwrap().1.trim().to_owned();
    let kept = newest(&done(&place, "audit"));
    done(&place, "keys revoke ci");
    assert!(done(&place, "keys list").stdout.contains("revoked"));

    let log = done(&place, "audit --verify");
    let actions = log.stdout.split_whitespace().filter(|word| word.starts_with("key_"));
    let wanted = ["key_created", "key_rotated", "key_rotated", "key_disabled", "key_enabled", "key_revoked"];
    assert_eq!(actions.collect::<Vec<_>>(), wanted, "{}", log.stdout);
    assert!(log.stderr.contains("the log is whole: 6 entries"), "{}", log.stderr);
    let since = done(&place, &format!("audit --expect {kept}")).stderr;
    assert!(since.contains("1 of them since the expected hash"), "{since}");
    assert_ne!(newest(&log), kept);
    assert_eq!(done(&place, "audit --since 2999-01-01").stdout, "");
}

#[test]
fn the_log_names_the_user_of_the_machine() {
    let place = Place::new("keys-by");
    for (user, logname, said) in [("ada", "eve", "ada"), ("", "eve", "eve"), ("a\n\u{1b}[1mb", "", "a [1mb")]
    {
        let mut command = place.command(&["teams", "set", "red"]);
        assert_eq!(run(command.env("USER", user).env("LOGNAME", logname)).code, Some(0));
        let log = done(&place, "audit --json").stdout;
        let log: serde_json::Value = serde_json::from_str(&log).unwrap();
        let last = log["entries"].as_array().unwrap().last().unwrap();
        assert_eq!(last["by"], said);
    }
}

#[test]
fn mistakes_say_what_to_do() {
    let place = Place::new("keys-mistakes");
    key(&place, "keys create build-server");
    done(&place, "teams set research --total-usd 5");
    for (words, what) in [
        (&["keys", "show", "build-sever"][..], "did you mean `build-server`?"),
        (&["keys", "revoke", "nobody"], "forge keys list"),
        (&["keys", "create", "build-server"], "forge keys rotate build-server"),
        (&["keys", "create", "a b"], "1 to 64 letters"),
        (&["keys", "create", ""], "1 to 64 letters"),
        (&["keys", "create", "0123456789"], "the form of an id"),
        (&["keys", "create", "x", "--team", "reserch"], "did you mean `research`?"),
        (&["keys", "create", "x", "--team", "red"], "forge teams set"),
        (&["keys", "create", "x", "--expires", "yesterday"], "or `never`"),
        (&["keys", "create", "x", "--models", ""], "not a pattern"),
        (&["keys", "create", "x", "--per-day-usd", "0"], "forge keys disable"),
        (&["keys", "create", "x", "--per-day-usd=-1"], "--per-day-usd"),
        (&["keys", "create", "x", "--per-day-usd", "0.0000000001"], "nine decimals"),
        (&["keys", "create", "x", "--per-month-tokens", "0"], "--per-month-tokens"),
        (&["keys", "create", "x", "--concurrent", "0"], "--concurrent"),
        (&["keys", "rotate", "build-server", "--overlap", "long"], "--overlap"),
        (&["teams", "set", "a/b"], "1 to 64 letters"),
        (&["teams", "delete", "reserch"], "did you mean `research`?"),
        (&["audit", "--expect", "abc"], "64 digits"),
        (&["audit", "--since", "then"], "is not a time"),
    ] {
        let said = refused(&place, 2, words);
        assert!(said.contains(what), "{words:?}: {said}");
    }
    // Nothing of it was done.
    assert_eq!(done(&place, "keys list").stdout.lines().count(), 2);
    assert!(done(&place, "audit --verify").stderr.contains("2 entries"));
    // What was pasted by mistake is not repeated.
    let pasted = format!("fk_0123456789_{}", "5ec".repeat(21) + "5");
    for words in [["keys", "create", &*pasted], ["keys", "show", &pasted], ["teams", "set", &pasted]] {
        assert!(!refused(&place, 2, &words).contains("5ec5ec"), "{words:?}");
    }
}

#[test]
fn a_team_stays_while_it_has_keys_and_tells_what_it_was() {
    let place = Place::new("keys-teams");
    done(&place, "teams set red --per-month-usd 100 --concurrent 4");
    key(&place, "keys create one --team red --expires never");
    let said = done(&place, "teams set red --per-month-usd 50").stderr;
    assert!(
        said.contains("may use: $50.00 a month\n") && said.contains("before: $100.00 a month, 4 at once"),
        "{said}"
    );
    assert!(refused(&place, 2, &["teams", "delete", "red"]).contains("revoke"));
    let listed = done(&place, "teams list").stdout;
    assert!(listed.lines().nth(1).unwrap().starts_with("red      1  $50.00 a month"), "{listed}");
    done(&place, "keys revoke one");
    done(&place, "teams delete red");
    assert_eq!(done(&place, "teams list").stdout, "");
}

#[test]
fn an_expired_key_is_told_of_and_gets_another_life() {
    let place = Place::new("keys-expired");
    let id = id(&key(&place, "keys create short")).to_owned();
    let before = Utc::now() - chrono::TimeDelta::days(1);
    let rotated = AccessChange::KeyRotated {
        id: id.into(),
        digest: SecretDigest::new([1; 32]),
        previous_until: before,
        expires_at: Some(before),
    };
    wait(store(&place).change_access(rotated, "test")).unwrap();
    assert!(done(&place, "keys list").stdout.contains("expired"));
    assert!(done(&place, "keys enable short").stderr.contains("--expires 90d"));
    assert!(refused(&place, 2, &["keys", "rotate", "short"]).contains("--expires 90d"));
    key(&place, "keys rotate short --expires 90d");
    assert!(done(&place, "keys list").stdout.contains("active"));
}

#[test]
fn another_secret_for_seals_is_logged_and_shown_nowhere() {
    let place = Place::new("keys-seal");
    let first = SealSecret::new([0x5e; 32]);
    let secrets = || wait(store(&place).seal_secrets(first)).unwrap();
    assert_eq!(secrets(), SealSecrets::new(first));
    let said = done(&place, "keys rotate-seal");
    assert_eq!(said.stdout, "");
    assert!(said.stderr.contains("the one before still opens"), "{said:?}");
    let once = secrets();
    assert_eq!(once.previous, Some(first));
    done(&place, "keys rotate-seal --json");
    let twice = secrets();
    assert_eq!(twice.previous, Some(once.current));
    assert_ne!(twice.current, once.current);
    let log = done(&place, "audit --verify");
    assert_eq!(log.stdout.matches("seal_rotated").count(), 2, "{}", log.stdout);
    // Those of simulated calls are others.
    done(&place, "keys rotate-seal --offline");
    assert_eq!(secrets(), twice);
}

#[test]
fn a_secret_is_shown_once_and_stands_nowhere() {
    let place = Place::new("keys-secret");
    // Held open, so that the log of the file is not written back and removed.
    let held = store(&place);
    let mut secrets = Vec::new();
    for words in ["keys create ci -vvv", "keys rotate ci --overlap 1h -vvv", "keys create other --json -vvv"]
    {
        let words: Vec<_> = words.split(' ').collect();
        let said = run(place.command(&words).env("FORGE_LOG", "trace"));
        assert_eq!(said.code, Some(0), "{said:?}");
        let at = said.stdout.find("fk_").unwrap() + "fk_0123456789_".len();
        let secret = said.stdout[at..at + 64].to_owned();
        assert!(secret.bytes().all(|digit| digit.is_ascii_hexdigit()), "{secret}");
        assert!(!said.stderr.contains(&secret), "{}", said.stderr);
        secrets.push(secret);
    }
    for words in
        ["keys list", "keys show ci", "keys usage ci", "audit", "keys list --json", "audit --json -vvv"]
    {
        let said = done(&place, words);
        let digests = wait(held.access()).unwrap();
        let digests = digests.keys.iter().flat_map(|key| &key.secrets).map(|one| one.digest.to_string());
        for secret in secrets.iter().cloned().chain(digests) {
            assert!(!format!("{}{}", said.stdout, said.stderr).contains(&secret), "{words}");
        }
    }
    done(&place, "backup copy.db");
    for secret in &secrets {
        assert_eq!(files_with(Path::new(&place.path("")), secret), [""; 0]);
    }
    // The digest is there, so that the search would have found something.
    let digest = wait(held.access()).unwrap().keys[0].secrets[0].digest.to_string();
    assert!(files_with(Path::new(&place.path("")), &digest).len() >= 2);
}

#[cfg(target_os = "linux")]
#[test]
fn a_key_that_could_not_be_shown_is_told_of() {
    let place = Place::new("keys-unshown");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let (read, closed) = std::io::pipe().unwrap();
    drop(read);
    for (name, stdout) in [("one", Stdio::from(full)), ("two", closed.into())] {
        // Not by its output, which would take the place of this one.
        let mut command = place.command(&["keys", "create", name]);
        let child =
            command.stdout(stdout).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
        let said = String::from_utf8(child.stderr).unwrap();
        assert_eq!(child.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("forge keys rotate {name}")), "{said}");
    }
    assert_eq!(done(&place, "keys list").stdout.lines().count(), 3);
}

#[test]
fn a_log_that_somebody_changed_is_exit_1_and_says_where() {
    let place = Place::new("keys-tampered");
    for team in ["a", "b", "c", "d"] {
        done(&place, &format!("teams set {team}"));
    }
    let newest = done(&place, "audit").stderr.rsplit_once("newest: ").unwrap().1.trim().to_owned();
    let sql = |statement: &str| {
        let conn = rusqlite::Connection::open(place.path("forge.db")).unwrap();
        conn.execute_batch(statement).unwrap();
    };
    sql("DELETE FROM audit WHERE number = 4");
    done(&place, "audit --verify");
    let said = refused(&place, 1, &["audit", "--expect", &newest]);
    assert!(said.contains("error[E008]") && said.contains(&newest), "{said}");
    sql("UPDATE audit SET by = 'eve' WHERE number = 2");
    let said = refused(&place, 1, &["audit", "--verify", "--since", "1h"]);
    assert!(said.contains("error[E008]: the hash of entry 2 does not fit"), "{said}");
    let said = place.run(&["audit", "--verify", "--json"]);
    let said: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((&said["number"], &said["error"]["code"]), (&2.into(), &"E008".into()));
}

#[test]
fn usage_tells_what_is_gone_of_each_budget_and_who_answered() {
    let place = Place::new("keys-usage");
    done(&place, "teams set red --per-month-tokens 500");
    key(&place, "keys create ci --team red --per-day-usd 2 --total-usd 3");
    let accounts = store(&place);
    let amount = |nanos, tokens| Amount::new(Money::from_nanos(nanos), tokens);
    // So little is left of each that none of it is set aside for calls to come.
    let key_day = BudgetCap::new(format!("tag:key:ci:day:{}", Utc::now().format("%Y-%m-%d")));
    let key_ever = BudgetCap::new("tag:key:ci:ever").with_money(Money::from_nanos(3_000_000_000));
    let key_day = key_day.with_money(Money::from_nanos(2_000_000_000));
    let team_month = BudgetCap::new(format!("tag:team:red:month:{}", Utc::now().format("%Y-%m")));
    let team_month = team_month.with_tokens(500);
    wait(async {
        let caps = [key_day, key_ever, team_month];
        let settled = accounts.reserve(&caps, amount(1_250_000_000, 100), None).await.unwrap();
        accounts.settle(settled, amount(1_250_000_000, 100));
        accounts.reserve(&caps[..2], amount(500_000_000, 7), None).await.unwrap();
        accounts.record(record(Tags::default().with_key("ci").with_team("red")));
        accounts.record(record(Tags::default().with_key("another")));
        accounts.flush().await.unwrap();
    });
    let said = done(&place, "keys usage ci").stdout;
    let rows: Vec<Vec<&str>> = said.lines().map(|line| line.split_whitespace().collect()).collect();
    let row =
        |begin: &[&str]| rows.iter().find(|row| row.starts_with(begin)).expect(&said)[begin.len()..].to_vec();
    assert_eq!(row(&["key,", "day"])[..3], ["$1.25", "$0.50", "$2.00"]);
    assert_eq!(row(&["key,", "total"]), ["$1.25", "$0.50", "$3.00", "never"]);
    assert_eq!(row(&["team,", "month"])[..6], ["100", "tokens", "0", "tokens", "500", "tokens"]);
    assert_eq!(row(&["claude/large"]), ["1", "1300", "$0.0123"]);
    assert_eq!(row(&["all"]), ["1", "1300", "$0.0123"]);
}

fn record(tags: Tags) -> UsageRecord {
    UsageRecord {
        call_id: CallId::new(Utc::now()),
        attempt: 1,
        started_at: Utc::now(),
        provider: "claude".into(),
        vendor: forge::ModelProvider::Anthropic,
        model_asked: "large".into(),
        model_served: None,
        role: ParticipantRole::from("coder"),
        tags,
        status: CallStatus::Success,
        error: None,
        latency: std::time::Duration::from_secs(1),
        first_token: None,
        tokens: forge::TokenCount::default().with_input(1_000).with_output(300),
        cost: Some(Money::from_nanos(12_300_000)),
        estimated: false,
        request_id: None,
        served: None,
    }
}

#[test]
fn simulated_and_real_keys_are_apart() {
    let place = Place::new("keys-apart");
    key(&place, "keys create ci --offline");
    assert_eq!(done(&place, "keys list").stdout, "");
    key(&place, "keys create ci");
    let keys = wait(store(&place).access()).unwrap().keys;
    assert_eq!((keys.len(), keys[0].state, keys[0].expires_at.is_some()), (1, KeyState::Active, true));
}
