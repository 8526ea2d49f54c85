//! What is known of one file: a pure function of its language and its bytes, so that an index that grew by edits equals one
//! that was made at once. Names are kept as written; what they mean is found when it is asked for.

use std::collections::HashMap;

use crate::{
    codec::{Reader, Writer},
    kind::Kind,
};

/// A definition. Names are numbers in the file's list of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Def<S> {
    pub(crate) name: u32,
    pub(crate) kind: Kind,
    /// The first and the last line, counted from 1.
    pub(crate) lines: (u32, u32),
    /// The definition around it, by its place in the list.
    pub(crate) parent: Option<u32>,
    /// The type that it belongs to.
    pub(crate) owner: Option<u32>,
    pub(crate) is_test: bool,
    /// Its head, on one line.
    pub(crate) signature: S,
    /// The first paragraph of its documentation.
    pub(crate) doc: S,
}

/// A name that comes from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Import<S> {
    /// Where from, as the language writes it.
    pub(crate) path: S,
    /// The name there; empty for the module itself, `*` for all names.
    pub(crate) name: S,
    /// The name here; empty if there is none.
    pub(crate) alias: S,
    pub(crate) line: u32,
}

/// What stands before a name that is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Qualifier {
    /// Nothing.
    Plain,
    /// A value whose type is not known.
    Member,
    /// The type around it: `self`, `this`, `Self`.
    Own(u32),
    /// A path of names.
    Path(u32),
}

/// The use of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ref {
    pub(crate) line: u32,
    pub(crate) name: u32,
    pub(crate) kind: Kind,
    pub(crate) qualifier: Qualifier,
    /// The definition around it, by its place in the list.
    pub(crate) inside: Option<u32>,
}

/// Everything about a file, while it is put together.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
    /// In the order of the text.
    pub(crate) defs: Vec<Def<String>>,
    pub(crate) imports: Vec<Import<String>>,
    /// In the order of the lines.
    pub(crate) refs: Vec<Ref>,
    /// The documentation of the file itself.
    pub(crate) doc: String,
}

impl Facts {
    /// The number of a name.
    pub(crate) fn name(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }

    /// In few bytes.
    pub(crate) fn encode(&self) -> Blob {
        let mut sections = [(); 3].map(|()| Writer::default());
        let [head, imports, refs] = &mut sections;
        head.number(self.names.len() as u64);
        self.names.iter().for_each(|name| head.text(name));
        head.text(&self.doc);
        head.number(self.defs.len() as u64);
        self.defs.iter().for_each(|def| encode_def(head, def));
        imports.number(self.imports.len() as u64);
        for one in &self.imports {
            imports.text(&one.path);
            imports.text(&one.name);
            imports.text(&one.alias);
            imports.number(one.line.into());
        }
        let mut line = 0;
        for one in &self.refs {
            refs.number(u64::from(one.line.saturating_sub(line)));
            line = one.line;
            refs.number(one.name.into());
            let (tag, path) = match one.qualifier {
                Qualifier::Plain => (0, None),
                Qualifier::Member => (1, None),
                Qualifier::Own(owner) => (2, Some(owner)),
                Qualifier::Path(path) => (3, Some(path)),
            };
            refs.number(u64::from(one.kind.code() << 2 | tag));
            if let Some(path) = path {
                refs.number(path.into());
            }
            refs.number(option(one.inside));
        }
        let mut whole = Writer::default();
        for section in sections {
            whole.bytes(&section.into_bytes());
        }
        Blob(whole.into_bytes().into())
    }
}

fn encode_def(writer: &mut Writer, def: &Def<String>) {
    writer.number(def.name.into());
    writer.number(u64::from(def.kind.code() << 1 | u32::from(def.is_test)));
    writer.number(def.lines.0.into());
    writer.number(u64::from(def.lines.1.saturating_sub(def.lines.0)));
    writer.number(option(def.parent));
    writer.number(option(def.owner));
    writer.text(&def.signature);
    writer.text(&def.doc);
}

/// Zero is none.
fn option(number: Option<u32>) -> u64 {
    number.map_or(0, |number| u64::from(number) + 1)
}

/// The facts of a file in few bytes; parts are read where they are needed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Blob(pub(crate) Box<[u8]>);

/// The names, definitions and imports of a file.
#[derive(Debug, Default)]
pub(crate) struct Head<'a> {
    pub(crate) names: Vec<&'a str>,
    pub(crate) doc: &'a str,
    pub(crate) defs: Vec<Def<&'a str>>,
    pub(crate) imports: Vec<Import<&'a str>>,
}

impl<'a> Head<'a> {
    /// The name with this number.
    pub(crate) fn name(&self, number: u32) -> &'a str {
        usize::try_from(number).ok().and_then(|number| self.names.get(number)).copied().unwrap_or_default()
    }

    pub(crate) fn owner(&self, def: &Def<&'a str>) -> Option<&'a str> {
        def.owner.map(|owner| self.name(owner))
    }

    /// The definition at this place in the list.
    pub(crate) fn def(&self, number: Option<u32>) -> Option<&Def<&'a str>> {
        self.defs.get(usize::try_from(number?).ok()?)
    }
}

impl Blob {
    fn section(&self, number: usize) -> Option<Reader<'_>> {
        let mut whole = Reader(&self.0);
        for _ in 0..number {
            whole.bytes()?;
        }
        whole.bytes().map(Reader)
    }

    /// Whether one of the names occurs in the file.
    pub(crate) fn mentions(&self, wanted: impl Fn(&str) -> bool) -> bool {
        let Some(mut reader) = self.section(0) else { return false };
        let count = reader.number().unwrap_or(0);
        (0..count).map_while(|_| reader.text()).any(wanted)
    }

    /// The names, definitions and imports. Bytes that cannot be read give none of them.
    pub(crate) fn head(&self) -> Head<'_> {
        self.read_head().unwrap_or_default()
    }

    fn read_head(&self) -> Option<Head<'_>> {
        let mut reader = self.section(0)?;
        let names = list(&mut reader, Reader::text)?;
        let doc = reader.text()?;
        let defs = list(&mut reader, decode_def)?;
        let imports = list(&mut self.section(1)?, |reader| {
            Some(Import {
                path: reader.text()?,
                name: reader.text()?,
                alias: reader.text()?,
                line: reader.small()?,
            })
        })?;
        Some(Head { names, doc, defs, imports })
    }

    /// The uses, in the order of the lines.
    pub(crate) fn refs(&self) -> impl Iterator<Item = Ref> {
        let mut reader = self.section(2).unwrap_or(Reader(&[]));
        let mut line = 0_u32;
        std::iter::from_fn(move || {
            let one = decode_ref(&mut reader, line)?;
            line = one.line;
            Some(one)
        })
    }
}

fn list<'a, T>(reader: &mut Reader<'a>, item: impl Fn(&mut Reader<'a>) -> Option<T>) -> Option<Vec<T>> {
    let count = reader.number()?;
    (0..count).map(|_| item(reader)).collect()
}

fn decode_def<'a>(reader: &mut Reader<'a>) -> Option<Def<&'a str>> {
    let name = reader.small()?;
    let kind = reader.small()?;
    let first = reader.small()?;
    let last = first.checked_add(reader.small()?)?;
    Some(Def {
        name,
        kind: Kind::from_code(kind >> 1)?,
        is_test: kind & 1 == 1,
        lines: (first, last),
        parent: reader.small()?.checked_sub(1),
        owner: reader.small()?.checked_sub(1),
        signature: reader.text()?,
        doc: reader.text()?,
    })
}

fn decode_ref(reader: &mut Reader<'_>, line: u32) -> Option<Ref> {
    let line = line.checked_add(reader.small()?)?;
    let name = reader.small()?;
    let code = reader.small()?;
    let qualifier = match code & 3 {
        0 => Qualifier::Plain,
        1 => Qualifier::Member,
        2 => Qualifier::Own(reader.small()?),
        _ => Qualifier::Path(reader.small()?),
    };
    let inside = reader.small()?.checked_sub(1);
    Some(Ref { line, name, kind: Kind::from_code(code >> 2)?, qualifier, inside })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let mut facts = Facts::default();
        let (name, owner) = (facts.name("run"), facts.name("Engine"));
        assert_eq!(facts.name("run"), name);
        facts.defs.push(Def {
            name,
            kind: Kind::Method,
            lines: (3, 9),
            parent: None,
            owner: Some(owner),
            is_test: true,
            signature: "fn run()".into(),
            doc: "Runs.".into(),
        });
        facts.imports.push(Import { path: "a".into(), name: "b".into(), alias: "c".into(), line: 1 });
        for qualifier in [Qualifier::Plain, Qualifier::Member, Qualifier::Own(owner), Qualifier::Path(name)] {
            facts.refs.push(Ref { line: 300, name, kind: Kind::Call, qualifier, inside: Some(0) });
        }
        facts
    }

    #[test]
    fn facts_come_back_as_they_were() {
        let facts = facts();
        let blob = facts.encode();
        let head = blob.head();
        assert_eq!(head.names, ["run", "Engine"]);
        let def = &head.defs[0];
        assert_eq!((def.kind, def.lines, def.is_test), (Kind::Method, (3, 9), true));
        assert_eq!((head.owner(def), def.signature, def.doc), (Some("Engine"), "fn run()", "Runs."));
        assert_eq!((head.imports[0].alias, head.imports[0].line), ("c", 1));
        assert_eq!(blob.refs().collect::<Vec<_>>(), facts.refs);
        assert!(blob.mentions(|name| name == "Engine") && !blob.mentions(|name| name == "Other"));
    }

    #[test]
    fn bytes_of_no_facts_give_none() {
        let whole = facts().encode().0;
        for length in 0..whole.len() {
            let blob = Blob(whole[..length].into());
            assert!(blob.refs().count() <= 4 && blob.head().defs.len() <= 1);
        }
        let blob = Blob([0xff; 40].into());
        assert!(blob.head().names.is_empty() && blob.refs().next().is_none());
    }
}
