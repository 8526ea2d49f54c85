//! `forge serve`: the vendors' APIs for other programs.

use std::{net::SocketAddr, process::ExitCode};

use forge_gateway::{Gateway, GatewayError, GatewayOptions};
use serde_json::json;
use tokio::sync::oneshot;

use crate::{
    args::{Client, GlobalArgs, Serve, ServeCommand},
    error::CliError,
    setup::Setup,
    signals::{Signal, Signals},
    terminal::{self, note},
};

pub(crate) async fn run(args: Serve, globals: GlobalArgs<'_>) -> Result<ExitCode, CliError> {
    if let Some(ServeCommand::Env { client, listen }) = args.command {
        return env(client, listen, globals.quiet, globals.json);
    }
    let (quiet, json) = (globals.quiet, globals.json);
    let mut setup = Setup::open(globals).await?;
    let mut options = GatewayOptions::default();
    (options.listen, options.grace) = (args.listen, args.grace);
    // Before the address is open, so that a termination that comes early ends the server in order.
    let mut signals = Signals::new()?;
    let gateway = Gateway::bind(setup.router().clone(), options).await.map_err(refused)?;
    let address = gateway.address();
    if json {
        terminal::json(&json!({"address": format!("http://{address}"), "simulated": setup.is_simulated()}))?;
    }
    note(
        quiet,
        &format!("serving http://{address}; any program of this machine may ask, and no key is needed"),
    );
    note(quiet, "`forge serve env claude-code` says how to point a program at it; Ctrl-C ends it");
    let (end, ended) = oneshot::channel::<()>();
    let mut serving = tokio::spawn(gateway.serve(async {
        let _ = ended.await;
    }));
    while signals.next().await == Signal::Reload {
        match setup.reload().await {
            Ok(()) => note(quiet, "the configuration was read again"),
            // A server that is at work goes on with what it has.
            Err(error) => note(quiet, &format!("the configuration stays as it was: {error}")),
        }
    }
    let _ = end.send(());
    note(quiet, "no more requests are taken; a second signal ends the calls under way");
    tokio::select! {
        _ = &mut serving => {}
        _ = signals.next() => serving.abort(),
    }
    setup.close(std::time::Duration::ZERO).await;
    Ok(ExitCode::SUCCESS)
}

fn refused(error: GatewayError) -> CliError {
    match error {
        GatewayError::Public(address) => CliError::usage(
            format!("{address} is not an address of this machine alone, and nobody would be asked for a key"),
            "listen on 127.0.0.1, and let a server with keys of its own stand before it",
        ),
        error => CliError::failed("the server does not start", &error)
            .with_next("end whoever listens there, or choose another address with `--listen`"),
    }
}

/// What a shell reads with `eval`.
fn env(client: Client, listen: SocketAddr, quiet: bool, json: bool) -> Result<ExitCode, CliError> {
    let (server, versioned) = (format!("http://{listen}"), format!("http://{listen}/v1"));
    let (address, key) = match client {
        // A key of this kind is sent as it is, and none has to be confirmed first.
        Client::ClaudeCode => (("ANTHROPIC_BASE_URL", server), "ANTHROPIC_AUTH_TOKEN"),
        Client::Anthropic => (("ANTHROPIC_BASE_URL", server), "ANTHROPIC_API_KEY"),
        Client::Openai => (("OPENAI_BASE_URL", versioned), "OPENAI_API_KEY"),
        Client::Aider => (("OPENAI_API_BASE", versioned), "OPENAI_API_KEY"),
        // Both add the version themselves.
        Client::Google | Client::Gemini => (("GOOGLE_GEMINI_BASE_URL", server), "GEMINI_API_KEY"),
    };
    let variables = [address, (key, "fk-local".to_owned())];
    if client == Client::Gemini {
        // Told of an address of its own alone, it refuses to start without a terminal.
        note(
            quiet,
            "~/.gemini/settings.json has to say {\"security\": {\"auth\": {\"selectedType\": \"gemini-api-key\"}}}",
        );
    }
    if json {
        let variables: serde_json::Map<_, _> =
            variables.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        terminal::json(&json!({ "variables": variables }))?;
    } else {
        let [address, key] = variables.map(|(name, value)| format!("export {name}={value}\n"));
        terminal::out(&(address + &key))?;
    }
    Ok(ExitCode::SUCCESS)
}
