use std::{fs, path::Path};

/// Seeds and finds, not what a fuzzer collects.
const LARGEST: usize = 200 * 1024;

#[test]
fn what_was_fuzzed_still_holds() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let mut targets: Vec<String> = fs::read_dir(&corpora)
        .unwrap()
        .map(|folder| folder.unwrap().file_name().into_string().unwrap())
        .collect();
    targets.sort();
    let known: Vec<&str> = forge_fuzz::TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(targets, known, "each corpus has a target, and each target a corpus");
    let mut size = 0;
    for (name, target) in forge_fuzz::TARGETS {
        for file in fs::read_dir(corpora.join(name)).unwrap() {
            let path = file.unwrap().path();
            let data = fs::read(&path).unwrap();
            size += data.len();
            // A panic is caught so that its report can name the file.
            let outcome = std::panic::catch_unwind(|| target(&data));
            assert!(outcome.is_ok(), "{} does not hold", path.display());
        }
    }
    assert!(size <= LARGEST, "the corpora have grown to {size} bytes");
}
