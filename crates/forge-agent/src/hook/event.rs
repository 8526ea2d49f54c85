//! The points of the work at which hooks run.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

/// What the matcher of a hook is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an event is about one of these")]
pub enum HookSubject {
    /// The name of a tool.
    Tool,
    /// Paths of files, seen from the project's folder.
    Paths,
    /// Nothing: such hooks have no matcher.
    Nothing,
}

macro_rules! events {
    ($($(#[doc = $about:literal])* $name:ident $subject:ident $blocks:literal;)*) => {
        /// A point of the work at which hooks run. Text is its name as it is written here.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum HookEvent {
            $($(#[doc = $about])* $name,)*
        }

        impl HookEvent {
            /// All of them, in the order of the work.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// What a matcher is held against.
            pub const fn subject(self) -> HookSubject {
                match self { $(Self::$name => HookSubject::$subject,)* }
            }

            /// Whether a hook can say no. Where it cannot, its no is a warning.
            pub const fn can_block(self) -> bool {
                match self { $(Self::$name => $blocks,)* }
            }
        }
    };
}

events! {
    /// A conversation or a workflow begins or is taken up again.
    SessionStart Nothing false;
    /// It has ended.
    SessionEnd Nothing false;
    /// A person has written something that a model is about to read.
    UserPromptSubmit Nothing true;
    /// A plan is about to be made.
    PrePlan Nothing true;
    /// A plan has been made and checked.
    PostPlan Nothing true;
    /// A tool is about to be run for a model.
    PreToolUse Tool true;
    /// It has been run.
    PostToolUse Tool true;
    /// Files are about to be changed.
    PreEdit Paths true;
    /// They have been changed.
    PostEdit Paths true;
    /// The checks are about to run.
    PreCheck Paths true;
    /// They have run.
    PostCheck Paths true;
    /// A change is about to be reviewed.
    PreReview Paths true;
    /// It has been reviewed.
    PostReview Paths true;
    /// A commit is about to be made.
    PreCommit Paths true;
    /// The result is about to be brought into the working tree.
    PreApply Paths true;
    /// The result is about to leave for somewhere else.
    PreDeploy Paths true;
    /// A person is waited for.
    Notification Nothing false;
    /// A model thinks that it is done. A no makes it go on.
    Stop Nothing true;
    /// The work ends because something failed.
    StopFailure Nothing false;
}

impl fmt::Display for HookEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for HookEvent {
    /// There is no such event.
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|event| event.name() == name).ok_or(())
    }
}

impl Serialize for HookEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
