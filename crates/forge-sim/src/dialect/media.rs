//! Attachments: what their bytes are, whatever a client calls them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What is wrong with bytes that a client sends as base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// The text begins with `data:`, so the client has put a prefix before a prefix.
    DataUrl,
    NotBase64,
    /// The bytes are of another kind than the client says.
    Contradicts {
        seen: &'static str,
    },
    /// The bytes are of no kind that a vendor reads.
    Unreadable,
}

/// How each kind of file starts.
const MAGIC: &[(&str, usize, &[u8])] = &[
    ("image/png", 0, b"\x89PNG"),
    ("image/jpeg", 0, b"\xff\xd8\xff"),
    ("image/gif", 0, b"GIF8"),
    ("image/webp", 8, b"WEBP"),
    ("application/pdf", 0, b"%PDF"),
];

/// Three bytes tell a kind, so that a test needs no whole picture.
const SHORTEST: usize = 3;

/// Compares the bytes with the media type that they are said to have.
pub(super) fn check(media_type: &str, data: &str) -> Result<(), Flaw> {
    if data.trim_start().starts_with("data:") {
        return Err(Flaw::DataUrl);
    }
    let bytes = STANDARD.decode(data.trim_end()).map_err(|_| Flaw::NotBase64)?;
    match kind(&bytes) {
        Some(seen) if seen == media_type => Ok(()),
        Some(seen) => Err(Flaw::Contradicts { seen }),
        None if MAGIC.iter().any(|(known, ..)| *known == media_type) => Err(Flaw::Unreadable),
        None => Ok(()),
    }
}

fn kind(bytes: &[u8]) -> Option<&'static str> {
    let starts = |at: usize, magic: &[u8]| {
        let found = bytes.get(at..).unwrap_or_default();
        let length = found.len().min(magic.len());
        length >= SHORTEST && found[..length] == magic[..length]
    };
    MAGIC.iter().find(|(_, at, magic)| starts(*at, magic)).map(|(kind, ..)| *kind)
}

/// The media type and the base64 text of a `data:` URL.
pub(super) fn data_url(url: &str) -> Option<(&str, &str)> {
    let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
    Some((head.strip_suffix(";base64")?, data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_speak_louder_than_media_types() {
        assert_eq!(check("image/png", "iVBORw=="), Ok(()));
        assert_eq!(check("image/jpeg", "iVBORw=="), Err(Flaw::Contradicts { seen: "image/png" }));
        assert_eq!(check("application/pdf", "JVBE"), Ok(()));
        assert_eq!(check("image/png", "AAAA"), Err(Flaw::Unreadable));
        assert_eq!(check("image/png", ""), Err(Flaw::Unreadable));
        assert_eq!(check("image/png", "data:image/png;base64,iVBORw=="), Err(Flaw::DataUrl));
        assert_eq!(check("image/png", "not base64!"), Err(Flaw::NotBase64));
        assert_eq!(check("audio/wav", "AAAA"), Ok(()), "other kinds are not looked into");
    }

    #[test]
    fn a_data_url_has_two_halves() {
        assert_eq!(data_url("data:image/png;base64,AAAA"), Some(("image/png", "AAAA")));
        assert_eq!(data_url("data:image/png,AAAA"), None);
        assert_eq!(data_url("https://example.com/a.png"), None);
    }
}
