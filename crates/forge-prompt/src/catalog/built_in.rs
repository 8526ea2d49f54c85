//! The prompts that ship with Forge.

use super::folder::PromptFile;

/// A file of `prompts/`, by the name of its prompt.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$((concat!($name, ".md.jinja"), include_str!(concat!("../../prompts/", $name, ".md.jinja")))),*]
    };
}

/// All of them. A file that is missing here is in no program, which a test says.
const FILES: [(&str, &str); 40] = files![
    "check.system",
    "check.user",
    "clarify.system",
    "clarify.user",
    "critique.change.system",
    "critique.system",
    "critique.user",
    "draft.system",
    "draft.user",
    "edit.system",
    "edit.user",
    "form.apply_patch",
    "form",
    "form.search_replace",
    "form.udiff",
    "form.whole",
    "inspect.system",
    "inspect.user",
    "judge.system",
    "lens.clarity",
    "lens.correctness",
    "lens.operations",
    "lens.performance",
    "lens.readability",
    "lens.security",
    "lens.simplicity",
    "lens.tests",
    "plan.system",
    "plan.user",
    "refute.system",
    "refute.user",
    "repair.user",
    "rubric.change",
    "rubric.code",
    "rubric.design",
    "rubric.documentation",
    "rubric.freeform",
    "rubric.specification",
    "synthesis.system",
    "synthesis.user",
];

pub(crate) fn files() -> Vec<PromptFile> {
    let file = |(name, text): (&str, &str)| PromptFile {
        path: format!("built-in:{name}"),
        ..PromptFile::new(name, text)
    };
    FILES.into_iter().map(file).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::PromptSet;

    #[test]
    fn every_file_is_built_in_and_can_be_used() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("prompts");
        let on_disk = crate::read_folder(&folder).unwrap();
        let built_in = files();
        assert_eq!(on_disk.len(), built_in.len());
        for (one, other) in on_disk.iter().zip(&built_in) {
            assert_eq!((&one.name, &one.text), (&other.name, &other.text));
        }
        let set = PromptSet::built_in().unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert_eq!(set.iter().count(), built_in.len());
        assert!(set.warnings().is_empty(), "{:?}", set.warnings());
        for prompt in set.iter() {
            assert!(prompt.front.description.is_some(), "{}", prompt.name);
        }
    }
}
