//! Coding agents in tmux: started, watched, recovered, and given tasks of which each has exactly one owner.
//!
//! Two rules decide everything here. *Facts before guesses*: what the kernel says of a process, a lock that is held and an exit
//! record come before what an agent tells of itself, and that before what stands on its screen. *What is not ours is not touched*:
//! a tmux server of Forge's own, sessions found by their tag and never by their name, no worktree removed that has unsaved work.
//!
//! What starts and watches processes is there on Linux, the queue on Unix; names and tiers are there everywhere.

#[cfg(target_os = "linux")]
mod agent;
#[cfg(unix)]
mod bead;
#[cfg(target_os = "linux")]
mod command;
#[cfg(target_os = "linux")]
mod deliver;
#[cfg(target_os = "linux")]
mod discover;
#[cfg(target_os = "linux")]
pub mod fleet;
mod health;
#[cfg(target_os = "linux")]
mod hex;
#[cfg(target_os = "linux")]
mod home;
#[cfg(target_os = "linux")]
mod hook;
mod id;
#[cfg(target_os = "linux")]
mod launch;
#[cfg(target_os = "linux")]
mod lock;
#[cfg(target_os = "linux")]
mod output;
#[cfg(target_os = "linux")]
mod private;
#[cfg(target_os = "linux")]
mod process;
#[cfg(unix)]
pub mod queue;
#[cfg(unix)]
mod reader;
#[cfg(unix)]
pub mod ready;
#[cfg(target_os = "linux")]
mod record;
#[cfg(target_os = "linux")]
mod renewal;
#[cfg(unix)]
pub mod routing;
#[cfg(unix)]
pub mod score;
#[cfg(target_os = "linux")]
mod shim;
#[cfg(target_os = "linux")]
mod sim;
#[cfg(unix)]
pub mod source;
mod state;
#[cfg(target_os = "linux")]
mod status;
mod tier;
#[cfg(target_os = "linux")]
mod tmux;
#[cfg(unix)]
mod worker;
#[cfg(target_os = "linux")]
pub mod worktree;

#[cfg(target_os = "linux")]
pub use self::{
    agent::{AgentDefinition, AgentError, DeliveryWay, ScreenPattern},
    command::command,
    deliver::{DeliverError, Delivery, LONGEST_PASTE, Message},
    discover::{
        DiscoveredWorker, DiscoveryError, DiscoveryResult, WorkerType, discover_in, discover_workers,
    },
    home::{WorkerHome, WorkerPlace},
    hook::report,
    launch::{LaunchConfig, LauncherError, Reaped, SpawnRequest, WorkerHandle, WorkerLauncher},
    lock::is_running,
    output::{OUTPUT_SIZE, keep_output, last_output},
    process::ProcessId,
    record::{ExitRecord, ShimPhase, ShimRecord, WorkerSpec},
    renewal::LeaseRecord,
    shim::{ALREADY_RUNNING, run as run_shim},
    status::{
        Observation, Screen, StatusChange, StatusFileError, StatusReader, StatusWatcher, WorkerStatusFile,
        observe, publish,
    },
    tmux::{Tmux, TmuxError, TmuxSocket},
};
#[cfg(unix)]
pub use self::{
    bead::{
        Bead, BeadId, BeadKind, BeadStatus, Dependency, DependencyKind, InvalidBeadId, LOWEST_PRIORITY,
        USUAL_PRIORITY,
    },
    queue::{Claim, Claimed, Evidence, NewBead, TaskQueue, TaskQueueError},
    reader::BeadQueueReader,
    routing::{RoutingDecision, RoutingReason, TaskRouter},
    score::{ScoreComponents, ScoredBead, TaskScorer},
    worker::{Availability, AvailableWorker, TrackRecord},
};
pub use self::{
    health::{Health, HealthFacts, HealthLevel, HealthMonitor, HealthMonitorConfig, Recovery, RecoveryStep},
    id::{InvalidWorkerId, WorkerId},
    state::{Reported, StateSource, WaitReason, WorkerState, WorkerStatus},
    tier::{UnknownTier, WorkerTier},
};
