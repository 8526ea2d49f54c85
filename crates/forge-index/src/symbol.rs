//! What was asked for by its name: `run`, `Engine::run`, `Engine.run`, `engine::run`.

use crate::{
    error::IndexError,
    facts::{Def, Head},
    tree::stem,
};

/// A name, and the type or the module that it is in, if it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Symbol<'s> {
    pub(crate) name: &'s str,
    around: Option<&'s str>,
}

impl<'s> Symbol<'s> {
    pub(crate) fn parse(text: &'s str) -> Result<Self, IndexError> {
        let trimmed = text.trim().trim_end_matches("()").trim_end_matches('!');
        let mut parts = trimmed.rsplit(['.', ':']).filter(|part| !part.is_empty());
        let (name, around) = (parts.next(), parts.next());
        let is_name = |name: &&str| !name.contains(char::is_whitespace);
        let name = name.filter(is_name).ok_or_else(|| IndexError::Symbol(text.to_owned()))?;
        Ok(Self { name, around })
    }

    /// Whether a definition is meant, in the file with this path. What it is in is a type, a module or the module that is the file.
    pub(crate) fn is(&self, path: &str, head: &Head<'_>, def: &Def<&str>) -> bool {
        let around = || head.def(def.parent).map(|parent| head.name(parent.name));
        head.name(def.name) == self.name
            && self.around.is_none_or(|wanted| {
                def.owner.map(|owner| head.name(owner)) == Some(wanted)
                    || around() == Some(wanted)
                    || (def.owner.is_none() && stem(path) == wanted)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_is_a_name_and_what_it_is_in() {
        for (text, name, around) in [
            ("run", "run", None),
            ("Engine::run", "run", Some("Engine")),
            ("a.b.run()", "run", Some("b")),
            ("vec!", "vec", None),
        ] {
            assert_eq!(Symbol::parse(text).unwrap(), Symbol { name, around }, "{text}");
        }
        for text in ["", "::", "a b", " "] {
            assert!(Symbol::parse(text).is_err(), "{text}");
        }
    }
}
