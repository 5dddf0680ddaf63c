//! NumPy's arrays, `.npy` and `.npz`: the inputs of weather models as they are published, which name no variable, level or time.
//! A model's card tells what they are.

mod array;
#[cfg(feature = "models")]
mod state;

pub use array::{Array, read, read_archive};
#[cfg(feature = "models")]
pub use state::{State, state};
