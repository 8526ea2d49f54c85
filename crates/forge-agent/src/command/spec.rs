//! What a command is called, takes and may do.

use std::borrow::Cow;

/// What a command does beyond answering, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Permission {
    /// It shows something.
    Read,
    /// It changes a conversation: who is asked, and what is carried.
    Converse,
    /// It asks models, which costs money.
    Ask,
    /// It changes files.
    Write,
}

impl Permission {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Converse => "converse",
            Self::Ask => "ask",
            Self::Write => "write",
        }
    }
}

/// A command: its names, the forms in which it is typed, and what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommandSpec {
    /// Its name, without `/`.
    pub name: Cow<'static, str>,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// The forms, in the order of the help.
    pub forms: Vec<Form>,
    /// What it may do.
    pub permission: Permission,
}

impl CommandSpec {
    /// A command of this name.
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        permission: Permission,
        forms: impl IntoIterator<Item = Form>,
    ) -> Self {
        Self { name: name.into(), aliases: &[], forms: forms.into_iter().collect(), permission }
    }

    /// The same, under these names as well.
    pub fn with_aliases(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    /// Its names, the first of which is its own.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.name).chain(self.aliases.iter().copied())
    }

    /// The lines of the help: what is typed, and what it does.
    pub fn help(&self) -> Vec<(String, &str)> {
        let rows = self.forms.iter().enumerate().map(|(at, form)| {
            let alias = |alias: &&str| format!(", /{alias}");
            let aliases: String = self.aliases.iter().filter(|_| at == 0).map(alias).collect();
            (format!("/{}{aliases}{}", self.name, form.shown()), &*form.help)
        });
        rows.collect()
    }
}

/// A way to type a command.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Form {
    /// The word that it begins with; `None` for the form without one.
    pub word: Option<&'static str>,
    /// What follows.
    pub arguments: Vec<Argument>,
    /// What it does.
    pub help: Cow<'static, str>,
}

impl Form {
    /// A form that begins with none of its own words.
    pub fn new(arguments: impl IntoIterator<Item = Argument>, help: impl Into<Cow<'static, str>>) -> Self {
        Self { word: None, arguments: arguments.into_iter().collect(), help: help.into() }
    }

    /// The same, for those who begin with this word.
    pub fn behind(self, word: &'static str) -> Self {
        Self { word: Some(word), ..self }
    }

    /// What is typed behind the name, with a blank before it.
    pub(super) fn shown(&self) -> String {
        let word = self.word.map(str::to_owned);
        let arguments = self.arguments.iter().map(Argument::shown);
        let parts: Vec<_> = [String::new()].into_iter().chain(word).chain(arguments).collect();
        parts.join(" ")
    }
}

/// Something that a command takes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Argument {
    /// What the help calls it.
    pub name: Cow<'static, str>,
    /// What it has to be.
    pub kind: ArgumentKind,
    /// Whether it may be left out; only the last ones may.
    pub optional: bool,
}

impl Argument {
    /// One that has to be there.
    pub fn new(name: impl Into<Cow<'static, str>>, kind: ArgumentKind) -> Self {
        Self { name: name.into(), kind, optional: false }
    }

    /// One that may be left out.
    pub fn optional(name: impl Into<Cow<'static, str>>, kind: ArgumentKind) -> Self {
        Self { name: name.into(), kind, optional: true }
    }

    fn shown(&self) -> String {
        if self.optional { format!("[{}]", self.name) } else { self.name.to_string() }
    }
}

/// What an argument has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArgumentKind {
    /// A word without blanks.
    Word,
    /// All the rest of the line.
    Text,
    /// A whole number, from 0.
    Number,
    /// One of these words.
    OneOf(&'static [&'static str]),
}
