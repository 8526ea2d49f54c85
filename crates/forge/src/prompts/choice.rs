//! Which version of each prompt a session gets.

use std::collections::BTreeMap;

use forge_prompt::{PromptFile, assign};

use crate::{
    config::{ArmPlan, ExperimentPlan, ExperimentUnit},
    session::Prompts,
    storage::prompts::{LabelMove, PromptVersion},
    tags::Tags,
};

/// The label whose version is used in place of the file.
pub const LABEL: &str = "production";

/// What is used in place of a label for the file as it is.
const LATEST: &str = "latest";

/// What is known of versions and labels, and what is made of it.
struct Choice<'a> {
    prompts: &'a Prompts,
    versions: &'a [PromptVersion],
    labels: &'a [LabelMove],
    /// The versions that are used in place of files, by prompt.
    pins: BTreeMap<&'a str, &'a PromptVersion>,
    warnings: Vec<String>,
}

/// The prompts of a session called `session`, whose calls have these tags besides; the tags of the experiments that it takes
/// part in; and what could not be followed. Nothing that is wrong in the store keeps a session from its files.
pub(crate) fn choose<'a>(
    prompts: &'a Prompts,
    experiments: &'a [ExperimentPlan],
    (versions, labels): (&'a [PromptVersion], &'a [LabelMove]),
    (session, tags): (&str, &Tags),
) -> (Option<Prompts>, Tags, Vec<String>) {
    let mut choice = Choice { prompts, versions, labels, pins: BTreeMap::new(), warnings: Vec::new() };
    for label in labels.iter().filter(|one| &*one.label == LABEL) {
        if let Some(version) = choice.version(&label.name, label.version) {
            choice.pins.insert(&label.name, version);
        }
    }
    let mut parts: Vec<(&str, &str)> = Vec::new();
    for experiment in experiments {
        let unit = match experiment.unit {
            ExperimentUnit::Session | ExperimentUnit::Call => Some(session),
            ExperimentUnit::Workflow => tags.workflow(),
            ExperimentUnit::Key => tags.key(),
        };
        let weights: Vec<u32> = experiment.arms.iter().map(|arm| arm.weight).collect();
        let arm = unit.and_then(|unit| assign(&experiment.name, unit, &weights));
        if let Some(arm) = arm.map(|at| &experiment.arms[at])
            && choice.takes(experiment, arm)
        {
            parts.push((&experiment.name, &arm.name));
        }
    }
    let mut tags = Tags::default();
    if !parts.is_empty() {
        let joined = |names: Vec<&str>| names.join(" ");
        tags = tags.with_experiment(joined(parts.iter().map(|part| part.0).collect()));
        tags = tags.with_arm(joined(parts.iter().map(|part| part.1).collect()));
    }
    let pinned = choice.pinned();
    (pinned, tags, choice.warnings)
}

impl<'a> Choice<'a> {
    fn version(&self, name: &str, number: u32) -> Option<&'a PromptVersion> {
        self.versions.iter().find(|one| *one.prompt.name == *name && one.number == number)
    }

    /// Uses the version of an arm; `false` if there is none.
    fn takes(&mut self, experiment: &'a ExperimentPlan, arm: &ArmPlan) -> bool {
        let name = experiment.prompt.as_str();
        if self.prompts.set().get(name).is_none() {
            let of = &experiment.name;
            self.warnings.push(format!("experiment {of} is left out, since there is no prompt `{name}`"));
            return false;
        }
        if arm.version == LATEST {
            self.pins.remove(name);
            return true;
        }
        let labelled = || {
            let is_meant = |one: &&LabelMove| *one.name == *name && *one.label == *arm.version;
            self.labels.iter().find(is_meant).map(|one| one.version)
        };
        let number = arm.version.parse().ok().or_else(labelled);
        match number.and_then(|number| self.version(name, number)) {
            Some(version) => {
                self.pins.insert(name, version);
                true
            }
            None => {
                self.warnings.push(format!(
                    "experiment {}: arm {} is left out, since `{name}` has no version or label `{}`",
                    experiment.name, arm.name, arm.version
                ));
                false
            }
        }
    }

    /// The prompts with the versions in place of the files; `None` if all files are as they should be.
    fn pinned(&mut self) -> Option<Prompts> {
        let prompts = self.prompts;
        let current = |name: &str| prompts.set().get(name).map(|prompt| prompt.version.as_str());
        self.pins
            .retain(|name, version| current(name).is_some_and(|current| *current != *version.prompt.hash));
        let mut files = BTreeMap::new();
        for version in self.pins.values() {
            let own = (version.prompt.file.to_string(), version.prompt.text.to_string());
            files.extend(version.prompt.parts.clone());
            files.extend([own]);
        }
        if files.is_empty() {
            return None;
        }
        match prompts.pinned(files.into_iter().map(|(name, text)| PromptFile::new(name, text)).collect()) {
            Ok(prompts) => Some(prompts),
            Err(error) => {
                self.warnings
                    .push(format!("earlier versions cannot be used, and files are: {}", error.source));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::storage::prompts::PromptText;

    fn version(number: u32, text: &str) -> PromptVersion {
        let hash = format!("{number:012x}");
        let prompt = PromptText::new("draft.user", hash, "draft.user.jinja", text);
        PromptVersion::new(number, prompt, DateTime::UNIX_EPOCH)
    }

    fn label(label: &str, version: u32) -> LabelMove {
        LabelMove::new("draft.user", label, version, DateTime::UNIX_EPOCH, "ann")
    }

    fn experiment(unit: ExperimentUnit, arms: [&str; 2]) -> ExperimentPlan {
        let arm = |version: &str| ArmPlan {
            name: format!("arm-{version}"),
            version: version.to_owned(),
            weight: 1,
        };
        ExperimentPlan {
            name: "tone".into(),
            prompt: "draft.user".into(),
            unit,
            arms: arms.map(arm).to_vec(),
        }
    }

    /// The template of the draft, the tags and the warnings of a session.
    fn chosen(
        experiments: &[ExperimentPlan],
        labels: &[LabelMove],
        session: &str,
    ) -> (String, Tags, Vec<String>) {
        let prompts = Prompts::built_in().unwrap();
        let versions = [version(1, "One.\n"), version(2, "Two.\n"), version(3, "{{ nothing }}\n")];
        let own = Tags::default().with_key("ci");
        let (pinned, tags, warnings) = choose(&prompts, experiments, (&versions, labels), (session, &own));
        let body = pinned.unwrap_or(prompts).set().get("draft.user").unwrap().body.clone();
        (body, tags, warnings)
    }

    #[test]
    fn the_version_in_production_is_used_in_place_of_the_file() {
        let (file, ..) = chosen(&[], &[label("trial", 1)], "s");
        assert!(file.starts_with("Topic: "), "{file}");
        let (body, tags, warnings) = chosen(&[], &[label("production", 2)], "s");
        assert_eq!((body.as_str(), tags, warnings.len()), ("Two.\n", Tags::default(), 0));
        // One that cannot be rendered any more leaves the file, and says so.
        let (body, _, warnings) = chosen(&[], &[label("production", 3)], "s");
        assert!(body == file && warnings[0].contains("`nothing` is not declared"), "{warnings:?}");
    }

    #[test]
    fn a_session_gets_one_arm_and_its_calls_say_which() {
        let labels = [label("production", 2), label("trial", 1)];
        let arms = experiment(ExperimentUnit::Session, ["latest", "trial"]);
        let mut seen = BTreeMap::new();
        for number in 0..40 {
            let session = format!("s-{number}");
            let (body, tags, warnings) = chosen(std::slice::from_ref(&arms), &labels, &session);
            assert_eq!(warnings, [""; 0]);
            assert_eq!(tags.experiment(), Some("tone"));
            let arm = tags.arm().unwrap().to_owned();
            assert_eq!(body == "One.\n", arm == "arm-trial", "{arm}: {body}");
            assert_eq!(chosen(std::slice::from_ref(&arms), &labels, &session).1, tags, "it stays");
            *seen.entry(arm).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), 2, "{seen:?}");
    }

    #[test]
    fn a_unit_that_is_not_there_takes_no_part_and_an_unknown_version_is_told() {
        let by_workflow = experiment(ExperimentUnit::Workflow, ["1", "2"]);
        assert_eq!(chosen(&[by_workflow], &[], "s").1, Tags::default());
        let by_key = experiment(ExperimentUnit::Key, ["1", "1"]);
        let (body, tags, _) = chosen(std::slice::from_ref(&by_key), &[], "s");
        assert_eq!((body.as_str(), tags.clone()), ("One.\n", chosen(&[by_key], &[], "other").1));
        let unknown = experiment(ExperimentUnit::Session, ["9", "nowhere"]);
        let (_, tags, warnings) = chosen(&[unknown], &[], "s");
        assert!(tags == Tags::default() && warnings[0].contains("has no version or label"), "{warnings:?}");
        let mut misspelt = experiment(ExperimentUnit::Session, ["latest", "latest"]);
        misspelt.prompt = "draft.usr".into();
        let (_, tags, warnings) = chosen(&[misspelt], &[], "s");
        assert!(tags == Tags::default() && warnings[0].contains("no prompt `draft.usr`"), "{warnings:?}");
    }
}
