//! `forge watch`: what a server does, a line for each event; and a say in one of its sessions.

mod attend;
mod follow;
mod line;
mod place;
mod said;

use std::process::ExitCode;

use forge::storage::{access::matches_pattern, journal::StreamName};
use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

use self::{
    attend::Attending,
    place::{Connection, Place},
};
use crate::{args::Watch, error::CliError, paths, serve, session, signals::Interrupts};

pub(crate) async fn run(args: Watch, json: bool) -> Result<ExitCode, CliError> {
    let place = Place::read(&args.url.map_or_else(serve::running, Ok)?)?;
    let mut interrupts = Interrupts::new()?;
    if let Some(session) = &args.session {
        // It goes into the address.
        let name = StreamName::new(session).map_err(|error| CliError::session(&error.into()))?;
        session::refuse(&name).await?;
        // A key has a name, and so has the user of this machine.
        let by = if place.has_key() { None } else { args.by.or_else(|| paths::variable("USER")) };
        let attending = Attending::new(&place, session, by.filter(|by| !by.trim().is_empty()));
        return tokio::select! {
            ended = attending.run(args.after, json) => ended.map(|()| ExitCode::SUCCESS),
            () = interrupts.next() => Ok(130.into()),
        };
    }
    tokio::select! {
        ended = follow(&place, args.after, &args.types, json) => ended.map(|()| ExitCode::SUCCESS),
        () = interrupts.next() => Ok(130.into()),
    }
}

/// Shows events until the server ends, which is a failure: whoever watches is to know.
async fn follow(place: &Place, after: Option<u64>, types: &[String], json: bool) -> Result<(), CliError> {
    let mut server = place.ask(&path(after, None)).await?;
    check(&mut server).await?;
    while let Some(line) = line(&mut server).await? {
        let Some((data, event)) = follow::event(&line)? else { continue };
        let name = event["type"].as_str().unwrap_or_default();
        if !types.is_empty() && !types.iter().any(|pattern| matches_pattern(pattern, name)) {
            continue;
        }
        follow::show(data, &event, json)?;
    }
    Err(ended())
}

fn ended() -> CliError {
    let ended = std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "it closed the connection");
    CliError::failed("the server has ended", &ended).with_next("`forge serve` starts one")
}

/// The events behind a number, of one session or of all.
fn path(after: Option<u64>, session: Option<&str>) -> String {
    let wanted = [after.map(|after| format!("after={after}")), session.map(|name| format!("session={name}"))];
    let wanted: Vec<_> = wanted.into_iter().flatten().collect();
    format!("/v1/forge/events?{}", wanted.join("&"))
}

/// Reads the head of the reply, which has to be one of events.
async fn check(server: &mut Connection) -> Result<(), CliError> {
    let start = line(server).await?.unwrap_or_default();
    while line(server).await?.is_some_and(|header| !header.is_empty()) {}
    let status = start.split(' ').nth(1).unwrap_or_default();
    if status == "200" {
        return Ok(());
    }
    let mut body = String::new();
    server.read_to_string(&mut body).await.map_err(|error| broke_off(&error))?;
    let error = serde_json::from_str::<Value>(&body).unwrap_or_default();
    let message = error["error"]["message"].as_str().unwrap_or("it is no server of Forge");
    let next = match (status, error["error"]["first"].as_u64()) {
        ("410", Some(first)) => format!("`--after {}` shows what is there", first.saturating_sub(1)),
        ("401", _) => "`forge serve url` shows the address with its token".to_owned(),
        _ => "see `forge serve url`".to_owned(),
    };
    Err(CliError::usage(format!("the server shows no events: {message}"), next))
}

/// The next line without its end; `None` at the end of all.
async fn line(server: &mut (impl AsyncBufRead + Unpin)) -> Result<Option<String>, CliError> {
    let mut line = String::new();
    match server.read_line(&mut line).await {
        Ok(0) => Ok(None),
        Ok(_) => Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned())),
        // A server that is killed resets what is open.
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Ok(None),
        Err(error) => Err(broke_off(&error)),
    }
}

fn broke_off(error: &dyn std::error::Error) -> CliError {
    CliError::failed("the events cannot be read", error).with_next("see `forge serve url`")
}
