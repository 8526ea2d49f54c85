//! Which files of a project its hooks run.

use std::path::{Component, Path, PathBuf};

use crate::config::{HookActionPlan, HookPreset};

/// How files are called that an interpreter runs.
const ENDINGS: [&str; 13] =
    ["sh", "bash", "zsh", "fish", "py", "js", "mjs", "cjs", "ts", "rb", "pl", "php", "ps1"];
/// How a line names the project's folder.
const FOLDER: [&str; 2] = ["$FORGE_PROJECT_DIR/", "${FORGE_PROJECT_DIR}/"];

/// The programs and scripts of the `project` that stand in what a hook runs, seen from its folder: every word that names
/// a file there which can be run, or is called as scripts are. What such a script runs in its turn is not seen.
pub(crate) fn scripts(action: &HookActionPlan, project: &Path) -> Vec<PathBuf> {
    let words: Vec<&str> = match action {
        HookActionPlan::Program(argv) | HookActionPlan::Preset(HookPreset::RunTests { run: argv }) => {
            argv.iter().map(String::as_str).collect()
        }
        HookActionPlan::Shell(line) => {
            line.split(|c: char| c.is_whitespace() || ";|&()<>'\"`=".contains(c)).collect()
        }
        HookActionPlan::Preset(_) => Vec::new(),
    };
    let mut found: Vec<PathBuf> = words.into_iter().filter_map(|word| script(word, project)).collect();
    found.sort();
    found.dedup();
    found
}

fn script(word: &str, project: &Path) -> Option<PathBuf> {
    let named = FOLDER.iter().find_map(|folder| word.strip_prefix(folder)).unwrap_or(word);
    let path = Path::new(named);
    let path = path.strip_prefix(project).unwrap_or(path);
    // What is elsewhere on the machine is the user's own, and no file of the project.
    let is_inside = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let whole = project.join(path);
    let can_run = || {
        let ending = path.extension().and_then(|ending| ending.to_str());
        ending.is_some_and(|ending| ENDINGS.contains(&ending)) || is_executable(&whole)
    };
    (!named.is_empty() && is_inside && whole.is_file() && can_run())
        .then(|| path.components().filter(|part| *part != Component::CurDir).collect())
}

fn is_executable(path: &Path) -> bool {
    #[cfg(unix)]
    return path
        .metadata()
        .is_ok_and(|it| std::os::unix::fs::PermissionsExt::mode(&it.permissions()) & 0o111 != 0);
    #[cfg(not(unix))]
    return path.extension().is_some_and(|ending| ending == "exe" || ending == "bat" || ending == "cmd");
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn words_that_name_scripts_of_the_project_are_found() {
        let project = std::env::temp_dir().join(format!("forge-scripts-{}", std::process::id()));
        fs::create_dir_all(project.join("ci")).unwrap();
        for name in ["ci/guard.sh", "ci/check.py", "Cargo.toml"] {
            fs::write(project.join(name), "").unwrap();
        }
        let of = |action: HookActionPlan| scripts(&action, &project);
        let argv =
            |words: &[&str]| HookActionPlan::Program(words.iter().map(|&word| word.to_owned()).collect());
        assert_eq!(of(argv(&["./ci/guard.sh", "Cargo.toml"])), [Path::new("ci/guard.sh")]);
        assert_eq!(of(argv(&["python3", "ci/check.py"])), [Path::new("ci/check.py")]);
        assert_eq!(of(argv(&["sh", "../ci/guard.sh", "/bin/sh", "gone.sh", ""])), [] as [&Path; 0]);
        assert_eq!(of(argv(&[&project.join("ci/guard.sh").to_string_lossy()])), [Path::new("ci/guard.sh")]);
        let line = "cd x; \"$FORGE_PROJECT_DIR/ci/guard.sh\"|python3 ${FORGE_PROJECT_DIR}/ci/check.py";
        assert_eq!(
            of(HookActionPlan::Shell(line.to_owned())),
            [Path::new("ci/check.py"), Path::new("ci/guard.sh")]
        );
        fs::remove_dir_all(&project).unwrap();
    }
}
