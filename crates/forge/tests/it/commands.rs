//! Slash commands, as a program executes them.

use std::{fs, path::PathBuf};

use forge::{
    Paths, System,
    agent::command::{Argument, ArgumentKind, CommandSpec, Form, Permission},
    commands::{
        CommandAnswer, CommandContext, CommandError, OwnCommands, SlashCommand, SlashCommandRegistry,
    },
    router::RouterPlan,
    storage::journal::StreamName,
};

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("forge-commands-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Nobody is there to be asked, so that only what asks nobody succeeds.
async fn registry(folder: &PathBuf) -> SlashCommandRegistry {
    let builder = System::builder(|_| None).in_memory().plan(RouterPlan::default(), "test");
    SlashCommandRegistry::new(builder.open().await.unwrap(), folder)
}

fn about(registry: &SlashCommandRegistry) -> CommandContext {
    CommandContext { session: Some(registry.begin().unwrap()), workflow: None }
}

#[tokio::test]
async fn what_is_carried_is_listed_dropped_and_limited() {
    let folder = folder("context");
    fs::write(folder.join("a.txt"), "x".repeat(400)).unwrap();
    let registry = registry(&folder).await;
    let context = about(&registry);
    let run = async |line: &str| registry.execute(line, &context).await;
    run("/context add a.txt").await.unwrap();
    let shown = run("/context add a.txt:1").await.unwrap();
    let data = shown.data.unwrap();
    assert_eq!((&data["tokens"], &data["context"][1]["what"]), (&200.into(), &"a.txt:1-1".into()), "{data}");
    let twice = run("/context add a.txt").await.unwrap_err();
    assert!(twice.to_string().contains("carried already") && twice.is_usage(), "{twice}");
    run("/context pin 2").await.unwrap();
    assert!(run("/context drop 7").await.unwrap_err().to_string().contains("the number 7"));
    let left = run("/context clear").await.unwrap().data.unwrap();
    assert_eq!((left["context"].as_array().unwrap().len(), &left["context"][0]["number"]), (1, &2.into()));
    let limited = run("/context budget 5000").await.unwrap();
    assert!(limited.text.contains("in all of at most 5000"), "{}", limited.text);
    // A file that is gone is said to be, and stays in the list.
    fs::remove_file(folder.join("a.txt")).unwrap();
    let gone = run("/context").await.unwrap();
    assert!(gone.notes[0].contains("a.txt:1-1 is not carried") && gone.text.contains("left out"), "{gone:?}");
}

#[tokio::test]
async fn what_may_not_be_done_or_is_unknown_says_so() {
    let registry = registry(&folder("refused")).await.with_permission(Permission::Converse);
    let context = about(&registry);
    let nobody = CommandContext::default();
    for (line, context, why) in [
        ("/council Why?", &context, "needs the permission `ask`, and `converse` is the most"),
        ("/contxt", &context, "did you mean /context?"),
        ("hello", &context, "is no command"),
        ("/clear all", &context, "/clear takes nothing behind it"),
        ("/cost", &nobody, "/cost is about a conversation, and none is named"),
        ("/provider gtp", &context, "there is no provider `gtp`"),
        ("/help contxt", &context, "did you mean /context?"),
    ] {
        let refused = registry.execute(line, context).await.unwrap_err();
        assert!(refused.to_string().contains(why) && refused.is_usage(), "{line}: {refused}");
    }
    assert!(registry.execute("/quit", &nobody).await.unwrap().ends);
    let stranger =
        CommandContext { session: Some(StreamName::new("20261130-000000-abcd").unwrap()), ..nobody };
    let refused = registry.execute("/cost", &stranger).await.unwrap_err();
    assert!(matches!(refused, CommandError::Conversation(_)), "{refused}");
}

#[tokio::test]
async fn a_command_of_a_program_takes_part_in_help_and_completion() {
    let mut registry = registry(&folder("more")).await;
    let form = Form::new([Argument::new("N", ArgumentKind::Number)], "double a number");
    let spec = CommandSpec::new("double", Permission::Read, [form]);
    registry.register(SlashCommand::new(spec, async |call| {
        Ok(CommandAnswer::text((call.arguments.number(0).unwrap_or_default() * 2).to_string()))
    }));
    let context = CommandContext::default();
    assert_eq!(registry.execute("/double 21", &context).await.unwrap().text, "42\n");
    assert!(registry.execute("/help", &context).await.unwrap().text.contains("double a number"));
    let help = registry.execute("/help", &context).await.unwrap().text;
    assert!(help.lines().all(|line| line.chars().count() <= 80), "it fits a usual terminal:\n{help}");
    assert_eq!(registry.complete("/dou"), (1, vec!["double".to_owned()]));
}

#[tokio::test]
async fn files_of_a_project_are_commands_once_they_are_trusted_as_they_are() {
    let folder = folder("own");
    let paths = Paths::at(folder.join("config"), folder.join("state"));
    let write = |path: &str, text: &str| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(".forge/commands/fix.md", "---\ndescription: Fix one\n---\nFix $1 now.\n");
    write(".claude/commands/git/tidy.md", "Tidy up.\n");
    write(".claude/skills/poem/SKILL.md", "---\nname: poem\ndescription: A poem\n---\nWrite one: !`date`\n");
    write("config/commands/mine.md", "Mine: $ARGUMENTS\n");
    write("config/commands/help.md", "Not this one.\n");
    write("config/commands/broken.md", "---\nmodle: x\n---\nText\n");
    let own = OwnCommands::read(&folder, &paths);
    assert_eq!(own.untrusted.len(), 3, "{own:?}");
    assert!(own.mistakes[0].to_string().contains("broken.md:2:1:"), "{own:?}");
    let registry = self::registry(&folder).await.with_own(own);
    assert_eq!(registry.question("/mine a b").unwrap().unwrap().text, "Mine: a b\n");
    assert!(registry.question("/help").unwrap().is_none(), "a built-in command keeps its name");
    assert!(matches!(registry.question("/fix x"), Err(CommandError::Unknown { .. })));

    let files: Vec<_> = forge::project_commands(&folder);
    let files: Vec<_> = files.iter().map(|file| paths.project_file(file).unwrap()).collect();
    paths.trust(&files).unwrap();
    let registry = self::registry(&folder).await.with_own(OwnCommands::read(&folder, &paths));
    assert_eq!(registry.question("/fix it").unwrap().unwrap().text, "Fix it now.\n");
    let poem = registry.question("/poem").unwrap().unwrap();
    assert!(
        poem.text.contains("!`date`") && poem.notes[0].contains("SKILL.md:5: a shell command is not run"),
        "{poem:?}"
    );
    assert!(registry.specs().iter().any(|spec| spec.name == "tidy"));

    write(".forge/commands/fix.md", "Fix nothing.\n");
    assert_eq!(OwnCommands::read(&folder, &paths).untrusted.len(), 1, "it is not as it was trusted");
}
