//! Why a request that went to a batcher has no answer.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::limits::Rejected;
use crate::runtime::RuntimeError;

/// Why there is no answer.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum BatchError {
    /// The queue has no room.
    #[error("the queue is full; try again in {retry_after:.1?}")]
    Full {
        /// When there should be room again.
        retry_after: Duration,
    },
    /// The request alone is beyond what a batch or the queue may hold.
    #[error(
        "{rows} rows of length {length} are too much for one request: a batch holds at most \
         {max_rows} rows and a cost (rows times length) of {max_cost}; send it in parts"
    )]
    TooLarge {
        /// Its rows.
        rows: usize,
        /// Length of its rows.
        length: u64,
        /// Rows that fit.
        max_rows: usize,
        /// Cost that fits.
        max_cost: u64,
    },
    /// The program is shutting down, or the model is being unloaded.
    #[error("no requests are taken any more")]
    Closed,
    /// It waited longer than the queue allows.
    #[error("it waited in the queue for {waited:.1?}, longer than is allowed")]
    QueueTimeout {
        /// Time since it came.
        waited: Duration,
    },
    /// Its own deadline passed.
    #[error("the deadline passed after {waited:.1?}")]
    Deadline {
        /// Time since it came.
        waited: Duration,
    },
    /// Its caller cancelled it.
    #[error("cancelled")]
    Cancelled,
    /// The model's input was wrong, or it could not be run.
    #[error(transparent)]
    Failed(Arc<RuntimeError>),
    /// The code that runs batches panicked.
    #[error("internal error while running a batch: {0}")]
    Panicked(String),
    /// The code that runs batches gave another number of results than it was given items.
    #[error("internal error: a batch of {items} items gave {results} results")]
    Miscounted {
        /// Items in the batch.
        items: usize,
        /// Results that came.
        results: usize,
    },
}

impl BatchError {
    /// A stable word for metrics and logs.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Full { .. } => "queue_full",
            Self::TooLarge { .. } => "too_large",
            Self::Closed => "closed",
            Self::QueueTimeout { .. } => "queue_timeout",
            Self::Deadline { .. } => "deadline",
            Self::Cancelled => "cancelled",
            Self::Failed(_) => "failed",
            Self::Panicked(_) | Self::Miscounted { .. } => "internal",
        }
    }

    pub(super) fn rejected(why: Rejected, ask: &super::Ask, limits: &super::Limits) -> Self {
        match why {
            Rejected::Full { retry_after } => Self::Full { retry_after },
            Rejected::Closed => Self::Closed,
            Rejected::DeadlinePassed => Self::Deadline { waited: Duration::ZERO },
            Rejected::TooLarge => Self::TooLarge {
                rows: ask.rows,
                length: ask.length,
                max_rows: limits.max_rows,
                max_cost: limits.max_cost.min(limits.queue_cost),
            },
        }
    }
}

impl From<RuntimeError> for BatchError {
    fn from(error: RuntimeError) -> Self {
        match error {
            RuntimeError::Deadline { waited, .. } => Self::Deadline { waited },
            RuntimeError::Cancelled { .. } => Self::Cancelled,
            other => Self::Failed(Arc::new(other)),
        }
    }
}
