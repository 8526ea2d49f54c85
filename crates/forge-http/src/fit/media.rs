//! Media types are those of the bytes, whatever a file was called, and base64 is base64 alone.

use std::borrow::Cow;

use forge_core::{
    Message,
    request::{Part, Source},
};

/// How the base64 of what vendors take begins, with its type.
const BEGINNINGS: [(&str, &str); 6] = [
    ("iVBORw0KGgo", "image/png"),
    ("/9j/", "image/jpeg"),
    ("R0lGODdh", "image/gif"),
    ("R0lGODlh", "image/gif"),
    ("JVBERi0", "application/pdf"),
    // `RIFF`; the name of the format stands behind a length, which differs.
    ("UklGR", "image/webp"),
];

/// The real type of a source that claims another one.
struct Correction {
    media_type: Option<String>,
    /// Where the base64 begins.
    begin: usize,
}

pub(super) fn correct(messages: &mut Cow<'_, [Message]>) {
    let parts = |message: &Message| message.parts.iter().any(is_wrong);
    if !messages.iter().any(parts) {
        return;
    }
    for message in messages.to_mut() {
        message.parts.iter_mut().for_each(correct_part);
    }
}

fn is_wrong(part: &Part) -> bool {
    match part {
        Part::Image { source, .. } | Part::Document { source, .. } | Part::Audio { source, .. } => {
            correction(source).is_some()
        }
        Part::ToolResult { content, .. } => content.iter().any(is_wrong),
        _ => false,
    }
}

fn correct_part(part: &mut Part) {
    match part {
        Part::Image { source, .. } | Part::Document { source, .. } | Part::Audio { source, .. } => {
            let Some(Correction { media_type: real, begin }) = correction(source) else { return };
            if let Source::Base64 { media_type, data } = source {
                data.drain(..begin);
                if let Some(real) = real {
                    *media_type = real;
                }
            }
        }
        Part::ToolResult { content, .. } => content.iter_mut().for_each(correct_part),
        _ => {}
    }
}

fn correction(source: &Source) -> Option<Correction> {
    let Source::Base64 { media_type, data } = source else { return None };
    // `data:image/png;base64,AAAA`
    let head = data.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    let (said, base64) = head.map_or((media_type.as_str(), data.as_str()), |(said, base64)| {
        (if said.is_empty() { media_type } else { said }, base64)
    });
    let known = BEGINNINGS.iter().find(|(beginning, _)| base64.starts_with(beginning)).map(|(_, kind)| *kind);
    // Recordings begin with the same four bytes as one kind of picture.
    let real = known.filter(|kind| *kind != "image/webp" || !said.starts_with("audio/")).unwrap_or(said);
    let media_type = (real != media_type).then(|| real.to_owned());
    let begin = data.len() - base64.len();
    (media_type.is_some() || begin > 0).then_some(Correction { media_type, begin })
}

#[cfg(test)]
mod tests {
    use forge_core::request::MessageRole;

    use super::*;

    fn corrected(media_type: &str, data: &str) -> (String, String) {
        let part = Part::image_base64(media_type, data);
        let written = [Message::new(MessageRole::User, vec![Part::tool_result_parts("a", vec![part])])];
        let mut messages = Cow::Borrowed(&written[..]);
        correct(&mut messages);
        let Part::ToolResult { content, .. } = &messages[0].parts[0] else { panic!() };
        let Part::Image { source: Source::Base64 { media_type, data }, .. } = &content[0] else { panic!() };
        (media_type.clone(), data.clone())
    }

    #[test]
    fn the_bytes_say_what_they_are() {
        for (said, data, real) in [
            ("image/jpeg", "iVBORw0KGgoAAAA", "image/png"),
            ("image/png", "/9j/4AAQ", "image/jpeg"),
            ("image/png", "R0lGODlhAQAB", "image/gif"),
            ("image/png", "UklGRiQAAABXRUJQ", "image/webp"),
            ("text/plain", "JVBERi0xLjQ", "application/pdf"),
            ("audio/wav", "UklGRiQAAABXQVZF", "audio/wav"),
            ("image/heic", "AAAA", "image/heic"),
        ] {
            assert_eq!(corrected(said, data), (real.to_owned(), data.to_owned()));
        }
    }

    #[test]
    fn a_data_url_is_taken_apart() {
        let found = corrected("image/jpeg", "data:image/webp;base64,AAAA");
        assert_eq!(found, ("image/webp".to_owned(), "AAAA".to_owned()));
        let found = corrected("image/jpeg", "data:image/jpeg;base64,iVBORw0KGgoA");
        assert_eq!(found, ("image/png".to_owned(), "iVBORw0KGgoA".to_owned()));
    }
}
