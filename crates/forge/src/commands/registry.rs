//! The commands by name.

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex as StdMutex, PoisonError},
};

use forge_config::nearest;
use tokio::sync::Mutex;

#[cfg(unix)]
use super::workflow;
use super::{
    answer::CommandAnswer,
    ask::{self, Question},
    basic,
    call::{CommandCall, CommandContext, Talk},
    context, council,
    error::CommandError,
    metrics,
    own::OwnCommands,
    review,
    slash::SlashCommand,
    turn,
};
use crate::{
    agent::command::{Arguments, CommandSpec, Permission, complete, find, split},
    conversation::{Conversation, ConversationError},
    session::Observer,
    storage::journal::StreamName,
    system::System,
};

type Observers = Box<dyn Fn() -> Observer + Send + Sync>;

/// Every command that there is, and the conversations that they are about.
///
/// It keeps each conversation that it has begun or opened, because what is not yet written of one is nowhere else.
pub struct SlashCommandRegistry {
    system: System,
    workspace: PathBuf,
    commands: Vec<SlashCommand>,
    own: OwnCommands,
    most: Permission,
    observers: Option<Observers>,
    talks: StdMutex<HashMap<StreamName, Talk>>,
}

impl fmt::Debug for SlashCommandRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlashCommandRegistry").field("workspace", &self.workspace).finish_non_exhaustive()
    }
}

impl SlashCommandRegistry {
    /// The built-in commands, about the folder `workspace`. They may do everything.
    pub fn new(system: System, workspace: impl Into<PathBuf>) -> Self {
        let mut registry = Self {
            system,
            workspace: workspace.into(),
            commands: Vec::new(),
            own: OwnCommands::default(),
            most: Permission::Write,
            observers: None,
            talks: StdMutex::default(),
        };
        let groups = [
            basic::commands(),
            turn::commands(),
            context::commands(),
            #[cfg(unix)]
            workflow::commands(),
        ];
        let single = [metrics::command(), council::command(), review::command()];
        groups.into_iter().flatten().chain(single).for_each(|command| registry.register(command));
        registry
    }

    /// Adds a command. Of two with the same name the one that was added last holds.
    pub fn register(&mut self, command: SlashCommand) {
        let names: Vec<String> = command.spec.names().map(str::to_owned).collect();
        self.commands.retain(|known| !names.iter().any(|name| *known.spec.name == **name));
        self.commands.push(command);
    }

    /// The same with commands of the user's own. Built-in ones keep their names.
    pub fn with_own(self, own: OwnCommands) -> Self {
        Self { own, ..self }
    }

    /// The same, carrying out only what needs no more than this.
    pub fn with_permission(self, most: Permission) -> Self {
        Self { most, ..self }
    }

    /// The same, where each command that runs sessions tells an observer of its own what they do. It is dropped with the command,
    /// also with one that is cancelled.
    pub fn with_observers(self, observers: impl Fn() -> Observer + Send + Sync + 'static) -> Self {
        Self { observers: Some(Box::new(observers)), ..self }
    }

    /// How every command is typed, in the order of the help: the built-in ones, then the user's own.
    pub fn specs(&self) -> Vec<CommandSpec> {
        let built_in = self.commands.iter().map(|command| command.spec.clone());
        let is_new =
            |spec: &CommandSpec| find(self.commands.iter().map(|one| &one.spec), &spec.name).is_none();
        built_in.chain(self.own.specs().filter(is_new)).collect()
    }

    /// What could stand in the place of the last word of a line, with the byte at which that begins.
    pub fn complete(&self, line: &str) -> (usize, Vec<String>) {
        complete(self.specs().iter(), line)
    }

    /// The folder that commands are about.
    pub fn workspace(&self) -> &Path {
        &self.workspace
    }

    /// Begins a conversation. It is written with its first question.
    ///
    /// # Errors
    /// None that are known.
    pub fn begin(&self) -> Result<StreamName, CommandError> {
        let conversation = Conversation::begin(&self.system)?;
        let name = conversation.name().clone();
        self.keep(conversation);
        Ok(name)
    }

    fn keep(&self, conversation: Conversation) -> Talk {
        let name = conversation.name().clone();
        let mut talks = self.talks.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(talks.entry(name).or_insert_with(|| Arc::new(Mutex::new(conversation))))
    }

    /// The conversation of this name, read from the journal the first time.
    ///
    /// # Errors
    /// There is none.
    pub async fn conversation(&self, name: &StreamName) -> Result<Talk, CommandError> {
        let known = self.talks.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some(talk) = known {
            return Ok(talk);
        }
        let conversation = Conversation::open(&self.system, name.clone()).await?;
        // Nothing is ever begun under a name that somebody made up.
        if conversation.is_empty() {
            return Err(ConversationError::Foreign(name.clone()).into());
        }
        Ok(self.keep(conversation))
    }

    /// Carries out a line: a command, or one of the user's own, whose prompt is asked.
    ///
    /// # Errors
    /// The line is no command, what stands behind it is wrong, or it cannot be done.
    pub async fn execute(&self, line: &str, context: &CommandContext) -> Result<CommandAnswer, CommandError> {
        if let Some(question) = self.question(line)? {
            return ask::answer(&self.system, &question, self.call(line, context).await?).await;
        }
        let call = self.call(line, context).await?;
        let command = self.commands.iter().find(|one| one.spec.names().any(|name| name == call.name));
        let command = command.ok_or_else(|| self.unknown(&call.name))?;
        (command.run)(call).await
    }

    /// The question that a line of the user's own asks; `None` for any other line. Who shows an answer while it comes asks it
    /// in place of [`execute`](Self::execute).
    ///
    /// # Errors
    /// As for `execute`.
    pub fn question(&self, line: &str) -> Result<Option<Question>, CommandError> {
        let (spec, rest) = self.spec(line)?;
        if self.commands.iter().any(|one| one.spec == spec) {
            return Ok(None);
        }
        Ok(self.own.find(&spec.name).map(|own| Question::of(own, rest)))
    }

    /// How the command of a line is typed, and what stands behind it.
    fn spec<'a>(&self, line: &'a str) -> Result<(CommandSpec, &'a str), CommandError> {
        let (name, rest) = split(line).ok_or_else(|| CommandError::NoCommand(line.trim().to_owned()))?;
        let specs = self.specs();
        let spec = find(specs.iter(), name).ok_or_else(|| self.unknown(name))?;
        if spec.permission > self.most {
            let name = spec.name.to_string();
            return Err(CommandError::Denied { name, needs: spec.permission, given: self.most });
        }
        Ok((spec.clone(), rest))
    }

    fn unknown(&self, name: &str) -> CommandError {
        let specs = self.specs();
        let near = nearest(name, specs.iter().flat_map(CommandSpec::names)).map(str::to_owned);
        CommandError::Unknown { name: name.to_owned(), near }
    }

    async fn call(&self, line: &str, context: &CommandContext) -> Result<CommandCall, CommandError> {
        let (spec, rest) = self.spec(line)?;
        let arguments = Arguments::read(&spec, rest).map_err(CommandError::Usage)?;
        let talk = match &context.session {
            Some(name) => Some(self.conversation(name).await?),
            None => None,
        };
        Ok(CommandCall {
            system: self.system.clone(),
            workspace: self.workspace.clone(),
            context: context.clone(),
            name: spec.name.to_string(),
            arguments,
            commands: self.specs(),
            observer: self.observers.as_ref().map(|observer| observer()),
            talk,
        })
    }
}
