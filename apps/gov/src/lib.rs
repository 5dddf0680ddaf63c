//! Government document Q&A: laws, notices, service guides and hotline cases in; answers out that quote the exact article,
//! as of a day, for the reader's department, or a refusal.

pub mod answer;
pub mod audit;
pub mod check;
pub mod cli;
pub mod desk;
pub mod evaluate;
pub mod guide;
pub mod http;
pub mod ingest;
pub mod models;
pub mod refusal;
pub mod route;
pub mod scenario;
pub mod shelf;
