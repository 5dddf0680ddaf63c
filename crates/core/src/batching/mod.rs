//! Dynamic batching: requests from many callers, run together.
//!
//! [`BatchQueue`] decides what runs together and when: by rows, cost, delay, priority, fair shares
//! and likeness of length. [`Batcher`] puts threads around it and answers every request exactly once,
//! in time, whatever is cancelled, late or broken. What runs a batch is an [`Execute`]:
//! [`TensorModel`] for requests of named tensors, [`RecordStages`] for records of the belt.
//!
//! ```no_run
//! # fn demo(model: std::sync::Arc<strata_core::runtime::Model>, request: strata_core::batching::TensorRequest)
//! # -> Result<(), Box<dyn std::error::Error>> {
//! use strata_core::batching::{Ask, Batcher, BatcherConfig, Limits, Priority, TensorModel};
//!
//! let tensors = TensorModel::new(model);
//! let limits = tensors.limits(Limits::default());
//! let config = BatcherConfig { workers: tensors.model().pool().sessions(), limits, ..BatcherConfig::default() };
//! let batcher = Batcher::new(tensors.clone(), config)?;
//! let ask = Ask { priority: Priority::High, ..tensors.ask(&request)? };
//! let done = batcher.call(ask, request, None)?;
//! println!("{:?} after {:?}", done.value.outputs, done.queued);
//! # Ok(())
//! # }
//! ```

mod batcher;
mod call;
mod error;
mod fairness;
mod fill;
mod limits;
mod number;
mod observe;
mod pieces;
mod queue;
mod rate;
mod records;
mod shared;
mod tensor;
mod tensors;

pub use batcher::{Batcher, BatcherConfig, Execute, Load};
pub use call::{Done, Reply, Ticket};
pub use error::BatchError;
pub use limits::{Ask, Batch, Expired, ItemId, Limits, Member, Next, Priority, Rejected};
pub use number::Number;
pub use observe::{BatchFacts, Observer, Unobserved, Where};
pub use queue::BatchQueue;
pub use records::{RecordRows, RecordStages, run_records};
pub use tensor::{Tensor, TensorError};
pub use tensors::{TensorModel, TensorReply, TensorRequest};

/// What a caught panic said.
fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "no message".to_owned())
}
