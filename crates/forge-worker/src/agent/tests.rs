use super::*;

#[test]
fn every_built_in_definition_can_be_read_and_has_its_own_name() {
    let home = WorkerHome::new("/nowhere");
    for name in AgentDefinition::names() {
        let definition = AgentDefinition::find(&home, name).unwrap();
        assert_eq!(definition.name, name);
        assert!(name == "generic" || !definition.argv.is_empty(), "{name}");
    }
    assert!(matches!(AgentDefinition::find(&home, "../sim"), Err(AgentError::Unknown(..))));
}

#[test]
fn a_version_is_known_by_its_beginning_and_whole_parts_of_it() {
    let codex = AgentDefinition::find(&WorkerHome::new("/nowhere"), "codex").unwrap();
    assert!(codex.knows(Some("0.171.0")) && codex.knows(Some("0.171")));
    assert!(!codex.knows(Some("0.1710.0")) && !codex.knows(Some("1.0")) && !codex.knows(None));
    assert!(codex.without_reports().hooks.is_empty());
}

#[test]
fn the_titles_of_codex_tell_what_it_does() {
    let codex = AgentDefinition::find(&WorkerHome::new("/nowhere"), "codex").unwrap();
    let state = |title: &str| codex.of_title(title).map(|found| found.0);
    assert_eq!(state("⠴ fix | project"), Some(Reported::Working));
    assert_eq!(state("[ ! ] Action Required | fix"), Some(Reported::Permission));
    assert_eq!(state("[ . ] Action Required | fix"), Some(Reported::Permission));
    assert_eq!(state("fix | project"), Some(Reported::Ready));
    assert_eq!(state("bash"), None);
}

#[test]
fn a_definition_with_a_slip_says_where() {
    let error = AgentDefinition::parse("own", "name = \"own\"\nargvv = []\n").unwrap_err();
    assert!(error.to_string().contains("argvv"), "{error}");
    let error =
        AgentDefinition::parse("own", "name = \"own\"\n[[titles]]\npattern = \"(\"\nstate = \"ready\"\n");
    assert!(error.is_err());
}
