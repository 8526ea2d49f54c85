//! From the text of a `forge.yaml` to a plan, with every mistake at its line and column.
//!
//! The environment and the disk are the caller's: variables and files come through a [`Lookup`].
//!
//! ```
//! use forge::config::{self, Known, Lookup, Trust};
//!
//! #[derive(Debug)]
//! struct Nothing;
//!
//! impl Lookup for Nothing {
//!     fn variable(&self, _: &str) -> Option<String> {
//!         None
//!     }
//!     fn file(&self, _: &str) -> std::io::Result<String> {
//!         Err(std::io::ErrorKind::NotFound.into())
//!     }
//! }
//!
//! let (registry, models) = (forge::registry(), forge::models());
//! let today = chrono::NaiveDate::MIN;
//! let known = Known { registry: &registry, models: &models, today, lookup: &Nothing };
//! let text = "providers: { claude: { type: anthropic, modle: claude-opus-5-5 } }";
//! let error = config::load("forge.yaml", text, &known, Trust::Trusted).unwrap_err();
//! assert_eq!(
//!     error.reports.last().unwrap().to_string(),
//!     "forge.yaml:1:41: error[E105]: providers.claude.modle: there is no key `modle` here; did you mean `model`?"
//! );
//! ```

pub mod code;
mod report;
mod schema;
mod session;
mod shape;
mod trust;
mod yaml;

use std::{collections::BTreeSet, io};

use forge_router::code as meaning;
pub use forge_router::{Key, KeyPath, Known, Lookup, Problem, RouterPlan, RouterSpec};
use serde::de::DeserializeOwned;

pub use self::{
    report::{ConfigError, Report, Severity},
    schema::schema,
    session::{SessionPlan, SessionSpec},
    trust::Trust,
    yaml::{MAX_BYTES, Place},
};
use self::{
    shape::Shape,
    yaml::{Document, Mapping, Value},
};
use crate::environment::is_loopback;

/// A file that can be used.
#[derive(Debug)]
pub struct ConfigFile {
    /// The router's part as written.
    pub spec: RouterSpec,
    /// The router's part resolved.
    pub plan: RouterPlan,
    /// How sessions are run.
    pub session: SessionPlan,
    /// What its author should know, in the order of the file.
    pub warnings: Vec<Report>,
    document: Document,
}

impl ConfigFile {
    /// Where the value at `path` is written; `None` if it is not in the file.
    pub fn place(&self, path: &KeyPath) -> Option<Place> {
        self.document.written(path)
    }
}

/// Reads the `text` of the file that reports call `file`.
///
/// Providers that are not on this machine get the proxy of `HTTPS_PROXY` or `https_proxy`.
pub fn load(file: &str, text: &str, known: &Known<'_>, trust: Trust) -> Result<ConfigFile, ConfigError> {
    let mut document = yaml::parse(text)
        .map_err(|(place, problem)| ConfigError { reports: vec![Report::new(file, place, problem)] })?;
    let mut value = std::mem::take(&mut document.value);
    let Shape { problems: mut found, mut cut, .. } = Shape::check(schema(), &mut value);
    let session = value.as_mapping_mut().and_then(|sections| sections.remove("session"));
    let session: SessionSpec = read(session.unwrap_or_default(), &mut found);
    let spec: RouterSpec = read(value, &mut found);
    if trust == Trust::Project {
        let refused = trust::check(&spec);
        cut.extend(refused.iter().map(|problem| problem.path.clone()));
        found.extend(refused);
    }
    let (session, session_problems) = SessionPlan::resolve(session);
    let (plan, problems) = match trust {
        Trust::Trusted => RouterPlan::resolve(&spec, known),
        Trust::Project => {
            RouterPlan::resolve(&spec, &Known { lookup: &WithoutFiles(known.lookup), ..*known })
        }
    };
    let meant = problems.into_iter().chain(session_problems);
    found.extend(meant.filter(|problem| !follows_from(problem, &cut)));

    let early = std::mem::take(&mut document.problems).into_iter();
    let placed = found.into_iter().map(|problem| (document.place(&problem.path, problem.about), problem));
    let mut reports: Vec<Report> =
        early.chain(placed).map(|(place, problem)| Report::new(file, place, problem)).collect();
    reports.sort_by_key(|report| (report.line, report.column));
    match plan {
        Some(mut plan) if reports.iter().all(|report| report.severity == Severity::Warning) => {
            set_proxies(&mut plan, known.lookup);
            Ok(ConfigFile { spec, plan, session, warnings: reports, document })
        }
        _ => Err(ConfigError { reports }),
    }
}

/// Reads what has the right shape. A text that fails all the same is reported without being shown.
fn read<T: DeserializeOwned + Default>(value: Value, problems: &mut Vec<Problem>) -> T {
    let value = if value.is_null() { Value::Mapping(Mapping::new()) } else { value };
    serde_yaml::from_value(value).unwrap_or_else(|_| {
        problems.push(Problem::new(code::WRONG_TYPE, KeyPath::ROOT, "a value is of the wrong type"));
        T::default()
    })
}

/// Whether `problem` would not be there without something that is cut out and reported already.
fn follows_from(problem: &Problem, cut: &BTreeSet<KeyPath>) -> bool {
    let top = |name: &str| cut.contains(&KeyPath::ROOT.key(name));
    let mut above = Some(problem.path.clone());
    while let Some(path) = above {
        if cut.contains(&path) {
            return true;
        }
        above = path.parent();
    }
    match problem.code {
        meaning::UNKNOWN_NAME => top("providers") || top("pools"),
        meaning::NO_ROUTE => {
            let inside = |key: &str| cut.contains(&problem.path.key(key));
            top("providers") || top("default_provider") || inside("provider") || inside("panel")
        }
        meaning::NO_PROVIDER => top("provider"),
        _ => false,
    }
}

fn set_proxies(plan: &mut RouterPlan, lookup: &dyn Lookup) {
    let set = |name: &str| lookup.variable(name).filter(|value| !value.trim().is_empty());
    let Some(proxy) = set("HTTPS_PROXY").or_else(|| set("https_proxy")) else { return };
    for provider in &mut plan.providers {
        // Without an endpoint, a local provider is a server on this machine.
        let direct = provider.endpoint.as_deref().map_or(provider.kind == "local", is_loopback);
        provider.proxy = (!direct).then(|| proxy.clone());
    }
}

/// Variables only.
#[derive(Debug)]
struct WithoutFiles<'a>(&'a dyn Lookup);

impl Lookup for WithoutFiles<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        self.0.variable(name)
    }

    fn file(&self, _: &str) -> io::Result<String> {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}
