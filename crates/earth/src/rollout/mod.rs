//! Forecasts: a family's models run one after the other from an analysis, each loaded once, and what is wanted of each state goes to
//! a file while the next is computed.
//!
//! ```text
//! analysis → perturbed members → runs in the order of the schedule → health check → writer → file
//!                                        ↑ states that wait ↓
//!                                   memory, or the checkpoint's folder
//! ```

mod config;
mod engine;
mod family;
mod health;
mod memory;
mod noise;
mod perturb;
mod provenance;
mod running;
pub mod schedule;
mod selection;
mod step;
mod store;
mod writer;

use std::path::PathBuf;

use strata_core::card::CardError;
use strata_core::runtime::{OpenError, RuntimeError};

pub use crate::regrid::Method;
pub use crate::regrid::crop::Area;
pub use config::{Config, Initial, Progress, Report, Saving};
pub use engine::Rollout;
pub use family::{Family, FamilyModel, contract};
pub use health::Sick;
pub use memory::{Estimate, available};
pub use noise::{Random, Smooth};
pub use perturb::{Ensemble, Perturbation};
pub use provenance::{Input, Provenance};
pub use schedule::{Order, Run, Schedule, ScheduleError, parse_leads};
pub use selection::{Selected, Selection};
pub use step::{Buffers, Stepper};

use crate::sink::WriteError;

/// Why a forecast does not come about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RolloutError {
    /// No such models.
    #[error(
        "no weather model or family named {name:?}; known families: {known} (see `models list`)"
    )]
    NoFamily {
        /// As asked for.
        name: String,
        /// Families that are there.
        known: String,
    },
    /// A model's card cannot be used for a forecast.
    #[error("model {model}: {why}")]
    Card {
        /// The model.
        model: String,
        /// What is wrong.
        why: String,
    },
    /// A card or file that is not there.
    #[error(transparent)]
    Find(#[from] CardError),
    /// A model that cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A model that fails.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// Leads that cannot be reached.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// The initial state cannot be used.
    #[error("initial state: {why}")]
    State {
        /// Why.
        why: String,
    },
    /// The state is of another planet than the model.
    #[error(
        "the model is of planet {model:?} and the analysis of {state:?}: it must not be run on it"
    )]
    Planet {
        /// The model's.
        model: String,
        /// The analysis's.
        state: String,
    },
    /// It asks for fields that the model does not have.
    #[error("{why}")]
    Selection {
        /// What is missing.
        why: String,
    },
    /// It would not fit into memory.
    #[error(
        "the run needs about {needed:.1} GiB of memory and {available:.1} GiB are available ({parts}); close other programs, ask for \
         fewer members, cut the model into parts (`split`), or go ahead at your own risk with --no-memory-check"
    )]
    Memory {
        /// Needed, in GiB.
        needed: f64,
        /// Available, in GiB.
        available: f64,
        /// What needs how much.
        parts: String,
    },
    /// A forecast blew up.
    #[error(
        "the forecast broke down at {lead} h{}: {} at {} is {} at {:.2} N {:.2} E; what was written before stays",
        member.map_or_else(String::new, |member| format!(" of member {member}")), sick.variable, sick.level, sick.value, sick.at.0, sick.at.1
    )]
    Sick {
        /// Lead, in hours.
        lead: u32,
        /// Member of an ensemble.
        member: Option<u32>,
        /// The field.
        sick: Box<Sick>,
    },
    /// Bred vectors that are none.
    #[error(
        "the bred vector of member {member} is not finite: the model does not bear the perturbation; use a smaller amplitude or fewer cycles"
    )]
    Bred {
        /// The member.
        member: u32,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The writing thread is gone.
    #[error("the thread that writes the forecast ended unexpectedly")]
    Writer,
    /// The checkpoint cannot be used.
    #[error("checkpoint {}: {why}", path.display())]
    Checkpoint {
        /// Its file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The run was asked to stop.
    #[error("stopped; what was written stays, and --resume goes on")]
    Stopped,
}
