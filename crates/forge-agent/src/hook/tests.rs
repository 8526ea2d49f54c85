#![cfg(unix)]

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use super::*;
use crate::process;

/// A folder that goes with its test.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("forge-agent-hook-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn input(&self) -> HookInput {
        HookInput { session: "s1".to_owned(), cwd: self.0.clone(), ..HookInput::default() }
    }

    fn manager(&self, hooks: Vec<Hook>) -> HookManager {
        let path = |name: &str| (name == "PATH").then(|| "/usr/local/bin:/usr/bin:/bin".to_owned());
        HookManager::new(hooks, &self.0, process::environment(path))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn shell(event: HookEvent, line: &str) -> Hook {
    Hook {
        name: "guard".to_owned(),
        event,
        matcher: None,
        action: HookAction::Shell(line.to_owned()),
        timeout: Duration::from_secs(10),
        required: false,
        scripts: Vec::new(),
        origin: "forge.yaml:3".to_owned(),
    }
}

fn required(hook: Hook) -> Hook {
    Hook { required: true, ..hook }
}

fn tool(name: &str) -> HookTool {
    HookTool { name: name.to_owned(), input: json!({"command": "ls"}), response: None }
}

async fn answers(name: &str, event: HookEvent, line: &str) -> HookOutcome {
    let place = Place::new(name);
    place.manager(vec![shell(event, line)]).fire(event, &place.input()).await
}

fn reason(outcome: &HookOutcome) -> &str {
    match &outcome.decision {
        HookDecision::Deny { reason } | HookDecision::Ask { reason } => reason,
        HookDecision::Allow => "",
    }
}

#[tokio::test]
async fn a_hook_reads_the_event_and_knows_the_project() {
    let place = Place::new("reads");
    let line = "cat > seen.json; echo $FORGE_PROJECT_DIR > project; env > env";
    let input = HookInput {
        workflow: Some("w1".to_owned()),
        tool: Some(tool("run")),
        fields: [("prompt".to_owned(), json!("go")), ("cwd".to_owned(), json!("/elsewhere"))]
            .into_iter()
            .collect(),
        ..place.input()
    };
    let outcome =
        place.manager(vec![shell(HookEvent::PreToolUse, line)]).fire(HookEvent::PreToolUse, &input).await;
    assert_eq!(outcome.decision, HookDecision::Allow);
    let seen: Value = serde_json::from_slice(&fs::read(place.0.join("seen.json")).unwrap()).unwrap();
    let cwd = place.0.to_string_lossy();
    assert_eq!(
        seen,
        json!({"session_id": "s1", "workflow_id": "w1", "cwd": cwd, "hook_event_name": "PreToolUse", "tool_name": "run",
            "tool_input": {"command": "ls"}, "prompt": "go"})
    );
    assert_eq!(fs::read_to_string(place.0.join("project")).unwrap().trim(), cwd);
    let Value::Object(seen) = seen else { unreachable!() };
    assert_eq!(
        HookInput::read(seen).unwrap(),
        HookInput { fields: [("prompt".to_owned(), json!("go"))].into_iter().collect(), ..input }
    );
}

#[test]
fn no_key_is_among_what_a_hook_is_given() {
    let env = process::environment(|name| Some(name.to_owned()));
    assert!(
        !env.keys().any(|name| ["KEY", "TOKEN", "SECRET", "PASS"].iter().any(|part| name.contains(part)))
    );
    assert!(env.contains_key("PATH") && !env.contains_key("HTTPS_PROXY"));
}

#[tokio::test]
async fn each_way_to_end_has_one_meaning() {
    let place = Place::new("ends");
    fs::write(place.0.join("plain"), "text").unwrap();
    let program = |name: &str| HookAction::Program(vec![name.to_owned()]);
    let slow = Hook { timeout: Duration::from_millis(200), ..shell(HookEvent::PreEdit, "sleep 30 & wait") };
    let of = |line| shell(HookEvent::PreEdit, line);
    for (hook, is_failure, said) in [
        (of("exit 0"), false, ""),
        (of("cat /dev/null; echo 'no {json}'"), false, ""),
        (of("echo not this; echo 'no secrets' >&2; exit 2"), false, "hook `guard`: no secrets"),
        (of("exit 2"), false, "hook `guard`: it gives no reason"),
        (of("echo broken >&2; exit 1"), true, "it ended with status 1: broken"),
        (of("exit 127"), true, "it ended with status 127"),
        (of("kill -KILL $$"), true, "it was ended by signal 9"),
        (of("echo '{\"decision\": '"), true, "what it writes is no decision: "),
        (of("echo '{\"decision\": \"perhaps\"}'"), true, "what it writes is no decision: "),
        (of("echo '{'; head -c 3000000 /dev/zero"), true, "it writes more than is read"),
        (slow, true, "it did not end in time"),
        (Hook { action: program("./missing"), ..of("") }, true, "`./missing` cannot be run: "),
        (Hook { action: program("./plain"), ..of("") }, true, "`./plain` cannot be run: "),
    ] {
        let action = format!("{:?}", hook.action);
        let guard =
            place.manager(vec![required(hook.clone())]).fire(HookEvent::PreEdit, &place.input()).await;
        assert_eq!(reason(&guard).contains("is required and failed"), is_failure, "{action}: {guard:?}");
        assert!(reason(&guard).contains(said), "{action}: {guard:?}");
        let free = place.manager(vec![hook]).fire(HookEvent::PreEdit, &place.input()).await;
        assert_eq!(
            free.warnings.iter().any(|warning| warning.contains(said)),
            is_failure,
            "{action}: {free:?}"
        );
        assert_eq!(free.decision == HookDecision::Allow, is_failure || said.is_empty(), "{action}: {free:?}");
    }
}

#[tokio::test]
async fn decisions_are_read_as_other_agents_read_them() {
    let of = async |json: Value| {
        let line = format!("cat >/dev/null; cat <<'END'\n{json}\nEND");
        answers("decisions", HookEvent::PreToolUse, &line).await
    };
    let specific = |verdict: &str| {
        json!({"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": verdict,
            "permissionDecisionReason": "because", "additionalContext": "the branch is main"}})
    };
    let denied = of(specific("deny")).await;
    assert_eq!(denied.decision, HookDecision::Deny { reason: "hook `guard`: because".to_owned() });
    assert_eq!(denied.context, ["the branch is main"]);
    assert_eq!(
        of(specific("ask")).await.decision,
        HookDecision::Ask { reason: "hook `guard`: because".to_owned() }
    );
    assert_eq!(of(specific("allow")).await.decision, HookDecision::Allow);
    let blocked = of(json!({"decision": "block", "reason": "tests fail"})).await;
    assert_eq!((reason(&blocked), blocked.is_over), ("hook `guard`: tests fail", false));
    assert_eq!(of(json!({"decision": "approve"})).await.decision, HookDecision::Allow);
    let over = of(json!({"continue": false, "stopReason": "budget", "systemMessage": "see the log"})).await;
    assert_eq!((reason(&over), over.is_over), ("hook `guard`: budget", true));
    assert_eq!(over.warnings, ["hook `guard`: see the log"]);
    let rewritten =
        json!({"hookSpecificOutput": {"permissionDecision": "allow", "updatedInput": {"command": "ls -l"}}});
    assert_eq!(
        reason(&of(rewritten).await),
        "hook `guard`: it agrees only with this input: {\"command\":\"ls -l\"}"
    );
}

#[tokio::test]
async fn the_chain_ends_at_the_first_denial_and_the_first_question_is_asked() {
    let place = Place::new("chain");
    let ask = |why: &str| {
        shell(HookEvent::PreToolUse, &format!("echo '{{\"decision\": \"ask\", \"reason\": \"{why}\"}}'"))
    };
    let allow = shell(HookEvent::PreToolUse, "exit 0");
    let hooks = vec![allow.clone(), ask("one"), ask("two"), allow];
    let asked = place.manager(hooks.clone()).fire(HookEvent::PreToolUse, &place.input()).await;
    assert_eq!((reason(&asked), asked.runs.len()), ("hook `guard`: one", 4));
    let no = shell(HookEvent::PreToolUse, "echo no >&2; exit 2");
    let never = shell(HookEvent::PreToolUse, "touch ran");
    let hooks = [hooks, vec![no, never]].concat();
    let denied = place.manager(hooks).fire(HookEvent::PreToolUse, &place.input()).await;
    assert_eq!((reason(&denied), denied.runs.len()), ("hook `guard`: no", 5));
    assert!(!place.0.join("ran").exists());
}

#[tokio::test]
async fn a_matcher_chooses_by_tool_or_by_path() {
    let place = Place::new("matcher");
    let with = |event, matcher: &str| Hook { matcher: Some(matcher.to_owned()), ..shell(event, "exit 2") };
    let manager = place
        .manager(vec![with(HookEvent::PreToolUse, "run|mcp__*"), with(HookEvent::PreEdit, "*.env|infra/**")]);
    for (name, runs) in [("run", 1), ("mcp__db__query", 1), ("read_file", 0)] {
        let input = HookInput { tool: Some(tool(name)), ..place.input() };
        assert_eq!(manager.fire(HookEvent::PreToolUse, &input).await.runs.len(), runs, "{name}");
    }
    for (path, runs) in [("app/.env", 1), ("infra/a/b.tf", 1), ("src/main.rs", 0)] {
        let input = HookInput { paths: vec!["README.md".to_owned(), path.to_owned()], ..place.input() };
        assert_eq!(manager.fire(HookEvent::PreEdit, &input).await.runs.len(), runs, "{path}");
    }
    assert!(manager.fire(HookEvent::PostEdit, &place.input()).await.runs.is_empty());
}

#[tokio::test]
async fn an_end_is_put_off_eight_times_in_a_row() {
    let place = Place::new("stops");
    let line = "cat > seen; test -e free && exit 0; echo more >&2; exit 2";
    let manager = place.manager(vec![shell(HookEvent::Stop, line)]);
    let fire = async || manager.fire(HookEvent::Stop, &place.input()).await;
    let is_active =
        || fs::read_to_string(place.0.join("seen")).unwrap().contains("\"stop_hook_active\":true");
    for time in 0..8 {
        assert_eq!(reason(&fire().await), "hook `guard`: more", "{time}");
        assert_eq!(is_active(), time > 0, "{time}");
    }
    let ninth = fire().await;
    assert_eq!(ninth.decision, HookDecision::Allow);
    assert_eq!(ninth.warnings, ["it ends after 8 objections in a row; the last one: hook `guard`: more"]);
    // A new row begins, for this session and for others.
    assert_eq!(reason(&fire().await), "hook `guard`: more");
    fs::write(place.0.join("free"), "").unwrap();
    assert_eq!(fire().await.decision, HookDecision::Allow);
    fs::remove_file(place.0.join("free")).unwrap();
    assert!(fire().await.decision != HookDecision::Allow && !is_active());
}

#[tokio::test]
async fn where_nobody_can_say_no_a_no_is_a_warning_and_text_is_context_at_two_events() {
    let no = answers("told", HookEvent::Notification, "echo no >&2; exit 2").await;
    assert_eq!((no.decision, no.warnings), (HookDecision::Allow, vec!["hook `guard`: no".to_owned()]));
    for (event, context) in
        [(HookEvent::SessionStart, 1), (HookEvent::UserPromptSubmit, 1), (HookEvent::PreEdit, 0)]
    {
        assert_eq!(answers("context", event, "echo Today is Monday").await.context.len(), context, "{event}");
    }
}

fn preset(event: HookEvent, preset: Preset) -> Hook {
    Hook { action: HookAction::Preset(preset), ..shell(event, "") }
}

#[tokio::test]
async fn files_are_validated() {
    let place = Place::new("files");
    fs::write(place.0.join("a.json"), "{\"a\": }").unwrap();
    fs::write(place.0.join("b.rs"), "fn b() {}\n<<<<<<< ours\n").unwrap();
    fs::write(place.0.join("c.bin"), [0xff; 3000]).unwrap();
    fs::write(place.0.join("d.json"), "[1]").unwrap();
    let check = Preset::ValidateFiles { max_kb: 2, forbid: vec![".env".to_owned()] };
    let manager = place.manager(vec![preset(HookEvent::PostEdit, check)]);
    let of = async |path: &str| {
        let input = HookInput { paths: vec![path.to_owned()], ..place.input() };
        reason(&manager.fire(HookEvent::PostEdit, &input).await).to_owned()
    };
    assert!(of("a.json").await.starts_with("hook `guard`: a.json is no JSON: expected value at line 1"));
    assert_eq!(of("b.rs").await, "hook `guard`: b.rs:2: a mark of a merge");
    assert_eq!(of("c.bin").await, "hook `guard`: c.bin has 3 kB, more than 2");
    assert_eq!(of("x/.env").await, "hook `guard`: x/.env may not be changed (`.env`)");
    assert_eq!([of("d.json").await, of("gone.json").await], ["", ""]);
}

#[tokio::test]
async fn tests_messages_and_deployments_are_checked() {
    let place = Place::new("presets");
    let run = ["sh", "-c", "echo one failed; exit 101"].map(str::to_owned).to_vec();
    let tests = place.manager(vec![preset(HookEvent::PostEdit, Preset::RunTests { run })]);
    let failed = tests.fire(HookEvent::PostEdit, &place.input()).await;
    assert_eq!(
        reason(&failed),
        "hook `guard`: `sh -c echo one failed; exit 101` ended with status 101:\none failed"
    );
    let check =
        Preset::CheckCommitMessage { max_subject: 20, prefixes: vec!["feat".to_owned(), "fix".to_owned()] };
    let messages = place.manager(vec![preset(HookEvent::PreCommit, check)]);
    for (message, faults) in [
        ("fix: a loop\n\nmore", 0),
        ("feat(x): b", 0),
        ("", 2),
        ("feature: c\nmore", 2),
        ("fix: aaaaaaaaaaaaaaaaaaaaa", 1),
    ] {
        let fields = [("message".to_owned(), json!(message))].into_iter().collect();
        let outcome = messages.fire(HookEvent::PreCommit, &HookInput { fields, ..place.input() }).await;
        let found = reason(&outcome).split("; ").filter(|fault| !fault.is_empty()).count();
        assert_eq!(found, faults, "{message:?}: {outcome:?}");
    }
    let deploy = Preset::DeployCheck { branches: vec!["main".to_owned()] };
    let deploy = place.manager(vec![required(preset(HookEvent::PreDeploy, deploy))]);
    let of = async || reason(&deploy.fire(HookEvent::PreDeploy, &place.input()).await).to_owned();
    assert!(of().await.contains("is required and failed: git status"), "{}", of().await);
    let git = |arguments: &str| {
        let mut git = std::process::Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@b.c"])
            .args(arguments.split(' '))
            .current_dir(&place.0);
        assert!(git.output().unwrap().status.success(), "{arguments}");
    };
    git("init -q -b trunk");
    git("commit -q --allow-empty -m first");
    fs::write(place.0.join("new"), "").unwrap();
    let both = "hook `guard`: there are changes that are not committed; the branch `trunk` is none of main";
    assert_eq!(of().await, both);
    fs::remove_file(place.0.join("new")).unwrap();
    git("checkout -q -b main");
    assert_eq!(of().await, "");
}

#[tokio::test]
async fn a_script_that_was_changed_is_not_run() {
    let (place, work) = (Place::new("sealed"), Place::new("sealed-work"));
    let path = PathBuf::from("guard.sh");
    fs::write(place.0.join(&path), "exit 0").unwrap();
    let scripts = vec![Script::read(&place.0, &path).unwrap()];
    let action = HookAction::Program(vec!["sh".to_owned(), "guard.sh".to_owned()]);
    let guard = Hook { action, scripts, ..required(shell(HookEvent::PreEdit, "")) };
    let manager = place.manager(vec![guard]);
    assert_eq!(manager.fire(HookEvent::PreEdit, &place.input()).await.decision, HookDecision::Allow);
    let changed =
        "the hook `guard` is required and failed: `guard.sh` has changed since the configuration was read";
    // The copy in which a model works, then the file itself.
    fs::write(work.0.join(&path), "touch ran").unwrap();
    assert_eq!(reason(&manager.fire(HookEvent::PreEdit, &work.input()).await), changed);
    fs::write(place.0.join(&path), "touch ran").unwrap();
    assert_eq!(reason(&manager.fire(HookEvent::PreEdit, &place.input()).await), changed);
    assert!(!place.0.join("ran").exists() && !work.0.join("ran").exists());
}
