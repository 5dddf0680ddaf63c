//! Evaluation on questions with known answers: retrieval, answer spans, exact addresses, verbatim quotes, stale citations,
//! refusal. The same functions answer as for people.

mod questions;
mod run;
mod tally;

pub use questions::{Question, QuestionError, read};
pub use run::{EvalJob, evaluate};
pub use tally::Figures;
