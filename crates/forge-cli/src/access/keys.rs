//! `forge keys`.

use std::{io, process::ExitCode, sync::Arc};

use chrono::{DateTime, Utc};
use forge::{
    ExposeSecret as _,
    storage::access::{AccessChange, AccessError, Allowance, ClientKey, KeyScope, KeyState},
};
use forge_gateway::MintedKey;
use serde_json::json;

use super::{
    Desk,
    allowance::{self, when},
    check_name, find,
    form::{state, to_json},
    refused, seal, unknown_team, usage,
};
use crate::{
    args::{
        AllowanceArgs, KeysCommand, KeysCreate, KeysOne, KeysRotate, KeysSet, KeysStore, ScopeArg, ScopeArgs,
    },
    error::CliError,
    layout,
    terminal::{self, note},
};

/// Digits of an id.
const ID: usize = 10;
/// Ids that are tried: of a thousand keys, one in a billion new ones meets another's.
const TRIES: usize = 5;

pub(crate) async fn run(command: KeysCommand, quiet: bool, json: bool) -> Result<ExitCode, CliError> {
    let open = |args: KeysStore| Desk::open(args, quiet, json);
    match command {
        KeysCommand::Create(args) => {
            // Before the file is opened, which makes one where there is none.
            check_key_name(&args.name)?;
            create(&open(args.store)?, args).await
        }
        KeysCommand::List(args) => list(&open(args)?).await,
        KeysCommand::Show(args) => self::show(&open(args.store)?, &args).await,
        KeysCommand::Set(args) => set(&open(args.store)?, &args).await,
        KeysCommand::Usage(args) => usage::run(&open(args.store)?, &args).await,
        KeysCommand::Rotate(args) => rotate(&open(args.store)?, args).await,
        KeysCommand::Enable(args) => turn(&open(args.store)?, &args, KeyState::Active).await,
        KeysCommand::Disable(args) => turn(&open(args.store)?, &args, KeyState::Disabled).await,
        KeysCommand::Revoke(args) => turn(&open(args.store)?, &args, KeyState::Revoked).await,
        KeysCommand::RotateSeal(args) => seal::rotate(&open(args)?).await,
    }
}

fn check_key_name(name: &str) -> Result<(), CliError> {
    check_name("key", name)?;
    if name.len() == ID && name.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        let what = format!("`{name}` has the form of an id, and commands take either");
        return Err(CliError::usage(what, "choose a name that says who uses the key, such as `ci`"));
    }
    Ok(())
}

fn mint(id: Option<&str>) -> Result<MintedKey, CliError> {
    let minted = id.map_or_else(MintedKey::new, MintedKey::of);
    minted.map_err(|error| CliError::failed("the system has no random bytes for a key", &error))
}

async fn create(desk: &Desk, args: KeysCreate) -> Result<ExitCode, CliError> {
    let now = Utc::now();
    let (expires_at, allowance) =
        (allowance::expiry(&args.expires, now)?, of_key(&args.allowance, &args.scope)?);
    let list = desk.list().await?;
    if let Some(team) = &args.team
        && !list.teams.iter().any(|one| *one.name == **team)
    {
        return Err(unknown_team(team, &list));
    }
    let mut tries = 0;
    loop {
        let minted = mint(None)?;
        let mut key = ClientKey::new(minted.id.as_str(), args.name.as_str(), minted.digest, now);
        key.team = args.team.as_deref().map(Into::into);
        key.expires_at = expires_at;
        key.allowance = allowance.clone();
        tries += 1;
        match desk.change(AccessChange::KeyCreated { key: key.clone() }).await {
            Ok(()) => return hand_out(desk, &key, &minted, None),
            Err(AccessError::IdTaken { .. }) if tries < TRIES => {}
            Err(error) => return Err(refused(error, &list)),
        }
    }
}

/// What a key may use and do.
fn of_key(args: &AllowanceArgs, scope: &ScopeArgs) -> Result<Allowance, CliError> {
    let mut allowance = allowance::read(args)?;
    for scope in &scope.scope {
        let scope = match scope {
            ScopeArg::Events => KeyScope::Events,
            ScopeArg::Attend => KeyScope::Attend,
        };
        if !allowance.scopes.contains(&scope) {
            allowance.scopes.push(scope);
        }
    }
    Ok(allowance)
}

async fn set(desk: &Desk, args: &KeysSet) -> Result<ExitCode, CliError> {
    let allowance = of_key(&args.allowance, &args.scope)?;
    let list = desk.list().await?;
    let mut key = find(&list, &args.key)?.clone();
    let before = std::mem::replace(&mut key.allowance, allowance.clone());
    let change = AccessChange::KeySet { id: Arc::clone(&key.id), allowance };
    desk.change(change).await.map_err(|error| refused(error, &list))?;
    if desk.json {
        let (scopes, mut before) = (&before.scopes, allowance::to_json(&before));
        before["scopes"] = json!(scopes);
        let key = to_json(&key, Utc::now());
        terminal::json(&json!({ "simulated": desk.simulated, "key": key, "before": before }))?;
    }
    note(desk.quiet, &format!("the key `{}` may use: {}", key.name, allowance::words(&key.allowance)));
    // The whole was replaced, which shows only beside what it was.
    if before != key.allowance {
        note(desk.quiet, &format!("before: {}", allowance::words(&before)));
    }
    Ok(ExitCode::SUCCESS)
}

async fn rotate(desk: &Desk, args: KeysRotate) -> Result<ExitCode, CliError> {
    let now = Utc::now();
    let list = desk.list().await?;
    let mut key = find(&list, &args.key)?.clone();
    key.expires_at = match &args.expires {
        Some(expires) => allowance::expiry(expires, now)?,
        None => key.expires_at,
    };
    if let Some(expired) = key.expires_at.filter(|at| *at <= now && key.state != KeyState::Revoked) {
        let what =
            format!("the key `{}` expired at {} (UTC), and so would its new secret", key.name, when(expired));
        return Err(CliError::usage(what, "say until when it holds: `--expires 90d`"));
    }
    let overlap = args.overlap.unwrap_or_default();
    let previous_until =
        chrono::TimeDelta::from_std(overlap).ok().and_then(|time| now.checked_add_signed(time));
    let previous_until = previous_until.ok_or_else(|| {
        CliError::usage("the overlap is too long", "write for how long both secrets hold, such as `1h`")
    })?;
    let minted = mint(Some(&key.id))?;
    let (id, digest, expires_at) = (key.id.clone(), minted.digest, key.expires_at);
    let change = AccessChange::KeyRotated { id, digest, previous_until, expires_at };
    desk.change(change).await.map_err(|error| refused(error, &list))?;
    hand_out(desk, &key, &minted, Some(previous_until).filter(|until| *until > now))
}

/// Shows the key, this once. `until` is when the secret before ends, if it does not at once.
fn hand_out(
    desk: &Desk,
    key: &ClientKey,
    minted: &MintedKey,
    until: Option<DateTime<Utc>>,
) -> Result<ExitCode, CliError> {
    let text = minted.text.expose_secret();
    let shown = if desk.json {
        let previous_until = until.map(|until| json!(until));
        terminal::json(&json!({
            "simulated": desk.simulated,
            "secret": text,
            "previous_until": previous_until,
            "key": to_json(key, Utc::now()),
        }))
    } else {
        terminal::out(&format!("{text}\n"))
    };
    // Even where the reader went away, which is no failure elsewhere: the key is there now, and nobody has it.
    shown.map_err(|error| {
        let closed = io::Error::from(io::ErrorKind::BrokenPipe);
        let error = if error.is_quiet() { CliError::failed("the key was not shown", &closed) } else { error };
        let name = &key.name;
        error.with_next(format!(
            "the key `{name}` is there; `forge keys rotate {name}` gives it another secret"
        ))
    })?;
    let expires = key.expires_at.map_or_else(|| "never".to_owned(), |at| format!("{} (UTC)", when(at)));
    note(
        desk.quiet,
        &format!("the key `{}` is shown this once; keep it where its client finds it", key.name),
    );
    note(desk.quiet, &format!("id {}, expires: {expires}; {}", key.id, allowance::words(&key.allowance)));
    if let Some(until) = until {
        note(desk.quiet, &format!("the secret before opens the key until {} (UTC)", when(until)));
    }
    if key.state == KeyState::Disabled {
        note(desk.quiet, &format!("the key is disabled; `forge keys enable {}` lets it in", key.name));
    }
    Ok(ExitCode::SUCCESS)
}

async fn turn(desk: &Desk, args: &KeysOne, state: KeyState) -> Result<ExitCode, CliError> {
    let list = desk.list().await?;
    let mut key = find(&list, &args.key)?.clone();
    let id = key.id.clone();
    let (change, done) = match state {
        KeyState::Active => (AccessChange::KeyEnabled { id }, "is let in"),
        KeyState::Disabled => (AccessChange::KeyDisabled { id }, "is refused until it is enabled"),
        KeyState::Revoked => (AccessChange::KeyRevoked { id }, "is refused for ever"),
    };
    // Whoever asks for what is so already has what they want, and the log stays short.
    let already = if key.state == state { " already" } else { "" };
    if key.state != state {
        desk.change(change.clone()).await.map_err(|error| refused(error, &list))?;
        // What the store made of it, without asking again.
        let _ = change.apply(&mut key, Utc::now());
    }
    if desk.json {
        terminal::json(&json!({ "simulated": desk.simulated, "key": to_json(&key, Utc::now()) }))?;
    }
    note(desk.quiet, &format!("the key `{}` ({}) {done}{already}", key.name, key.id));
    if state == KeyState::Active && key.expires_at.is_some_and(|at| at <= Utc::now()) {
        let next =
            format!("but it has expired; `forge keys rotate {} --expires 90d` makes it hold again", key.name);
        note(desk.quiet, &next);
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(desk: &Desk) -> Result<ExitCode, CliError> {
    let (list, now) = (desk.list().await?, Utc::now());
    if desk.json {
        let keys: Vec<_> = list.keys.iter().map(|key| to_json(key, now)).collect();
        terminal::json(&json!({ "simulated": desk.simulated, "keys": keys }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if list.keys.is_empty() {
        note(desk.quiet, "there is no key yet; `forge keys create NAME` makes one");
        return Ok(ExitCode::SUCCESS);
    }
    let row = |key: &ClientKey| {
        let expires = key.expires_at.map_or_else(|| "never".to_owned(), when);
        let team = key.team.as_deref().unwrap_or("-").to_owned();
        let limits = allowance::words(&key.allowance);
        vec![key.id.to_string(), key.name.to_string(), team, state(key, now).to_owned(), expires, limits]
    };
    let rows: Vec<_> = list.keys.iter().map(row).collect();
    let headings = ["ID", "NAME", "TEAM", "STATE", "EXPIRES (UTC)", "LIMITS"];
    terminal::out(&layout::table(&headings, &[], &rows))?;
    Ok(ExitCode::SUCCESS)
}

async fn show(desk: &Desk, args: &KeysOne) -> Result<ExitCode, CliError> {
    let (list, now) = (desk.list().await?, Utc::now());
    let key = find(&list, &args.key)?;
    if desk.json {
        terminal::json(&json!({ "simulated": desk.simulated, "key": to_json(key, now) }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let team = key.team.as_deref().and_then(|name| list.teams.iter().find(|team| *team.name == *name));
    let mut lines = vec![
        ("id", key.id.to_string()),
        ("name", key.name.to_string()),
        ("state", state(key, now).to_owned()),
        ("made", when(key.created_at)),
        ("expires", key.expires_at.map_or_else(|| "never".to_owned(), when)),
        ("may use", allowance::words(&key.allowance)),
    ];
    lines.extend(team.map(|team| ("team", format!("{}: {}", team.name, allowance::words(&team.allowance)))));
    let ends = key.secrets.iter().filter_map(|secret| secret.until).filter(|until| *until > now);
    lines.extend(ends.map(|until| ("also open", format!("with the secret before, until {}", when(until)))));
    let lines: Vec<_> = lines.iter().map(|(what, text)| format!("{what:<10} {text}\n")).collect();
    terminal::out(&lines.concat())?;
    Ok(ExitCode::SUCCESS)
}
