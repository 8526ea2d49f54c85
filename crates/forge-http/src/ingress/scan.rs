//! Looks over a body without reading it: nothing of it is kept, and all of it is checked.
//!
//! The names of fields are those that a parser reads, whatever their spelling; of a field that stands twice the last one
//! counts. A body that is nested deeper than parsers go (128) is refused.

use std::{borrow::Cow, fmt, ops::Range};

use bytes::Bytes;
use forge_core::request::InvalidBody;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};

/// What looks at an object. A list of objects is looked at one by one.
pub trait Fields<'de> {
    /// Takes the value of a field from `map`, once.
    ///
    /// # Errors
    /// Those of the value.
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error>;

    /// A text stands in the place of the object.
    fn text(&mut self, _text: &str) {}

    /// A number, a truth value or nothing stands in the place of the object.
    fn scalar(&mut self) {}

    /// A list begins.
    fn list(&mut self) {}

    /// An object begins.
    fn begin(&mut self) {}

    /// All fields of the object were there.
    fn end(&mut self) {}
}

/// Looks over `body`, which is an object. `false` means that it is JSON of another form: whoever reads it says what is wrong.
///
/// # Errors
/// It is not JSON, or nested too deep.
pub fn scan<'de>(body: &'de Bytes, fields: &mut impl Fields<'de>) -> Result<bool, InvalidBody> {
    let refused = |error: &dyn fmt::Display| InvalidBody::new(format!("the body: {error}"));
    let text = std::str::from_utf8(body).map_err(|error| refused(&error))?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let mut is_object = false;
    let seen = Of { fields, is_object: &mut is_object }.deserialize(&mut deserializer);
    match seen.and_then(|()| deserializer.end()) {
        Ok(()) => Ok(is_object),
        Err(error) if error.is_data() => Ok(false),
        Err(error) => Err(refused(&error)),
    }
}

/// Where `part`, which stands in `body`, stands there.
pub fn place(body: &Bytes, part: &str) -> Option<Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(body.as_ptr() as usize)?;
    let range = start..start + part.len();
    (body.get(range.clone())? == part.as_bytes()).then_some(range)
}

/// Whether `body` holds state that this server has sealed, and that has to be opened before anybody gets it: as a text, in the id
/// of a call, or as a text in base64.
pub fn is_sealed(body: &Bytes) -> bool {
    let ends = |at: usize| matches!(body.get(at + 3), Some(b'.' | b'_'));
    memchr::memmem::find_iter(body, b"fg1").any(ends) || memchr::memmem::find(body, b"ZmcxL").is_some()
}

/// Shows the value of a field to `fields`: an object, a list of objects, or a text.
///
/// # Errors
/// Those of the value.
pub fn look<'de, A: MapAccess<'de>>(map: &mut A, fields: &mut impl Fields<'de>) -> Result<(), A::Error> {
    map.next_value_seed(Of { fields, is_object: &mut false })
}

/// The bytes of the value of a field as compact JSON, rather too many than too few.
///
/// # Errors
/// Those of the value.
pub fn json<'de, A: MapAccess<'de>>(map: &mut A) -> Result<u64, A::Error> {
    let mut length = Json(0);
    look(map, &mut length)?;
    Ok(length.0)
}

/// The bytes of the text that is the value of a field; 0 for any other value.
///
/// # Errors
/// Those of the value.
pub fn length<'de, A: MapAccess<'de>>(map: &mut A) -> Result<u64, A::Error> {
    let mut length = Length(0);
    look(map, &mut length)?;
    Ok(length.0)
}

struct Length(u64);

impl<'de> Fields<'de> for Length {
    fn field<A: MapAccess<'de>>(&mut self, _: &str, map: &mut A) -> Result<(), A::Error> {
        json(map).map(|_| ())
    }

    fn text(&mut self, text: &str) {
        self.0 = text.len() as u64;
    }
}

struct Json(u64);

/// What stands around a value: its quotes or braces, and a comma.
const AROUND: u64 = 3;
/// No number is longer once it was read.
const LONGEST_NUMBER: u64 = 24;

impl<'de> Fields<'de> for Json {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        // With its quotes and its colon.
        self.0 += name.len() as u64 + 3;
        look(map, self)
    }

    fn text(&mut self, text: &str) {
        let escaped = |byte: u8| match byte {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 1,
            0..0x20 => 5,
            _ => 0,
        };
        self.0 += text.len() as u64 + AROUND + text.bytes().map(escaped).sum::<u64>();
    }

    fn scalar(&mut self) {
        self.0 += LONGEST_NUMBER;
    }

    fn list(&mut self) {
        self.0 += AROUND;
    }

    fn begin(&mut self) {
        self.0 += AROUND;
    }
}

struct Of<'f, F> {
    fields: &'f mut F,
    is_object: &'f mut bool,
}

impl<'de, F: Fields<'de>> DeserializeSeed<'de> for Of<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: Fields<'de>> Visitor<'de> for Of<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        *self.is_object = true;
        self.fields.begin();
        while let Some(Name(name)) = map.next_key()? {
            self.fields.field(&name, &mut map)?;
        }
        self.fields.end();
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self { fields, .. } = self;
        fields.list();
        while items.next_element_seed(Of { fields: &mut *fields, is_object: &mut false })?.is_some() {}
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.fields.text(text);
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.fields.scalar();
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.fields.scalar();
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.fields.scalar();
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.fields.scalar();
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.fields.scalar();
        Ok(())
    }
}

/// The name of a field, borrowed where it is written as it is read.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a field")
            }

            fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(name))
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(name.to_owned()))
            }
        }

        deserializer.deserialize_str(Names).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Noted(Vec<(String, u64)>);

    impl<'de> Fields<'de> for Noted {
        fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
            let length = json(map)?;
            self.0.push((name.to_owned(), length));
            Ok(())
        }
    }

    fn noted(body: &str) -> Result<(bool, Noted), InvalidBody> {
        let (mut noted, body) = (Noted::default(), Bytes::copy_from_slice(body.as_bytes()));
        scan(&body, &mut noted).map(|is_object| (is_object, noted))
    }

    #[test]
    fn names_are_what_a_parser_reads() {
        let (is_object, noted) =
            noted(r#"{"\u006dodel": "x", "b": [1e3, {"c": "yz"}, null, true]}"#).unwrap();
        assert_eq!(
            (is_object, noted.0),
            (true, vec![("model".into(), 4), ("b".into(), 3 + 24 + 3 + 4 + 5 + 48)])
        );
        for other in ["[]", "\"a\"", "7", "null"] {
            assert!(!self::noted(other).unwrap().0, "{other}");
        }
    }

    #[test]
    fn what_is_no_json_or_too_deep_is_refused() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(noted(&nested(126)).is_ok());
        for bad in ["{", "{\"a\":1}x", "{\"a\":01}", "{\"a\":\"\\q\"}", &nested(128), &nested(100_000)] {
            assert!(noted(bad).is_err(), "{}", &bad[..bad.len().min(20)]);
        }
        let bytes = Bytes::from_static(b"{\"a\":\"\xff\"}");
        assert!(scan(&bytes, &mut Noted::default()).is_err());
    }
}
