//! `watch`: cameras are looked at by scenes, rules make events of what is seen, and events reach every
//! output exactly as the journal has them.

pub mod clock;
pub mod config;
pub mod event;
pub mod health;
pub mod journal;
pub mod lifecycle;
pub mod meter;
pub mod pass;
pub mod rules;
pub mod sinks;

/// What a panic said.
fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
