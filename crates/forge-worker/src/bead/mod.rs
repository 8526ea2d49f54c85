//! A bead: one task of a queue, as its line of JSON says it.

mod id;
mod words;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

pub use self::{
    id::{BeadId, InvalidBeadId},
    words::{BeadKind, BeadStatus, DependencyKind},
};

/// The least urgent priority.
pub const LOWEST_PRIORITY: u8 = 4;
/// The priority of a bead that names none.
pub const USUAL_PRIORITY: u8 = 2;

/// A task of a queue. Fields that Forge does not read stay in the line that the bead came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bead {
    /// Its name in the queue.
    pub id: BeadId,
    /// What it is about, in one line.
    pub title: String,
    /// What has to be done.
    pub description: String,
    /// When it counts as done.
    pub acceptance: String,
    /// What kind of work it is.
    pub kind: BeadKind,
    /// How far it is.
    pub status: BeadStatus,
    /// 0 is the most urgent, [`LOWEST_PRIORITY`] the least.
    pub priority: u8,
    /// Who works on it, as the line says.
    pub assignee: Option<String>,
    /// Words that it is filed under.
    pub labels: Vec<String>,
    /// What it depends on.
    pub dependencies: Vec<Dependency>,
    /// When it was made, where the line says so.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was changed last, where the line says so.
    pub updated_at: Option<DateTime<Utc>>,
    /// Before this time nobody begins it.
    pub defer_until: Option<DateTime<Utc>>,
    /// A note that stays where it is, and no work.
    pub pinned: bool,
    /// Gone with the run that made it, and no work for others.
    pub ephemeral: bool,
    /// A pattern for other beads, and no work itself.
    pub template: bool,
}

/// One bead depends on another.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dependency {
    /// The other one.
    pub on: BeadId,
    /// In which way.
    pub kind: DependencyKind,
}

impl Dependency {
    /// A dependency on this bead.
    #[must_use]
    pub const fn new(on: BeadId, kind: DependencyKind) -> Self {
        Self { on, kind }
    }
}

impl Bead {
    /// An open task of the usual priority.
    pub fn new(id: BeadId, title: impl Into<String>) -> Self {
        Self {
            id,
            title: title.into(),
            description: String::new(),
            acceptance: String::new(),
            kind: BeadKind::Task,
            status: BeadStatus::Open,
            priority: USUAL_PRIORITY,
            assignee: None,
            labels: Vec::new(),
            dependencies: Vec::new(),
            created_at: None,
            updated_at: None,
            defer_until: None,
            pinned: false,
            ephemeral: false,
            template: false,
        }
    }

    /// Reads the object of a line.
    ///
    /// # Errors
    ///
    /// Where there is no `id`, or one that cannot be. A field of another type than expected counts as absent: the line is kept
    /// whatever stands in it.
    pub(crate) fn read(object: &Map<String, Value>) -> Result<Self, InvalidBeadId> {
        let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
        let time = |key: &str| DateTime::parse_from_rfc3339(text(key)).ok().map(|at| at.to_utc());
        let is = |key: &str| object.get(key).and_then(Value::as_bool).unwrap_or_default();
        let mut bead = Self::new(BeadId::new(text("id"))?, text("title"));
        text("description").clone_into(&mut bead.description);
        text("acceptance_criteria").clone_into(&mut bead.acceptance);
        bead.kind =
            BeadKind::from(Some(text("issue_type")).filter(|word| !word.is_empty()).unwrap_or("task"));
        bead.status =
            BeadStatus::from(Some(text("status")).filter(|word| !word.is_empty()).unwrap_or("open"));
        bead.priority = object.get("priority").and_then(Value::as_u64).map_or(USUAL_PRIORITY, |number| {
            // What is less urgent than the least urgent is as urgent as that.
            u8::try_from(number).unwrap_or(LOWEST_PRIORITY).min(LOWEST_PRIORITY)
        });
        bead.assignee = Some(text("assignee").to_owned()).filter(|name| !name.is_empty());
        bead.labels = rows(object, "labels").filter_map(Value::as_str).map(str::to_owned).collect();
        bead.dependencies = rows(object, "dependencies").filter_map(dependency).collect();
        (bead.created_at, bead.updated_at) = (time("created_at"), time("updated_at"));
        bead.defer_until = time("defer_until");
        (bead.pinned, bead.ephemeral) = (is("pinned"), is("ephemeral"));
        bead.template = is("is_template") || is("template");
        Ok(bead)
    }
}

fn rows<'a>(object: &'a Map<String, Value>, key: &str) -> impl Iterator<Item = &'a Value> {
    object.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// A row without a kind blocks: that is what the field is for.
fn dependency(row: &Value) -> Option<Dependency> {
    let text = |key: &str| row.get(key).and_then(Value::as_str).filter(|word| !word.is_empty());
    let on = BeadId::new(text("depends_on_id")?).ok()?;
    Some(Dependency::new(on, DependencyKind::from(text("type").unwrap_or("blocks"))))
}
