//! Reading JSON.

use serde::Deserialize;

/// Reads JSON like [`serde_json::from_slice`], but checks the bytes for UTF-8 once instead of text by text.
///
/// ```
/// let numbers: Vec<u32> = forge_http::from_json(b"[1, 2]")?;
/// assert_eq!(numbers, [1, 2]);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn from_json<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> serde_json::Result<T> {
    match std::str::from_utf8(bytes) {
        Ok(text) => serde_json::from_str(text),
        // The error says where.
        Err(_) => serde_json::from_slice(bytes),
    }
}
