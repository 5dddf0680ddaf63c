//! Questions to answers: passages are found, read, and quoted with their addresses, or the question is refused.

mod ask;
mod citation;
mod find;
mod text;

pub use ask::{Answer, Ask, Outcome, QuotedSpan, RefusalInfo, ask};
pub(crate) use citation::Ground;
pub use citation::{Citation, StatusName};
pub(crate) use find::hits;
pub use find::{LONGEST, Passage, SearchAsk, SearchReply, kind, ranked_documents, search};
pub use text::{named, render};
