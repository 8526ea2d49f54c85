//! What every store of prompts does.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use forge_core::{
    storage::prompts::{LabelMove, PromptStore, PromptText, PromptVersion},
    time::Clock as _,
};

use super::{Subject, at_once, wait};

/// Times are kept to the millisecond.
fn now<S>(subject: &Subject<S>) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(subject.clock().now().timestamp_millis()).unwrap()
}

fn text(name: &str, number: u32) -> PromptText {
    PromptText::new(
        name,
        format!("{number:012x}"),
        format!("{name}.md.jinja"),
        format!("Text {number} of \u{e4}\n"),
    )
}

fn keep<S: PromptStore>(store: &S, prompt: PromptText, now: DateTime<Utc>) -> u32 {
    wait(store.keep_prompt(prompt, now)).unwrap()
}

/// A version has its number from its first use on, and comes back as it was.
pub fn a_version_is_numbered_once_and_never_changes<S: PromptStore + 'static>(subject: &Subject<S>) {
    let (one, other, begin) = (subject.open(), subject.open(), now(subject));
    let later = begin + Duration::from_secs(60);
    let parts = BTreeMap::from([("part.jinja".to_owned(), "A part.\n".to_owned())]);
    let first = text("a", 1).with_parts(parts);
    assert_eq!(keep(&*one, first.clone(), begin), 1);
    assert_eq!(keep(&*other, text("a", 2), begin), 2);
    assert_eq!(keep(&*other, text("b", 1), begin), 1, "each name has numbers of its own");
    // The same hash is the same version, whatever else is said.
    let mut changed = text("a", 1);
    changed.text = "changed".into();
    assert_eq!(keep(&*other, changed, later), 1);
    let all = wait(one.prompt_versions(None)).unwrap();
    let versions = [(1, first), (2, text("a", 2)), (1, text("b", 1))];
    let expected: Vec<_> =
        versions.into_iter().map(|(number, text)| PromptVersion::new(number, text, begin)).collect();
    assert_eq!(all, expected);
    assert_eq!(wait(other.prompt_versions(Some("b"))).unwrap(), expected[2..]);
    assert!(wait(other.prompt_versions(Some("%"))).unwrap().is_empty());

    let numbers = at_once(subject, 6, move |store, at| {
        let number = u32::try_from(at % 3).unwrap() + 1;
        (number, wait(store.keep_prompt(text("c", number), begin)).unwrap())
    });
    let by_text: BTreeMap<_, _> = numbers.iter().copied().collect();
    assert!(numbers.iter().all(|(text, number)| by_text[text] == *number), "{numbers:?}");
    let mut distinct: Vec<_> = by_text.into_values().collect();
    distinct.sort_unstable();
    assert_eq!(distinct, [1, 2, 3]);
}

/// A label points where it was set last, goes back step by step, and tells how it came there.
pub fn a_label_is_moved_and_goes_back<S: PromptStore>(subject: &Subject<S>) {
    let (one, other, begin) = (subject.open(), subject.open(), now(subject));
    (1..=3).for_each(|number| {
        keep(&*one, text("a", number), begin);
    });
    let set = |label: &str, version| wait(one.move_label("a", label, version, begin, "ann")).unwrap();
    let back = || wait(other.move_label("a", "production", None, begin, "bob")).unwrap();
    assert_eq!(back(), None, "there is nothing to go back to");
    assert_eq!(set("production", Some(4)), None, "there is no such version");
    assert_eq!(wait(one.move_label("b", "production", Some(1), begin, "ann")).unwrap(), None);
    assert!(wait(one.label_moves(None)).unwrap().is_empty());

    assert_eq!([1, 2, 3].map(|version| set("production", Some(version))), [1, 2, 3].map(Some));
    assert_eq!(set("trial", Some(2)), Some(2));
    // From where a label went back it goes on, and back from there.
    assert_eq!((back(), back(), back()), (Some(2), Some(1), None));
    assert_eq!((set("production", Some(3)), back(), back()), (Some(3), Some(1), None));
    let moves = wait(other.label_moves(Some("a"))).unwrap();
    let production: Vec<_> = moves.iter().filter(|one| &*one.label == "production").collect();
    assert_eq!(production.iter().map(|one| one.version).collect::<Vec<_>>(), [1, 2, 3, 2, 1, 3, 1]);
    assert_eq!(*production[3], LabelMove::new("a", "production", 2, begin, "bob"));
    assert_eq!(moves.len(), 8);
    assert!(wait(other.label_moves(Some("b"))).unwrap().is_empty());
}
