//! Identifiers. Each is its own type, so that a model id cannot stand where a provider id belongs.

use std::{fmt, sync::Arc};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::{NoContext, Timestamp, Uuid};

macro_rules! string_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(from = "String", into = "String")]
        // Shared text: ids are copied into every context, candidate and record.
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps `id` as it is; nothing is trimmed or folded.
            pub fn new(id: impl Into<Arc<str>>) -> Self {
                // Whether two spellings are one name is known to the vendor alone.
                Self(id.into())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id.into())
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.into())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                &*self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                &*self.0 == *other
            }
        }
    };
}

string_id! {
    /// A model's name as its vendor spells it, such as `claude-sonnet-5-5`.
    ModelId
}

impl ModelId {
    /// The id without a date at its end (`-20261109` or `-2026-11-09`), which names a snapshot of the
    /// model; `None` if there is none.
    pub fn undated(&self) -> Option<&str> {
        let id = self.as_str();
        [9, 11].into_iter().find_map(|length| {
            // A date alone is a name, and no name with a date.
            let end = id.len().checked_sub(length).filter(|end| *end > 0 && id.as_bytes()[*end] == b'-')?;
            is_date(&id.as_bytes()[end + 1..]).then(|| &id[..end])
        })
    }
}

/// Whether the text is `20261109` or `2026-11-09`. Without a calendar: no model is named after 31 February.
fn is_date(text: &[u8]) -> bool {
    let is_number = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
    match *text {
        [_, _, _, _, b'-', m1, m2, b'-', d1, d2] => {
            is_number(&text[..4])
                && (*b"01"..=*b"12").contains(&[m1, m2])
                && (*b"01"..=*b"31").contains(&[d1, d2])
                && is_number(&[m1, m2, d1, d2])
        }
        _ => text.len() == 8 && is_number(text),
    }
}

string_id! {
    /// The id under which a provider is configured, such as `claude` or `laptop`.
    /// Two configured providers may speak to the same vendor.
    ProviderId
}

/// One call from the caller's point of view. Every attempt that serves the call carries it.
///
/// A UUIDv7: ids sort by the time of the call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CallId(Uuid);

impl CallId {
    /// A fresh id for a call that starts at `now`.
    pub fn new(now: DateTime<Utc>) -> Self {
        // The form of the id has no time before 1970.
        let seconds = u64::try_from(now.timestamp()).unwrap_or(0);
        let time = Timestamp::from_unix(NoContext, seconds, now.timestamp_subsec_nanos());
        Self(Uuid::new_v7(time))
    }

    /// When the call was intended, to the millisecond. Of an id that was not made of a time it says nothing.
    pub fn begun_at(self) -> DateTime<Utc> {
        // A UUIDv7 begins with 48 bits of milliseconds since 1970 (RFC 9562).
        let millis = i64::try_from(self.as_u128() >> 80).ok();
        millis.and_then(DateTime::from_timestamp_millis).unwrap_or_default()
    }

    /// The id with exactly these 128 bits, for replay and tests.
    pub const fn from_u128(bits: u128) -> Self {
        Self(Uuid::from_u128(bits))
    }

    /// The 128 bits of the id.
    pub const fn as_u128(self) -> u128 {
        self.0.as_u128()
    }
}

impl std::str::FromStr for CallId {
    type Err = uuid::Error;

    /// Reads what the id is written as.
    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_ids_sort_by_time() {
        let early = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let late = DateTime::from_timestamp(1_700_000_001, 0).unwrap();
        assert!(CallId::new(early) < CallId::new(late));
        assert_eq!(CallId::new(late).begun_at(), late);
    }

    #[test]
    fn ids_are_plain_strings_in_json() {
        let id: ModelId = serde_json::from_str("\"claude-opus-5-5\"").unwrap();
        assert_eq!(id, "claude-opus-5-5");
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"claude-opus-5-5\"");
    }
}
