//! `/context`: what the next call carries.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{
    answer::CommandAnswer, call::CommandCall, error::CommandError, slash::SlashCommand, table::table,
};
use crate::{
    agent::command::{
        Argument, ArgumentKind, CommandSpec, Form, Material, MaterialError, Permission, Source,
    },
    conversation::{Carried, ContextChange, Conversation, tokens},
    system::System,
};

/// Columns of a question in the list.
const SHOWN: usize = 60;

pub(super) fn commands() -> Vec<SlashCommand> {
    let number = || Argument::new("N", ArgumentKind::Number);
    let what = Argument::new("PATH|@SYMBOL", ArgumentKind::Text);
    let forms = [
        Form::new([], "show what the next question carries, with tokens"),
        Form::new([what], "carry a file, its lines (PATH:3-20), or a definition").behind("add"),
        Form::new([number()], "carry this no more").behind("drop"),
        Form::new([number()], "carry this whatever the budget says").behind("pin"),
        Form::new([], "carry nothing any more but what is pinned").behind("clear"),
        Form::new(
            [Argument::new("TOKENS", ArgumentKind::Number)],
            "carry at most about so much; 0 for all of it",
        )
        .behind("budget"),
    ];
    vec![SlashCommand::new(CommandSpec::new("context", Permission::Converse, forms), context)]
}

async fn context(call: CommandCall) -> Result<CommandAnswer, CommandError> {
    let mut conversation = call.conversation().await?;
    let number = call.arguments.number(0).unwrap_or_default();
    let change = match call.arguments.word {
        None => None,
        Some("add") => {
            let source: Source = call.arguments.text(0).unwrap_or_default().parse()?;
            let name = source.to_string();
            if conversation.carried().iter().any(|one| one.added() == Some(&*name)) {
                return Err(CommandError::Usage(format!("`{name}` is carried already")));
            }
            // What cannot be carried now is told now.
            read(source, &call.workspace, cache(&call.system)).await?;
            Some(ContextChange::Add { name })
        }
        Some("clear") => Some(ContextChange::Clear),
        Some("budget") => Some(ContextChange::Budget { tokens: number }),
        Some(_) if !conversation.carried().iter().any(|one| one.number == number) => {
            return Err(CommandError::Usage(format!(
                "nothing that is carried has the number {number}; see /context"
            )));
        }
        Some("drop") => Some(ContextChange::Drop { number }),
        Some(_) => Some(ContextChange::Pin { number }),
    };
    if let Some(change) = change {
        conversation.change(change).await?;
    }
    let (beside, notes) = beside(&conversation, &call.system, &call.workspace).await;
    Ok(CommandAnswer { notes, ..listed(&conversation, &beside) })
}

/// What of the workspace a call carries.
#[derive(Debug, Clone)]
pub(super) struct Beside {
    pub(super) number: u64,
    pub(super) texts: Vec<Material>,
}

/// What of the workspace the next call carries, as it is now, and why something of it is not there any more.
pub(super) async fn beside(
    conversation: &Conversation,
    system: &System,
    workspace: &Path,
) -> (Vec<Beside>, Vec<String>) {
    let (mut all, mut notes) = (Vec::new(), Vec::new());
    for one in conversation.carried() {
        let Some(name) = one.added() else { continue };
        let texts = match name.parse::<Source>() {
            Ok(source) => read(source, workspace, cache(system)).await,
            Err(error) => Err(error),
        };
        match texts {
            Ok(texts) => all.push(Beside { number: one.number, texts }),
            Err(error) => notes.push(format!("{name} is not carried: {error}")),
        }
    }
    (all, notes)
}

fn cache(system: &System) -> Option<PathBuf> {
    Some(system.paths().state.as_ref()?.join("index"))
}

/// Looking through code takes a while, which must not hold up what else the thread does.
async fn read(
    source: Source,
    workspace: &Path,
    cache: Option<PathBuf>,
) -> Result<Vec<Material>, MaterialError> {
    let workspace = workspace.to_owned();
    let (name, read) =
        (source.to_string(), tokio::task::spawn_blocking(move || source.read(&workspace, cache)));
    read.await.unwrap_or_else(|error| Err(MaterialError::File { path: name, why: error.to_string() }))
}

/// A row of the list: number, tokens, what is to be known of it, and what it is.
struct Row {
    number: u64,
    tokens: u64,
    mark: &'static str,
    what: String,
}

fn listed(conversation: &Conversation, beside: &[Beside]) -> CommandAnswer {
    let size = |texts: &[Material]| texts.iter().map(|one| tokens(&one.text)).sum::<u64>();
    let told = conversation.told(beside.iter().map(|one| size(&one.texts)).sum());
    let row = |one: &Carried| {
        let (tokens, what, is_carried) = match (one.said(), one.added()) {
            (Some(said), _) => {
                let first = said.question.lines().next().unwrap_or_default().chars().take(SHOWN).collect();
                (tokens(&said.question) + tokens(&said.answer), first, told.contains(&one.number))
            }
            (None, name) => {
                let found = beside.iter().find(|beside| beside.number == one.number);
                let tokens = found.map_or(0, |beside| size(&beside.texts));
                (tokens, name.unwrap_or_default().to_owned(), found.is_some())
            }
        };
        let mark = match (is_carried, one.pinned) {
            (false, _) => "left out",
            (true, true) => "pinned",
            (true, false) => "",
        };
        Row { number: one.number, tokens, mark, what }
    };
    let rows: Vec<Row> = conversation.carried().iter().map(row).collect();
    let all: u64 = rows.iter().filter(|row| row.mark != "left out").map(|row| row.tokens).sum();
    let of = conversation.budget().map_or_else(String::new, |budget| format!(" of at most {budget}"));
    let sum = vec![String::new(), all.to_string(), String::new(), format!("in all{of}")];
    let shown = rows.iter().map(|row| {
        vec![row.number.to_string(), row.tokens.to_string(), row.mark.to_owned(), row.what.clone()]
    });
    let text = table(&["NO", "TOKENS", "", "WHAT"], &[0, 1], shown.chain([sum]).collect());
    let data = rows.iter().map(|row| {
        let (is_pinned, is_carried) = (row.mark == "pinned", row.mark != "left out");
        json!({"number": row.number, "tokens": row.tokens, "pinned": is_pinned, "carried": is_carried, "what": row.what})
    });
    let data = json!({"context": data.collect::<Vec<_>>(), "tokens": all, "budget": conversation.budget()});
    CommandAnswer::text(text).with_data(data)
}
