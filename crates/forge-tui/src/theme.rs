//! The colours.

use forge_worker::WorkerStatus;
use ratatui::style::{Color, Modifier, Style};

use crate::data::TaskState;

/// The colours of the dashboard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "the three are the values of a flag")]
pub enum Theme {
    /// For a dark terminal.
    #[default]
    Dark,
    /// For a light terminal.
    Light,
    /// No colour: bold, dim and reversed text only.
    None,
}

impl Theme {
    /// The next one, in a circle.
    #[must_use]
    pub(crate) const fn next(self) -> Self {
        match self {
            Self::Dark => Self::Light,
            Self::Light => Self::None,
            Self::None => Self::Dark,
        }
    }

    const fn coloured(self, dark: Color, light: Color) -> Style {
        match self {
            Self::Dark => Style::new().fg(dark),
            Self::Light => Style::new().fg(light),
            Self::None => Style::new(),
        }
    }

    pub(crate) const fn good(self) -> Style {
        self.coloured(Color::Green, Color::Rgb(0, 100, 0))
    }

    pub(crate) const fn calm(self) -> Style {
        self.coloured(Color::Cyan, Color::Blue)
    }

    pub(crate) const fn odd(self) -> Style {
        self.coloured(Color::Yellow, Color::Rgb(140, 90, 0))
    }

    /// Bold as well, so that it is told from the rest without colours.
    pub(crate) const fn bad(self) -> Style {
        self.coloured(Color::LightRed, Color::Red).add_modifier(Modifier::BOLD)
    }

    pub(crate) const fn quiet(self) -> Style {
        self.coloured(Color::DarkGray, Color::DarkGray).add_modifier(Modifier::DIM)
    }

    pub(crate) const fn title() -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(crate) const fn selected() -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    pub(crate) const fn of_status(self, status: WorkerStatus) -> Style {
        match status {
            WorkerStatus::Active => self.good(),
            WorkerStatus::Idle | WorkerStatus::Starting => self.calm(),
            WorkerStatus::Paused => self.odd(),
            WorkerStatus::Failed | WorkerStatus::Error => self.bad(),
            WorkerStatus::Stopped => self.quiet(),
        }
    }

    pub(crate) const fn of_task(self, state: TaskState) -> Style {
        match state {
            TaskState::Claimed => self.good(),
            TaskState::Ready => self.calm(),
            TaskState::Blocked => self.odd(),
            TaskState::Closed => self.quiet(),
        }
    }
}
