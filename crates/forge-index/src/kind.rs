//! What stands at a line, and how sure it is.

use std::{fmt, str::FromStr};

use serde::Serialize;

/// Kinds with their names, in the order of their codes.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)*) => {
        /// What stands at a line: a definition, or the use of one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "kebab-case")]
        #[non_exhaustive]
        pub enum Kind {
            $($(#[$doc])* $kind,)*
        }

        impl Kind {
            /// Every kind, definitions first.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The kind's name, as it is written and read.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// A function outside of a type.
    Function = "function",
    /// A function of a type.
    Method = "method",
    /// A struct or a union.
    Struct = "struct",
    /// An enum.
    Enum = "enum",
    /// A variant of an enum.
    Variant = "variant",
    /// A trait of Rust.
    Trait = "trait",
    /// An interface of TypeScript or Go.
    Interface = "interface",
    /// A class.
    Class = "class",
    /// An `impl` block of Rust.
    Impl = "impl",
    /// A type with another name, or one that belongs to a trait.
    Type = "type",
    /// A constant or a static.
    Constant = "constant",
    /// A variable of a module.
    Variable = "variable",
    /// A field of a type.
    Field = "field",
    /// A module or a namespace.
    Module = "module",
    /// A macro.
    Macro = "macro",
    /// A package, as its manifest names it.
    Package = "package",
    /// A whole file.
    File = "file",
    /// A function is called.
    Call = "call",
    /// A type is used.
    TypeUse = "type-use",
    /// A name is used in any other way.
    NameUse = "name-use",
    /// A macro is called.
    MacroCall = "macro-call",
    /// A name is imported, or handed on.
    Import = "import",
}

impl Kind {
    /// Whether it is a definition and not the use of one.
    pub const fn is_definition(self) -> bool {
        !matches!(self, Self::Call | Self::TypeUse | Self::NameUse | Self::MacroCall | Self::Import)
    }

    /// Whether what stands directly inside belongs to a type.
    pub(crate) const fn has_members(self) -> bool {
        matches!(self, Self::Struct | Self::Enum | Self::Trait | Self::Interface | Self::Class | Self::Impl)
    }

    pub(crate) fn code(self) -> u32 {
        Self::ALL.iter().zip(0..).find(|(kind, _)| **kind == self).map_or(0, |(_, code)| code)
    }

    pub(crate) fn from_code(code: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(code).ok()?).copied()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text names no kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kind")]
#[non_exhaustive]
pub struct UnknownKind(pub String);

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .iter()
            .find(|kind| kind.as_str() == text)
            .copied()
            .ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

/// How sure it is that a use means a definition. The order is from the surest down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Confidence {
    /// The definition itself, or a use that the rules of the language bind to it: by scope, by `self`, by the name of the type.
    Exact,
    /// A member of this name is defined in the same file; the type of the receiver is not known.
    SameFile,
    /// An import was followed to the definition.
    Import,
    /// Nothing but the name is the same.
    NameOnly,
}

impl Confidence {
    /// The name, as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::SameFile => "same-file",
            Self::Import => "import",
            Self::NameOnly => "name-only",
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
