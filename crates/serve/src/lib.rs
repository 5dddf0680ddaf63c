//! The HTTP door of every industry. An application describes what it can do as operations, plain
//! functions from a typed request to a typed reply, and gets a server: the Open Inference Protocol
//! for its models, dynamic batching, jobs that survive a restart, keys, limits, metrics, an OpenAPI
//! document, and an end that loses no request.

mod app;
mod batch;
mod body;
mod call;
mod door;
mod forms;
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
mod screen;
mod server;
mod service;
pub mod settings;
mod stall;
mod standard;
mod state;
mod stream;
pub mod telemetry;
pub mod tls;
mod topic;
mod upload;

pub use app::{App, Kit, Mine, WarmUp, openapi_document};
pub use batch::{aside, through, through_all};
pub use bytes::Bytes;
pub use call::Call;
pub use forms::{Drawing, Spoken};
pub use jobs_http::{JobDoor, UploadParameters};
pub use oip::oip_inputs;
pub use operation::{Describe, Nothing, Operation};
pub use page::Asset;
pub use problem::{FieldError, Kind, Problem};
pub use run::{Running, ServeError, run, start};
pub use screen::{Film, Screen};
pub use service::{Service, Stop};
pub use standard::{FeaturiserInfo, Source};
pub use topic::{Event, Subscription, Topic};
pub use upload::{DOCUMENTS, PICTURES, Reply, Taking, Upload};
