//! Downloads for models, data sets and the runtime: they resume, are checked, and appear whole or not at all.
//!
//! A file is known by its SHA-256 before it is fetched, so it does not matter who serves it: any of several URLs,
//! a mirror directory carried into a closed network, or a mirror server. [`fetch`] writes to `<name>.part` beside
//! the destination, resumes it by byte range after a cut connection or in a later call, checks size and digest,
//! flushes it to disk and renames it into place. Two processes that want the same file wait for each other.
//!
//! The library prints nothing: a [`Progress`] observer is told what happens.
//!
//! ```no_run
//! use strata_fetch::{Digest, Request, Silent, fetch};
//!
//! let digest = Digest::parse("9ffa7fe57dc86c342627ee1d5255e937e2ab812393c73c4d16c697022f6e1d22")?;
//! let mut request = Request::new("data/HIV.csv", digest);
//! request.urls = vec!["https://example.org/HIV.csv".to_owned()];
//! request.bytes = Some(2_193_844);
//! let fetched = fetch(&request, &mut Silent)?;
//! println!("{} bytes from {}", fetched.bytes, fetched.origin);
//! # Ok::<(), strata_fetch::FetchError>(())
//! ```

mod copy;
mod date;
mod digest;
mod engine;
mod error;
mod http;
mod locate;
mod part;
mod progress;
mod proxy;
mod request;
mod source;
mod url;

pub use digest::{Digest, hash_file};
pub use engine::{Fetched, Origin, fetch};
pub use error::FetchError;
pub use locate::locate;
pub use progress::{Progress, Silent, Snapshot};
pub use proxy::Proxies;
pub use request::{Mirror, Request, RetryPolicy, Timeouts};

/// The result of an operation of this library.
pub type Result<T> = std::result::Result<T, FetchError>;
