//! Texts with edits, in every format.

use forge_edit::{EditFormat, parse, resolve};

/// Between the file and the text.
const BORDER: &str = "\n%%%\n";

/// The text, read in every format, is prose, edits or an error at one of its lines; each byte has its place. What is edited is a file
/// that stands before a border: it comes to something or is refused, and prose alone changes nothing.
pub fn edits(data: &[u8]) {
    let whole = String::from_utf8_lossy(data);
    let (file, text) = whole.split_once(BORDER).unwrap_or(("", &whole));
    for format in EditFormat::ALL {
        let set = match parse(text, format) {
            Ok(set) => set,
            Err(why) => {
                assert!((1..=text.split('\n').count()).contains(&why.line), "{format}: {why}");
                continue;
            }
        };
        let mut at = 0;
        for span in &set.spans {
            assert!(span.bytes.start == at && span.bytes.end > at, "{format}: {span:?} behind {at}");
            assert!(span.edit.is_none_or(|edit| edit < set.files.len()), "{format}: {span:?}");
            at = span.bytes.end;
        }
        assert_eq!(at, text.len(), "{format}");
        let edited = set.spans.iter().filter(|span| span.edit.is_some()).count();
        assert!(set.files.len() <= edited, "{format}: {} files in {edited} spans", set.files.len());
        match resolve(&set, |_| Ok::<_, String>(Some(file.as_bytes().to_vec()))) {
            Ok(resolved) => assert!(set.files.is_empty() == resolved.files.is_empty(), "{format}"),
            Err(refused) => assert!(!refused.refusals.is_empty() && !refused.to_string().is_empty()),
        }
    }
}
