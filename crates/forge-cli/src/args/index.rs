//! `forge index`, as typed.

use std::path::PathBuf;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum IndexCommand {
    /// Show the definitions that matter most by what uses them, in so many tokens.
    Map {
        /// Begin with what this path or symbol uses; may be repeated.
        #[arg(long, value_name = "PATH|SYMBOL")]
        focus: Vec<String>,
        /// The most tokens; four characters are one.
        #[arg(long, value_name = "N", default_value_t = 2_000)]
        tokens: usize,
        #[command(flatten)]
        place: IndexPlace,
    },
    /// Find where a symbol is defined.
    Find {
        /// The name, also with what it is in, as `Engine::run` or `Engine.run`.
        symbol: String,
        /// Take it for a regular expression that names match.
        #[arg(long)]
        regex: bool,
        /// Only this kind, such as `function`, `method`, `struct` or `class`.
        #[arg(long, value_name = "KIND")]
        kind: Option<String>,
        #[command(flatten)]
        place: IndexPlace,
    },
    /// Find what uses a symbol, with how sure each use is.
    Refs {
        /// The name, also with what it is in, as `Engine::run` or `Engine.run`.
        symbol: String,
        /// Only uses in this file or folder, named from the root.
        #[arg(long = "in", value_name = "PATH")]
        inside: Option<String>,
        #[command(flatten)]
        place: IndexPlace,
    },
    /// Show what a file defines, with documentation.
    Outline {
        /// The file, named from the root.
        path: String,
        #[command(flatten)]
        place: IndexPlace,
    },
    /// Show what a change reaches: callers, tests, owners.
    Impact {
        /// Files or folders that are changed, named from the root.
        #[arg(required_unless_present = "diff")]
        paths: Vec<String>,
        /// Read a unified diff in place of paths; `-` is standard input.
        #[arg(long, value_name = "FILE", conflicts_with = "paths")]
        diff: Option<PathBuf>,
        /// Follow uses so many times.
        #[arg(long, value_name = "N", default_value_t = 2)]
        depth: usize,
        #[command(flatten)]
        place: IndexPlace,
    },
}

/// Which code is looked at.
#[derive(Debug, clap::Args)]
pub(crate) struct IndexPlace {
    /// The folder whose code is looked at; nothing outside of it is read.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) root: PathBuf,
    /// The most rows.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 200)]
    pub(crate) limit: usize,
}
