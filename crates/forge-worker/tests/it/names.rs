use forge_worker::{WorkerId, WorkerTier};

#[test]
fn names_of_workers_cannot_become_paths_targets_or_flags() {
    for name in ["a", "claude-code-glm-47-alpha", "_x", "A9", &"a".repeat(64)] {
        assert_eq!(name.parse::<WorkerId>().unwrap().as_str(), name);
    }
    for name in ["", ".", "..", "a/b", "a.b", "a:b", "=a", "-a", "a b", "a\n", "ä", "a\0", &"a".repeat(65)] {
        assert!(name.parse::<WorkerId>().is_err(), "{name:?}");
        assert!(serde_json::from_value::<WorkerId>(name.into()).is_err(), "{name:?}");
    }
}

#[test]
fn tiers_are_written_as_they_are_read() {
    for tier in WorkerTier::ALL {
        assert_eq!(tier.to_string().parse(), Ok(tier));
        assert_eq!(serde_json::to_value(tier).unwrap(), tier.as_str());
    }
    assert_eq!(
        [0, 1, 2, 3, 4].map(WorkerTier::for_priority).map(WorkerTier::as_str),
        ["premium", "premium", "standard", "budget", "budget"]
    );
    assert_eq!(
        "gold".parse::<WorkerTier>().unwrap_err().to_string(),
        "`gold` is no tier of workers: premium, standard or budget"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_home_is_where_the_environment_says_and_never_where_others_write() {
    let home = |set: &[(&str, &str)]| {
        let lookup =
            |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        forge_worker::WorkerHome::from_lookup(lookup).root().display().to_string()
    };
    assert_eq!(home(&[("FORGE_HOME", "/f"), ("HOME", "/h")]), "/f");
    assert_eq!(home(&[("FORGE_HOME", ""), ("XDG_STATE_HOME", "/s"), ("HOME", "/h")]), "/s/forge");
    assert_eq!(home(&[("HOME", "/h")]), "/h/.local/state/forge");
    assert!(std::fs::create_dir_all(home(&[])).is_err());
}
