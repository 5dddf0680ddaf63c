//! The belt every record rides, whatever the industry: `source → prepare → infer → interpret → sink`.
//!
//! A record in is a record out, in order, or an error in its place. Memory is bounded by the number
//! of chunks under way, not by the input. What is done is kept in a [`Journal`], so a run killed at
//! any moment goes on from its last whole chunk and ends in the same bytes.

mod error;
mod journal;
mod pipeline;
mod progress;
mod rank;
mod worker;

pub use error::{RecordError, StreamError};
pub use journal::{Frame, Frames, Identity, Journal, Opened};
pub use pipeline::{
    Chunk, Interpret, Options, Outcome, Sink, Source, SourceError, StageTimes, Stages, Tally, run,
};
pub use progress::{Progress, Silent, Update};
pub use rank::Ranking;
pub(crate) use worker::{Encoded, Row, Worker, stopped};
