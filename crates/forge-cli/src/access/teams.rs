//! `forge teams`.

use std::process::ExitCode;

use forge::storage::access::{AccessChange, AccessList, KeyState, Team};
use serde_json::{Value, json};

use super::{Desk, allowance, check_name, refused};
use crate::{
    args::{TeamsCommand, TeamsDelete, TeamsSet},
    error::CliError,
    layout,
    terminal::{self, note},
};

pub(crate) async fn run(command: TeamsCommand, quiet: bool, json: bool) -> Result<ExitCode, CliError> {
    match command {
        TeamsCommand::Set(args) => set(args, quiet, json).await,
        TeamsCommand::List(args) => list(&Desk::open(args, quiet, json)?).await,
        TeamsCommand::Delete(args) => delete(&Desk::open(args.store, quiet, json)?, &args).await,
    }
}

async fn set(args: TeamsSet, quiet: bool, json: bool) -> Result<ExitCode, CliError> {
    check_name("team", &args.team)?;
    let team = Team::new(args.team, allowance::read(&args.allowance)?);
    let desk = Desk::open(args.store, quiet, json)?;
    let list = desk.list().await?;
    let before = list.teams.iter().find(|one| one.name == team.name);
    desk.change(AccessChange::TeamSet { team: team.clone() }).await.map_err(|error| refused(error, &list))?;
    if json {
        terminal::json(&json!({
            "simulated": desk.simulated,
            "team": to_json(&team, &list),
            "before": before.map(|team| allowance::to_json(&team.allowance)),
        }))?;
    }
    note(quiet, &format!("the team `{}` may use: {}", team.name, allowance::words(&team.allowance)));
    // The whole was replaced, which shows only beside what it was.
    if let Some(before) = before.filter(|before| before.allowance != team.allowance) {
        note(quiet, &format!("before: {}", allowance::words(&before.allowance)));
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(desk: &Desk) -> Result<ExitCode, CliError> {
    let list = desk.list().await?;
    if desk.json {
        let teams: Vec<_> = list.teams.iter().map(|team| to_json(team, &list)).collect();
        terminal::json(&json!({ "simulated": desk.simulated, "teams": teams }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if list.teams.is_empty() {
        note(desk.quiet, "there is no team yet; `forge teams set NAME` makes one");
        return Ok(ExitCode::SUCCESS);
    }
    let row = |team: &Team| {
        vec![team.name.to_string(), members(team, &list).to_string(), allowance::words(&team.allowance)]
    };
    let rows: Vec<_> = list.teams.iter().map(row).collect();
    terminal::out(&layout::table(&["TEAM", "KEYS", "LIMITS"], &[1], &rows))?;
    Ok(ExitCode::SUCCESS)
}

async fn delete(desk: &Desk, args: &TeamsDelete) -> Result<ExitCode, CliError> {
    let list = desk.list().await?;
    let change = AccessChange::TeamDeleted { name: args.team.as_str().into() };
    desk.change(change).await.map_err(|error| refused(error, &list))?;
    if desk.json {
        terminal::json(&json!({ "simulated": desk.simulated, "name": args.team, "deleted": true }))?;
    }
    note(desk.quiet, &format!("the team `{}` was deleted; its accounts stay", args.team));
    Ok(ExitCode::SUCCESS)
}

/// Keys of the team that are not revoked.
fn members(team: &Team, list: &AccessList) -> usize {
    let is_member = |key: &&forge::storage::access::ClientKey| {
        key.team.as_ref() == Some(&team.name) && key.state != KeyState::Revoked
    };
    list.keys.iter().filter(is_member).count()
}

fn to_json(team: &Team, list: &AccessList) -> Value {
    json!({
        "name": team.name,
        "keys": members(team, list),
        "allowance": allowance::to_json(&team.allowance),
    })
}
