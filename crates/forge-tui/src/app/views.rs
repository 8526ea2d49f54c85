//! The views.

/// The views, by their digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum View {
    #[default]
    Overview,
    Workers,
    Tasks,
    Costs,
    Metrics,
    Sessions,
    Routing,
    Logs,
    Alerts,
}

impl View {
    pub(crate) const ALL: [Self; 9] = [
        Self::Overview,
        Self::Workers,
        Self::Tasks,
        Self::Costs,
        Self::Metrics,
        Self::Sessions,
        Self::Routing,
        Self::Logs,
        Self::Alerts,
    ];

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Workers => "Workers",
            Self::Tasks => "Tasks",
            Self::Costs => "Costs",
            Self::Metrics => "Metrics",
            Self::Sessions => "Sessions",
            Self::Routing => "Routing",
            Self::Logs => "Logs",
            Self::Alerts => "Alerts",
        }
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }

    /// Whether its rows, or what it shows, are a worker's.
    pub(super) const fn is_of_workers(self) -> bool {
        matches!(self, Self::Overview | Self::Workers | Self::Logs)
    }
}
