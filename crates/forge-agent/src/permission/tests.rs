use super::*;

/// `deny tool=run path=*.rs command=rm,-rf`.
fn rule(text: &str) -> Rule {
    let mut parts = text.split(' ');
    let effect = [Effect::Allow, Effect::Ask, Effect::Deny]
        .into_iter()
        .find(|it| Some(it.name()) == parts.clone().next());
    let mut rule = Rule::new(effect.unwrap(), "f:1");
    for (key, value) in parts.by_ref().skip(1).map(|part| part.split_once('=').unwrap()) {
        match key {
            "tool" => rule.tool = Some(value.to_owned()),
            "path" => rule.path = Some(value.to_owned()),
            _ => rule.command = Some(value.split(',').map(str::to_owned).collect()),
        }
    }
    rule
}

fn decide(rules: &[&str], action: &Action) -> Effect {
    let checks = [vec!["cargo".to_owned(), "test".to_owned()]];
    let rules: Vec<Rule> = rules.iter().map(|text| rule(text)).collect();
    let decision = |rules| Permissions::new(rules).with_checks(checks.clone()).decide(action).decision;
    let backwards: Vec<Rule> = rules.iter().rev().cloned().collect();
    let decided = decision(rules);
    assert_eq!(decided, decision(backwards), "the order counts: {action:?}");
    decided
}

fn read(path: &str) -> Action {
    Action::new("read_file", Access::Read(path.to_owned()))
}

fn write(path: &str) -> Action {
    Action::new("write_file", Access::Write(path.to_owned()))
}

fn run(line: &str) -> Action {
    Action::new("run", Access::Run(line.split(' ').map(str::to_owned).collect()))
}

#[test]
fn without_rules_reading_and_changing_inside_and_checks_are_allowed() {
    for (action, effect) in [
        (read("src/a.rs"), Effect::Allow),
        (write("./new/a.rs"), Effect::Allow),
        (run("cargo test"), Effect::Allow),
        (run("cargo test --release"), Effect::Deny),
        (run("rm -rf ."), Effect::Deny),
        (Action::new("mcp__db__query", Access::Other), Effect::Ask),
    ] {
        assert_eq!(decide(&[], &action), effect, "{action:?}");
    }
}

#[test]
fn outside_nothing_is_allowed() {
    for path in ["/etc/passwd", "../a", "src/../../a", "a\0b"] {
        assert_eq!(decide(&["allow", "allow path=**"], &read(path)), Effect::Deny, "{path}");
        assert_eq!(decide(&["allow tool=write_file"], &write(path)), Effect::Deny, "{path}");
    }
}

#[test]
fn the_most_specific_rule_wins_and_the_strictest_among_equals() {
    for (rules, action, effect) in [
        (&["deny", "allow tool=read_*"][..], read("a"), Effect::Allow),
        (&["allow tool=read_*", "deny tool=read_file"], read("a"), Effect::Deny),
        (&["deny path=src/**", "allow path=src/gen/**"], write("src/gen/a"), Effect::Allow),
        (&["deny path=src/**", "allow path=src/gen/**"], write("src/a"), Effect::Deny),
        (&["allow tool=write_file", "ask path=*.lock"], write("Cargo.lock"), Effect::Ask),
        (&["allow path=a/*.c", "deny path=*/a.c"], read("a/a.c"), Effect::Deny),
        (&["allow path=**", "ask path=**"], read("a"), Effect::Ask),
        (&["ask path=**", "deny path=**", "allow path=**"], read("a"), Effect::Deny),
        (&["deny path=**", "allow path=** tool=read_file"], read("a"), Effect::Allow),
        (&["allow command=git", "deny command=git,push"], run("git push -f"), Effect::Deny),
        (&["allow command=git", "deny command=git,push"], run("git status"), Effect::Allow),
        (&["deny command=git", "allow command=git,log"], run("git log"), Effect::Allow),
        (&["ask tool=run"], run("cargo test"), Effect::Ask),
        (&["allow path=**"], run("rm a"), Effect::Deny),
        (&["deny command=rm"], read("rm"), Effect::Allow),
    ] {
        assert_eq!(decide(rules, &action), effect, "{rules:?} {action:?}");
    }
}

#[test]
fn what_is_strict_cannot_be_written_around() {
    assert_eq!(decide(&["deny path=.env"], &read("App/.ENV")), Effect::Deny);
    assert_eq!(decide(&["deny path=Secrets/**"], &read("./secrets/a")), Effect::Deny);
    assert_eq!(decide(&["allow tool=run", "deny command=rm"], &run("/bin/rm a")), Effect::Deny);
    assert_eq!(decide(&["allow command=cargo"], &run("./cargo test")), Effect::Deny);
    assert_eq!(decide(&["deny", "allow path=.env"], &read(".ENV")), Effect::Deny);
}

#[test]
fn people_are_told_which_rule_decided() {
    let mut one = rule("deny tool=run command=git,push");
    one.origin = "forge.yaml:12:7".to_owned();
    let permissions = Permissions::new(vec![one]);
    let told = |action: &Action| permissions.decide(action).rule;
    assert_eq!(told(&run("git push")), "denied by `deny tool run command git push` (forge.yaml:12:7)");
    assert_eq!(
        told(&run("make")),
        "denied by the usual rule: of commands only the configured checks may run"
    );
    assert_eq!(told(&read("../x")), "denied, because `../x` is outside of the folder of this work");
    assert_eq!(
        told(&Action::new("x", Access::Other)),
        "a person is asked by the usual rule: a person decides on other tools"
    );
}

#[test]
fn what_the_user_forbids_no_project_allows() {
    let own = vec![rule("deny command=git,push"), rule("allow path=**")];
    let project =
        vec![rule("allow command=git,push,origin"), rule("allow command=make"), rule("deny path=src/**")];
    let permissions = Permissions::new(project).with_own(own);
    for (action, effect) in [
        (run("git push origin"), Effect::Deny),
        (run("make"), Effect::Allow),
        (write("src/a"), Effect::Deny),
        (write("a"), Effect::Allow),
    ] {
        assert_eq!(permissions.decide(&action).decision, effect, "{action:?}");
    }
}
