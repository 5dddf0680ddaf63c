//! Running models: one ONNX Runtime per process, pools of sessions that share packed weights, calls
//! with deadlines and cancellation, inputs and outputs without copies.
//!
//! ```no_run
//! # fn demo(verified: &strata_core::verify::VerifiedModel) -> Result<(), strata_core::runtime::RuntimeError> {
//! use strata_core::runtime::{Inputs, PoolConfig, RunOptions, SessionPool};
//!
//! let pool = SessionPool::load(verified, &PoolConfig { sessions: 2, ..PoolConfig::default() })?;
//! let features = ndarray::Array2::<f32>::zeros((256, 2048));
//! let outputs = pool.run(&Inputs::new().with("features", features.view()), &RunOptions::default())?;
//! let predictions = outputs.view::<f32>("predictions")?;
//! println!("{:?} by {}", predictions.shape(), outputs.provenance().sha256);
//! # Ok(())
//! # }
//! ```

mod assignment;
mod batch;
mod buffer;
mod cancel;
mod device;
mod elf;
mod error;
mod first_row;
mod golden;
pub mod graph_cache;
mod library;
mod model;
mod options;
mod output;
mod pool;
mod queue;
mod rows;
mod session;
pub mod split;
mod stop;
mod tensor;
#[cfg(test)]
mod tests;
mod weights;

pub use assignment::Assignment;
pub use batch::{BatchOptions, Batched};
pub use buffer::Buffer;
pub use cancel::CancelToken;
pub(crate) use cancel::Subscription;
pub use device::{Device, DeviceList};
pub use error::{GoldenMismatch, RuntimeError, Stage};
pub use golden::GoldenReport;
pub use library::{OLDEST_MINOR, Runtime};
pub use model::{FeaturiserMismatch, Model, OpenError, OpenOptions};
pub use options::{Optimization, PoolConfig, RunOptions};
pub use output::Outputs;
pub use pool::{LoadReport, SessionPool};
pub use session::{Signature, TensorPort};
pub use tensor::{Element, Inputs, f16};
