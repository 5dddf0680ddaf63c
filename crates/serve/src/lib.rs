//! The HTTP door of every industry. An application describes what it can do as operations, plain
//! functions from a typed request to a typed reply, and gets a server: the Open Inference Protocol
//! for its models, dynamic batching, jobs that survive a restart, keys, limits, metrics, an OpenAPI
//! document, and an end that loses no request.

mod app;
mod batch;
mod body;
mod door;
mod gate;
mod input;
pub mod jobs;
mod jobs_http;
pub mod keys;
mod oip;
mod openapi;
mod operation;
mod origin;
mod page;
mod problem;
mod random;
pub mod rate;
mod reply;
mod run;
mod server;
pub mod settings;
mod standard;
mod state;
pub mod telemetry;
pub mod tls;

pub use app::{App, Kit, Mine, WarmUp, openapi_document};
pub use batch::{aside, through, through_all};
pub use jobs_http::{JobDoor, UploadParameters};
pub use operation::{Call, Describe, Nothing, Operation};
pub use page::Asset;
pub use problem::{FieldError, Kind, Problem};
pub use run::{Running, ServeError, run, start};
pub use standard::{FeaturiserInfo, Source};
