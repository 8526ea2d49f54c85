//! The words of a line that decide something. One that is not known is kept as it is.

use std::{fmt, sync::Arc};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$word_doc])* $variant,)*
            /// A word that is not known here.
            Other(Arc<str>),
        }

        impl $name {
            /// The word of lines.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)*
                    other => Self::Other(other.into()),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words! {
    /// What kind of work a bead is.
    BeadKind {
        /// Something is wrong.
        Bug = "bug",
        /// Something new.
        Feature = "feature",
        /// Anything else that has to be done.
        Task = "task",
        /// Upkeep.
        Chore = "chore",
        /// Holds other beads.
        Epic = "epic",
    }
}

words! {
    /// How far a bead is.
    BeadStatus {
        /// To be done.
        Open = "open",
        /// Somebody works on it.
        InProgress = "in_progress",
        /// Somebody says that it cannot go on.
        Blocked = "blocked",
        /// Put off.
        Deferred = "deferred",
        /// Done.
        Closed = "closed",
        /// Deleted, and kept so that copies learn of it.
        Tombstone = "tombstone",
        /// A note that stays where it is.
        Pinned = "pinned",
    }
}

words! {
    /// In which way a bead depends on another.
    DependencyKind {
        /// It begins when the other one is closed.
        Blocks = "blocks",
        /// The other one is its parent: it waits for what the parent waits for.
        ParentChild = "parent-child",
        /// It begins when the other one is closed, and perhaps not even then.
        ConditionalBlocks = "conditional-blocks",
        /// It begins when what the other one has started is closed.
        WaitsFor = "waits-for",
        /// It was found while the other one was worked on.
        DiscoveredFrom = "discovered-from",
        /// They have something to do with each other.
        Related = "related",
    }
}

impl BeadStatus {
    /// Whether nothing waits for such a bead any more.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Closed | Self::Tombstone)
    }
}

impl DependencyKind {
    /// Whether the bead cannot begin before the other one is closed.
    #[must_use]
    pub const fn blocks(&self) -> bool {
        matches!(self, Self::Blocks | Self::ConditionalBlocks | Self::WaitsFor)
    }
}
