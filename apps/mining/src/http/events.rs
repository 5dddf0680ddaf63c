//! `/v1/events`: what the watched cameras saw, from the journal and as it comes.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_serve::keys::Scope;
use strata_serve::{Event as Sent, Operation, Problem};

use super::cameras::Cameras;
use super::picture::JPEG;
use crate::watch::event::{Change, Event, Severity};
use crate::watch::journal::{EventPage, EventQuery};

/// Which events of a stream.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StreamAsk {
    /// Of a camera.
    camera: Option<String>,
    /// Of this severity or a higher one.
    min_severity: Option<Severity>,
}

impl StreamAsk {
    fn wants(&self, change: &Change) -> bool {
        let event = &change.event;
        self.camera.as_ref().is_none_or(|camera| *camera == event.camera)
            && self.min_severity.is_none_or(|least| event.severity >= least)
    }
}

/// Which event.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EventAsk {
    /// Its identifier.
    id: String,
}

/// An event.
#[derive(Debug, Serialize, JsonSchema)]
struct EventReply {
    /// As of its last change.
    event: Event,
}

pub(super) fn operations(cameras: &Arc<Cameras>) -> Vec<Operation> {
    let [list, stream, one, snapshot] = std::array::from_fn(|_| Arc::clone(cameras));
    vec![
        Operation::get("events", "/v1/events")
            .about(
                "Events",
                "Events of the watched cameras, the youngest first",
                "`next` of a page is the `before` of the one behind it.",
            )
            .scope(Scope::Read)
            .computes(move |_, query: EventQuery| -> Result<EventPage, Problem> {
                list.handle()?.events(&query).map_err(Problem::internal)
            }),
        Operation::get("event-stream", "/v1/events/stream")
            .about(
                "Events",
                "Events as they come",
                "Server-sent events `new`, `update` and `end`, each with the whole event. With `Last-Event-ID` \
                 the changes since then come first, from the journal.",
            )
            .scope(Scope::Read)
            .streams(move |_, ask: StreamAsk, last| {
                let handle = stream.handle()?;
                let live = ask.clone();
                let live = stream.topic().subscribe_to(move |change| live.wants(change));
                Ok(live.resume(last, move |after| {
                    let mut changes = handle.subscribe(Some(after));
                    loop {
                        let page = changes.next(Duration::ZERO).map_err(Problem::internal)?;
                        let wanted: Vec<&Change> = page.iter().filter(|c| ask.wants(c)).collect();
                        // A page without anything wanted is not the end.
                        if !wanted.is_empty() || page.is_empty() {
                            return wanted.into_iter().map(sent).collect();
                        }
                    }
                }))
            }),
        Operation::get("event", "/v1/events/{id}")
            .about("Events", "An event", "")
            .scope(Scope::Read)
            .computes(move |_, ask: EventAsk| Ok(EventReply { event: find(&one, &ask.id)? })),
        Operation::get("snapshot", "/v1/events/{id}/snapshot")
            .about("Events", "The picture of the moment it became an event", "")
            .scope(Scope::Read)
            .draws(JPEG, move |_, ask: EventAsk| {
                let event = find(&snapshot, &ask.id)?;
                let none = || Problem::not_found("no-snapshot", "there is no snapshot of this event");
                let path = snapshot.handle()?.snapshot_path(&event).ok_or_else(none)?;
                std::fs::read(path).map_err(|error| {
                    tracing::warn!(event = event.id, %error, "snapshot not read");
                    none()
                })
            }),
    ]
}

fn sent(change: &Change) -> Result<Sent, Problem> {
    Sent::new(change.kind.as_str(), Some(change.seq), change)
}

fn find(cameras: &Cameras, id: &str) -> Result<Event, Problem> {
    let found = cameras.handle()?.event(id).map_err(Problem::internal)?;
    found.ok_or_else(|| {
        let id: String = id.chars().take(80).collect();
        let text = format!("there is no event {id:?}");
        Problem::not_found("no-event", text).with_remedy("/v1/events lists them")
    })
}
