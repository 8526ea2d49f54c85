//! `forge chat`: a conversation.

mod command;
mod input;

use std::{process::ExitCode, sync::Arc, time::Duration};

use forge::{
    CallContext, Conversation, ConversationError, Exchange, ModelRequest, Participant, ParticipantRole,
    request::SystemText,
    router::TaskContext,
    storage::journal::{StreamName, Streams as _},
};

use self::{
    command::Command,
    input::{Input, Typed},
};
use crate::{
    args::{Chat, GlobalArgs},
    ask,
    error::CliError,
    layout,
    setup::Setup,
    signals::Interrupts,
    terminal::{self, note},
};

pub(crate) async fn run(args: Chat, globals: GlobalArgs<'_>) -> Result<ExitCode, CliError> {
    if globals.json {
        return Err(CliError::usage("a conversation is text for people", "programs use `forge ask --json`"));
    }
    let system = Setup::open(globals).await?;
    let conversation = opened(&args, &system).await?;
    let who = Who {
        role: args.role.as_deref().map_or(ParticipantRole::Generalist, ParticipantRole::from),
        provider: args.provider,
        model: args.model,
    };
    // What cannot be asked is said before anything is typed.
    who.context(&system)?;
    let input = Input::new(conversation.exchanges().iter().map(|one| one.question.as_str()))?;
    let mut talk = Talk { system: &system, conversation, who, raw: args.raw, quiet: globals.quiet, globals };
    talk.greet(input.is_terminal())?;
    // Listening begins before the first question does.
    let mut interrupts = Interrupts::new()?;
    let ended = talk.go_on(input, &mut interrupts).await;
    system.close(Duration::ZERO).await;
    ended
}

/// The conversation that is meant: the last one, the one that is named, else a new one.
async fn opened(args: &Chat, system: &Setup) -> Result<Conversation, CliError> {
    let name = match &args.session {
        Some(id) => {
            let unknown = || {
                CliError::usage(
                    format!("there is no conversation `{id}`"),
                    "`forge chat --continue` takes the last one",
                )
            };
            let name = StreamName::new(id).map_err(|_| unknown())?;
            Some(find(system, Some(&name)).await?.ok_or_else(unknown)?)
        }
        None if args.goes_on => find(system, None).await?,
        None => None,
    };
    match name {
        Some(name) => Conversation::open(system, name).await,
        None => Conversation::begin(system),
    }
    .map_err(|error| failed(&error))
}

/// The conversation of this name, or the last one, if it is kept.
async fn find(system: &Setup, name: Option<&StreamName>) -> Result<Option<StreamName>, CliError> {
    let Some(store) = system.store() else { return Ok(None) };
    let streams = store.list().await.map_err(|error| failed(&error.into()))?;
    let is_meant = |stream: &StreamName| name.is_none_or(|name| stream == name);
    Ok(streams.into_iter().filter(Conversation::is_one).map(|stream| stream.name).find(is_meant))
}

fn failed(error: &ConversationError) -> CliError {
    CliError::failed("the conversation is not kept", error)
        .with_next("begin a new one, or see `forge doctor`")
}

/// Who is asked next.
struct Who {
    role: ParticipantRole,
    provider: Option<String>,
    model: Option<String>,
}

impl Who {
    fn context(&self, system: &Setup) -> Result<CallContext, CliError> {
        ask::context(system, &self.role, self.provider.as_deref(), self.model.as_deref(), &Arc::default())
    }

    fn name(&self, system: &Setup) -> String {
        let first = |cx: CallContext| system.router().first_choice(&cx, &Arc::default());
        let first = self.context(system).ok().and_then(first);
        let first = first.map_or_else(
            || "nobody can be asked".into(),
            |one: Participant| format!("{}/{}", one.provider_id, one.model_id),
        );
        if self.provider.is_some() || self.model.is_some() {
            first
        } else {
            format!("{}: {first}", self.role)
        }
    }
}

/// A conversation at a terminal or over pipes.
struct Talk<'a> {
    system: &'a Setup,
    conversation: Conversation,
    who: Who,
    raw: bool,
    quiet: bool,
    globals: GlobalArgs<'a>,
}

impl Talk<'_> {
    fn greet(&self, is_terminal: bool) -> Result<(), CliError> {
        if self.system.is_simulated() {
            terminal::out("SIMULATED\n\n")?;
        }
        if is_terminal {
            note(self.quiet, &format!("{}; /help lists commands, Ctrl-D ends", self.who.name(self.system)));
        }
        if let said @ 1.. = self.conversation.exchanges().len() {
            note(
                self.quiet,
                &format!("conversation {} goes on after {said} questions", self.conversation.name()),
            );
        }
        Ok(())
    }

    /// Answers what is typed until it ends.
    async fn go_on(&mut self, mut input: Input, interrupts: &mut Interrupts) -> Result<ExitCode, CliError> {
        let mut code = ExitCode::SUCCESS;
        loop {
            // Reading blocks, and the accounts are written meanwhile.
            let reading = tokio::task::spawn_blocking(move || {
                let typed = input.next();
                (input, typed)
            });
            let read = tokio::select! {
                read = reading => read,
                () = interrupts.next() => return Ok(130.into()),
            };
            let typed;
            (input, typed) =
                read.map_err(|error| CliError::failed("standard input cannot be read", &error))?;
            match typed? {
                Typed::End => return Ok(code),
                Typed::Nothing => note(self.quiet, "Ctrl-D ends the conversation"),
                Typed::Text(text) if text.trim().is_empty() => {}
                Typed::Text(text) if text.starts_with('/') => match command::parse(&text) {
                    Ok(Command::Exit) => return Ok(code),
                    Ok(command) => self.obey(command).await?,
                    Err(message) => note(false, &message),
                },
                Typed::Text(text) => {
                    let answered = self.answer(text.trim_end(), interrupts).await?;
                    // Programs learn whether the last question was answered.
                    code = if answered { ExitCode::SUCCESS } else { ExitCode::FAILURE };
                }
            }
        }
    }

    /// Asks, shows and keeps. A failure ends the question and not the conversation.
    async fn answer(&mut self, question: &str, interrupts: &mut Interrupts) -> Result<bool, CliError> {
        let request = Arc::new(self.request(question));
        let mut cx = self.who.context(self.system)?;
        let task = TaskContext::new(cx.call_id.to_string(), cx.participant.role.clone());
        cx.tags = cx.tags.with_session(self.conversation.name().as_str()).with_task(task.id());
        let outcome = tokio::select! {
            outcome = ask::call(&cx, self.system, request, self.raw, self.globals) => outcome?,
            () = interrupts.next() => {
                terminal::out("\n")?;
                note(false, "the answer was cancelled; the question is not part of the conversation");
                return Ok(false);
            }
        };
        self.system.log(task, &outcome);
        match outcome {
            Ok(response) => {
                let cost = self.system.router().cost(&response);
                ask::report(self.quiet, &response, cost);
                let kept = self.conversation.keep(question, &cx, &response, cost).await;
                kept.map_err(|error| failed(&error))?;
                Ok(true)
            }
            Err(error) => {
                note(false, &CliError::provider(&error).to_string());
                Ok(false)
            }
        }
    }

    fn request(&self, question: &str) -> ModelRequest {
        let modifier = self.who.role.system_prompt_modifier();
        self.conversation.request(question).with_system_text(SystemText::new(modifier))
    }

    async fn obey(&mut self, command: Command) -> Result<(), CliError> {
        match command {
            Command::Help => terminal::out(&command::help())?,
            Command::Role(None) | Command::Model(None) | Command::Provider(None) => {
                terminal::out(&format!("{}\n", self.who.name(self.system)))?;
            }
            Command::Role(Some(role)) => {
                let role = ParticipantRole::from(role.as_str());
                self.turn_to(Who { role, provider: None, model: None })?;
            }
            Command::Model(model) => {
                let (role, provider) = (self.who.role.clone(), self.who.provider.clone());
                self.turn_to(Who { role, provider, model })?;
            }
            Command::Provider(provider) => {
                self.turn_to(Who { role: self.who.role.clone(), provider, model: None })?;
            }
            Command::Context => terminal::out(&self.carried())?,
            Command::Cost => terminal::out(&format!("{}\n", self.conversation.cost()))?,
            Command::Clear => self.conversation.clear().await.map_err(|error| failed(&error))?,
            Command::Exit => {}
        }
        Ok(())
    }

    /// Others are asked from now on, if they can be.
    fn turn_to(&mut self, who: Who) -> Result<(), CliError> {
        match who.context(self.system) {
            Ok(_) => {
                self.who = who;
                terminal::out(&format!("{}\n", self.who.name(self.system)))
            }
            Err(error) => {
                note(false, &error.to_string());
                Ok(())
            }
        }
    }

    /// What the next question carries, a line for each exchange.
    fn carried(&self) -> String {
        // About four letters are a token; nobody is asked for the exact number.
        let tokens = |one: &Exchange| (one.question.len() + one.answer.len()).div_ceil(4);
        let exchanges = self.conversation.exchanges();
        let all: usize = exchanges.iter().map(tokens).sum();
        let rows = exchanges.iter().enumerate().map(|(at, one)| {
            let first: String = one.question.lines().next().unwrap_or_default().chars().take(60).collect();
            vec![(at + 1).to_string(), tokens(one).to_string(), first]
        });
        let sum = vec![String::new(), all.to_string(), "in all".to_owned()];
        layout::table(&["NO", "TOKENS", "QUESTION"], &[0, 1], &rows.chain([sum]).collect::<Vec<_>>())
    }
}
