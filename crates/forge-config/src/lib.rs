//! Configuration files of which every mistake is told, at its line and column.
//!
//! Use this crate to read a section of one's own from a `forge.yaml`, or a whole file of one's own. It knows no
//! section: a crate that has settings implements [`Section`] for them, and whoever reads the file puts the
//! [`Sections`] together. It reads no environment and no disk: variables and files come through a [`Lookup`].
//!
//! ```
//! # #[cfg(feature = "file")] {
//! use forge_config::{Lookup, ResolveContext, Section, Sections, Trust, schemars};
//!
//! /// When things are done.
//! #[derive(Default, serde::Deserialize, schemars::JsonSchema)]
//! #[serde(default, deny_unknown_fields)]
//! struct TimerSpec {
//!     /// How long to wait, such as `5s`.
//!     wait: Option<String>,
//! }
//!
//! struct TimerPlan(Option<std::time::Duration>);
//! struct TimerSection;
//!
//! impl Section for TimerSection {
//!     const KEY: Option<&'static str> = Some("timer");
//!     type Spec = TimerSpec;
//!     type Plan = TimerPlan;
//!
//!     fn resolve(&self, spec: &TimerSpec, context: &mut ResolveContext<'_>) -> TimerPlan {
//!         let path = context.root.key("wait");
//!         TimerPlan(context.duration(spec.wait.as_deref(), &path))
//!     }
//! }
//!
//! # #[derive(Debug)]
//! # struct Nothing;
//! # impl Lookup for Nothing {
//! #     fn variable(&self, _: &str) -> Option<String> {
//! #         None
//! #     }
//! #     fn file(&self, _: &str) -> std::io::Result<String> {
//! #         Err(std::io::ErrorKind::NotFound.into())
//! #     }
//! # }
//! let sections = Sections::new().with(TimerSection);
//! let load = |text: &str| sections.load("my.yaml", text, &Nothing, Trust::Trusted);
//! assert_eq!(load("timer: { wait: 5s }").unwrap().get::<TimerPlan>().unwrap().0.unwrap().as_secs(), 5);
//! let error = load("timer: { wait: soon }").unwrap_err();
//! assert!(error.to_string().starts_with("my.yaml:1:16: error[E116]: timer.wait: "));
//! # }
//! ```
//!
//! Without the feature `file`, the crate holds what checking takes: [`Problem`], [`KeyPath`], [`ResolveContext`].

pub mod code;
mod context;
mod expand;
#[cfg(feature = "file")]
mod file;
mod meant;
mod nearest;
mod path;
#[cfg(feature = "file")]
mod place;
mod problem;
#[cfg(feature = "file")]
mod report;
#[cfg(feature = "file")]
mod section;
#[cfg(feature = "file")]
mod shape;
#[cfg(feature = "file")]
mod slips;
#[cfg(feature = "file")]
mod tree;
#[cfg(feature = "file")]
mod trust;
#[cfg(feature = "file")]
mod yaml;

pub use context::ResolveContext;
pub use expand::{Lookup, is_reference};
#[cfg(feature = "file")]
pub use file::Loaded;
pub use nearest::nearest;
pub use path::{Key, KeyPath};
#[cfg(feature = "file")]
pub use place::Place;
pub use problem::{About, Problem};
#[cfg(feature = "file")]
pub use report::{ConfigError, Report, Severity};
#[cfg(feature = "file")]
pub use schemars;
#[cfg(feature = "file")]
pub use section::{Section, Sections};
#[cfg(feature = "file")]
pub use tree::Tree;
#[cfg(feature = "file")]
pub use trust::Trust;
#[cfg(feature = "file")]
pub use yaml::MAX_BYTES;
