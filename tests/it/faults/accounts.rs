use std::{
    fs,
    io::{Seek as _, SeekFrom, Write as _},
};

use crate::{place::Place, with_sim};

/// Puts `bytes` at `at` of the accounts.
fn overwrite(place: &Place, at: u64, bytes: &[u8]) {
    let mut file = fs::File::options().write(true).open(place.path("forge.db")).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}

#[test]
fn accounts_in_any_state_fail_no_call_and_say_so() {
    type Damage = fn(&Place);
    let damages: [(&str, Damage); 7] = [
        ("cut in half", |place| {
            let file = fs::File::options().write(true).open(place.path("forge.db")).unwrap();
            file.set_len(file.metadata().unwrap().len() / 2).unwrap();
        }),
        ("no database", |place| {
            fs::write(place.path("forge.db"), "no database at all, ".repeat(500)).unwrap();
        }),
        ("flipped bytes in the schema", |place| overwrite(place, 100, &[0xff; 3_000])),
        // A format that SQLite may read, but not write: also root has to keep to it.
        ("read only", |place| overwrite(place, 18, &[3])),
        ("from the future", |place| overwrite(place, 60, &99_u32.to_be_bytes())),
        ("a folder", |place| {
            fs::remove_file(place.path("forge.db")).unwrap();
            fs::create_dir(place.path("forge.db")).unwrap();
        }),
        ("a disk without room", |place| {
            fs::remove_file(place.path("forge.db")).unwrap();
            // Every write to this device fails like one to a full disk.
            #[cfg(target_os = "linux")]
            std::os::unix::fs::symlink("/dev/full", place.path("forge.db")).unwrap();
            #[cfg(not(target_os = "linux"))]
            fs::create_dir(place.path("forge.db")).unwrap();
        }),
    ];
    with_sim("{}", |sim| {
        for (name, damage) in damages {
            let place = Place::with("accounts", sim, "default_provider: claude\n");
            assert_eq!(place.run(&["ask", "hello"]).code, Some(0));
            damage(&place);
            for _ in 0..3 {
                let said = place.run(&["ask", "hello"]);
                assert!(said.code == Some(0) && said.stdout.contains("hello"), "{name}: {said:?}");
                assert!(said.stderr.contains("spool"), "{name}: {}", said.stderr);
            }
            let said = place.run(&["run", "hello", "--mode", "direct"]);
            assert_eq!(said.code, Some(0), "{name}: {}", said.stderr);
            assert!(said.stderr.contains("kept in memory only"), "{name}: {}", said.stderr);
            // What went to the spool comes back once the file is good again.
            let path = place.path("forge.db");
            let _ = fs::remove_dir(&path).or_else(|_| fs::remove_file(&path));
            for rest in ["-wal", "-shm"] {
                let _ = fs::remove_file(format!("{path}{rest}"));
            }
            assert_eq!(place.run(&["ask", "hello"]).code, Some(0));
            let said = place.run(&["metrics", "export", "--format", "jsonl", "-q"]);
            assert_eq!((said.code, said.stdout.lines().count()), (Some(0), 5), "{name}: {said:?}");
        }
    });
}
