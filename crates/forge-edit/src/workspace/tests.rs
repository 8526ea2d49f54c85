use std::{fs, os::unix::fs::symlink};

use super::*;

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("forge-edit-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn said(workspace: &Workspace, path: &str) -> String {
    workspace.read(&EditPath::new(path).unwrap()).unwrap_err().to_string()
}

#[test]
fn no_file_is_reached_through_a_link_or_in_another_repository() {
    let folder = Folder::new("links");
    let root = folder.0.join("root");
    for inner in ["root/src", "root/sub/.git", "root/sub/deep", "root/module", "outside"] {
        fs::create_dir_all(folder.0.join(inner)).unwrap();
    }
    fs::write(folder.0.join("outside/x"), "secret").unwrap();
    symlink("../outside", root.join("out")).unwrap();
    symlink("src", root.join("in")).unwrap();
    symlink("../outside/x", root.join("x")).unwrap();
    fs::write(root.join("src/a.rs"), "a").unwrap();
    fs::write(root.join("Readme.md"), "r").unwrap();

    let workspace = Workspace::open(&root).unwrap().with_closed([EditPath::new("module").unwrap()]);
    let read = |path: &str| workspace.read(&EditPath::new(path).unwrap()).unwrap();
    assert_eq!(read("src/a.rs"), Some(b"a".to_vec()));
    assert_eq!(read("src/b.rs"), None);
    assert_eq!(read("new/b.rs"), None);
    for link in ["out/x", "in/a.rs", "x"] {
        assert!(said(&workspace, link).contains("follow no links"), "{link}");
    }
    assert!(said(&workspace, "sub/deep/x").contains("repository of its own, at sub"));
    assert!(said(&workspace, "module/x").contains("repository of its own, at module"));
    assert!(said(&workspace, "src/a.rs/x").contains("no folder"));
    assert!(said(&workspace, "src").contains("no file"));
    assert_eq!(
        said(&workspace, "README.md"),
        "there is Readme.md, which differs from README.md only by upper and lower case"
    );
    assert!(said(&workspace, "SRC/new.rs").contains("there is src"));
    assert!(Workspace::open(root.join("nowhere")).is_err());
}

#[test]
fn a_pipe_is_no_file_and_is_not_waited_for() {
    let folder = Folder::new("pipe");
    let workspace = Workspace::open(&folder.0).unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(folder.0.join("pipe")).status().unwrap();
    assert!(pipe.success());
    assert!(said(&workspace, "pipe").contains("no file"));
}
