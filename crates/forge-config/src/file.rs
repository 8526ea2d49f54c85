//! From the text of a file to the plans of its sections.

use std::{
    any::{Any, TypeId},
    collections::{BTreeSet, HashMap},
    fmt,
};

use serde_json::Value as Json;

use crate::{
    expand::Lookup,
    path::KeyPath,
    place::Place,
    problem::Problem,
    report::{ConfigError, Report, Severity},
    section::{AnySection, Boxed, Sections},
    shape::Shape,
    trust::Trust,
    yaml::{self, Document},
};

/// A file that can be used: what its sections say and mean, by type.
pub struct Loaded {
    /// What its author should know, in the order of the file.
    pub warnings: Vec<Report>,
    document: Document,
    parts: HashMap<TypeId, Boxed>,
}

impl Loaded {
    /// Where the value at `path` is written; `None` if it is not in the file.
    pub fn place(&self, path: &KeyPath) -> Option<Place> {
        self.document.written(path)
    }

    /// The [`Spec`](crate::Section::Spec) or [`Plan`](crate::Section::Plan) of a section; `None` if there is no
    /// section with that type.
    pub fn get<T: 'static>(&self) -> Option<&T> {
        self.parts.get(&TypeId::of::<T>())?.downcast_ref()
    }

    /// As [`get`](Self::get), and takes it out.
    pub fn take<T: 'static>(&mut self) -> Option<T> {
        let part: Box<dyn Any> = self.parts.remove(&TypeId::of::<T>())?;
        part.downcast().ok().map(|part| *part)
    }
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded")
            .field("warnings", &self.warnings)
            .field("document", &self.document)
            .finish_non_exhaustive()
    }
}

impl Sections<'_> {
    /// Reads the `text` of the file that reports call `file`. The environment and the disk are the caller's:
    /// variables and files come through `lookup`. With [`Trust::Project`], `lookup` is asked for no file.
    ///
    /// # Errors
    /// Every mistake and every warning of the file, in its order, if there is a mistake among them. A text
    /// that is not YAML has one mistake: what stands behind it cannot be read.
    pub fn load(
        &self,
        file: &str,
        text: &str,
        lookup: &dyn Lookup,
        trust: Trust,
    ) -> Result<Loaded, ConfigError> {
        self.load_by(&self.schema(), file, text, lookup, trust)
    }

    /// As [`load`](Self::load), for a caller who keeps the [`schema`](Self::schema) of these sections.
    pub fn load_by(
        &self,
        schema: &Json,
        file: &str,
        text: &str,
        lookup: &dyn Lookup,
        trust: Trust,
    ) -> Result<Loaded, ConfigError> {
        let mut document = yaml::parse(text)
            .map_err(|(place, problem)| ConfigError { reports: vec![Report::new(file, place, problem)] })?;
        let mut value = std::mem::take(&mut document.value);
        let misplaced = |path: &KeyPath| self.iter().find_map(|section| section.misplaced(path));
        let Shape { problems: mut found, mut cut, .. } = Shape::check(schema, &mut value, &misplaced);
        let mut parts = HashMap::new();
        let mut meant = Vec::new();
        for section in self.iter() {
            let own = value.as_mapping_mut().map(|file| section.take_from(file)).unwrap_or_default();
            let part = section.read(own, lookup, trust);
            // What is refused counts as cut out: what misses it is no mistake of its own.
            cut.extend(part.refused.iter().map(|problem| problem.path.clone()));
            found.extend(part.refused);
            meant.extend(part.problems);
            parts.extend([part.spec, part.plan]);
        }
        found.extend(meant.into_iter().filter(|problem| !self.follows_from(problem, &cut)));

        let early = std::mem::take(&mut document.problems).into_iter();
        let placed = found.into_iter().map(|problem| (document.place(&problem.path, problem.about), problem));
        let mut reports: Vec<Report> =
            early.chain(placed).map(|(place, problem)| Report::new(file, place, problem)).collect();
        // Stable: what was found first at a place is told first.
        reports.sort_by_key(|report| (report.line, report.column));
        if reports.iter().any(|report| report.severity == Severity::Error) {
            return Err(ConfigError { reports });
        }
        Ok(Loaded { warnings: reports, document, parts })
    }

    /// Whether `problem` would not be there without something that is cut out and reported already.
    fn follows_from(&self, problem: &Problem, cut: &BTreeSet<KeyPath>) -> bool {
        let mut above = Some(problem.path.clone());
        while let Some(path) = above {
            if cut.contains(&path) {
                return true;
            }
            above = path.parent();
        }
        self.iter().any(|section: &dyn AnySection| section.follows_from(problem, cut))
    }
}
