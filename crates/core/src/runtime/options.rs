//! Settings of a pool and of a single call.

use std::path::PathBuf;
use std::time::Instant;

use ort::session::builder::GraphOptimizationLevel;

use super::RuntimeError;
use super::cancel::CancelToken;
use super::device::DeviceList;

/// How much ONNX Runtime rewrites the graph before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Optimization {
    /// Not at all: runs the graph as it was exported.
    None,
    /// Rewrites that keep the meaning on any device (constant folding, dead nodes).
    Basic,
    /// Also fusions of several operators into one.
    Extended,
    /// Everything, memory layout for this processor included.
    #[default]
    All,
}

impl Optimization {
    pub(super) fn level(self) -> GraphOptimizationLevel {
        match self {
            Self::None => GraphOptimizationLevel::Disable,
            Self::Basic => GraphOptimizationLevel::Level1,
            Self::Extended => GraphOptimizationLevel::Level2,
            Self::All => GraphOptimizationLevel::All,
        }
    }
}

/// Settings of a pool of sessions.
#[derive(Debug, Clone)]
pub struct PoolConfig {
    /// Number of sessions: how many calls can run at the same time.
    pub sessions: usize,
    /// Devices in order of preference.
    pub devices: DeviceList,
    /// Threads within one operator, for each session; 0 lets ONNX Runtime take every core.
    pub intra_threads: usize,
    /// Operators running at the same time, for each session; 1 runs them one by one.
    pub inter_threads: usize,
    /// Whether idle threads spin. Off: they would take the cores of everybody else on the machine.
    pub spinning: bool,
    /// Whether the processor's memory arena is on: faster, but memory once taken is kept.
    pub arena: bool,
    /// Whether ONNX Runtime plans memory from the shapes of earlier calls. Helps where shapes repeat.
    pub memory_pattern: bool,
    /// How much the graph is rewritten.
    pub optimization: Optimization,
    /// Whether a node that the chosen device leaves to the processor is an error. Off: GPU providers
    /// leave small shape computations to the processor on purpose; how many is reported.
    pub whole_graph: bool,
    /// Folder for optimised graphs; `None` keeps none. Saves loading time only where optimising
    /// takes long; see [`super::graph_cache`].
    pub graph_cache: Option<PathBuf>,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            sessions: 1,
            devices: DeviceList::default(),
            intra_threads: 1,
            inter_threads: 1,
            spinning: false,
            arena: true,
            memory_pattern: true,
            optimization: Optimization::All,
            whole_graph: false,
            graph_cache: None,
        }
    }
}

impl PoolConfig {
    /// Most sessions a pool can have, and most threads a session.
    pub const LIMIT: usize = 1024;

    pub(super) fn check(&self) -> Result<(), RuntimeError> {
        let bad = |name, value: usize, reason| {
            Err(RuntimeError::Setting { name, value: value.to_string(), reason })
        };
        if self.sessions == 0 {
            return bad("sessions", 0, "a pool needs at least one session");
        }
        if self.inter_threads == 0 {
            return bad("inter_threads", 0, "use 1 to run operators one by one");
        }
        for (name, value) in [
            ("sessions", self.sessions),
            ("intra_threads", self.intra_threads),
            ("inter_threads", self.inter_threads),
        ] {
            if value > Self::LIMIT {
                return bad(name, value, "1024 is the limit");
            }
        }
        Ok(())
    }
}

/// Settings of one call.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// When the call gives up: waiting for a session counts, and so does running. ONNX Runtime
    /// stops between two operators, so that a single long one is finished first.
    pub deadline: Option<Instant>,
    /// Cancels the call from another thread.
    pub cancel: Option<CancelToken>,
}
