use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use forge_edit::{EditFormat, Resolved, Workspace, parse, resolve};

/// A folder that goes away with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        // In memory where that is possible: what is brought to a disk a thousand times takes its time.
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let path = place.join(format!("forge-edit-it-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Every file and link below a folder by its path, with mode and bytes; empty folders are named, too. What is in `.git` is not.
pub(crate) fn files(root: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(root).unwrap().to_owned();
            if name.as_os_str() == ".git" {
                continue;
            }
            let mode = meta.permissions().mode();
            if meta.is_dir() {
                folders.push(path);
                found.insert(name, (0, Vec::new()));
            } else if meta.is_symlink() {
                found.insert(
                    name,
                    (0o120_000, fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()),
                );
            } else if meta.is_file() {
                found.insert(name, (mode, fs::read(&path).unwrap()));
            }
        }
    }
    found
}

pub(crate) fn write(root: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

pub(crate) fn set_mode(root: &Path, path: &str, mode: u32) {
    fs::set_permissions(root.join(path), fs::Permissions::from_mode(mode)).unwrap();
}

pub(crate) fn resolved(workspace: &Workspace, text: &str, format: EditFormat) -> Resolved {
    let set = parse(text, format).unwrap();
    resolve(&set, |path| workspace.read(path)).unwrap()
}

/// How much longer than usual tests are to take.
pub(crate) fn scale() -> usize {
    variable("FORGE_TEST_SCALE").unwrap_or(1)
}

/// The seed that was asked for, or a new one; it is printed.
pub(crate) fn seed() -> u64 {
    let seed = variable("FORGE_TEST_SEED").unwrap_or_else(|| fastrand::u64(..1 << 32));
    println!("FORGE_TEST_SEED={seed} FORGE_TEST_SCALE={}", scale());
    seed
}

pub(crate) fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    #[expect(clippy::disallowed_methods, reason = "a test is set by the environment")]
    let value = std::env::var(name);
    value.ok()?.parse().ok()
}

/// Runs git as the user does.
pub(crate) fn git(root: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").args(arguments).current_dir(root).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Whether git is here, and new enough for checkpoints.
pub(crate) fn git_will_do() -> bool {
    let said = Command::new("git").arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    let said = String::from_utf8_lossy(&said).into_owned();
    let mut numbers = said.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse::<u32>().ok());
    let will_do = (numbers.next(), numbers.next()) >= (Some(2), Some(41));
    if !will_do {
        println!("SKIPPED: checkpoints need git 2.41 or later, and here is {:?}", said.trim());
    }
    will_do
}
