//! Server-sent events (WHATWG HTML, "Server-sent events"): what an application publishes, once for all
//! who listen, and what each of them is sent.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use serde::Serialize;
use tokio::sync::broadcast;

use crate::problem::Problem;
use crate::stream::{Feed, HEARTBEAT};

/// What a client is sent first: how long to wait before it connects again, and a comment.
const GREETING: &[u8] = b"retry: 2000\n: open\n\n";
const BEAT: &[u8] = b":\n\n";

/// An event as it is sent.
#[derive(Debug, Clone)]
pub struct Event {
    id: Option<u64>,
    /// Empty where a listener does not want it.
    wire: Bytes,
}

impl Event {
    /// An event with its name (`event:`), its id where it can be resumed from, and its data as JSON.
    ///
    /// # Errors
    /// A value that is no JSON, such as a map whose keys are no strings.
    pub fn new(name: &str, id: Option<u64>, value: &impl Serialize) -> Result<Self, Problem> {
        let mut wire = Vec::with_capacity(256);
        // A line end would begin another field.
        let name = name.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r'));
        wire.extend(b"event: ".iter().copied().chain(name));
        if let Some(id) = id {
            wire.extend_from_slice(format!("\nid: {id}").as_bytes());
        }
        wire.extend_from_slice(b"\ndata: ");
        // JSON without spaces has no line ends: those in strings are escaped.
        serde_json::to_writer(&mut wire, value).map_err(Problem::internal)?;
        wire.extend_from_slice(b"\n\n");
        Ok(Self { id, wire: wire.into() })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> Option<u64> {
        self.id
    }
}

struct Published<T> {
    event: Event,
    value: T,
}

/// Where an application publishes events of one type. Publishing never waits: the newest are kept in a
/// ring that all listeners read from, whatever their number, and who is too slow for it misses some.
pub struct Topic<T> {
    ring: broadcast::Sender<Arc<Published<T>>>,
}

impl<T> Clone for Topic<T> {
    fn clone(&self) -> Self {
        Self { ring: self.ring.clone() }
    }
}

impl<T> std::fmt::Debug for Topic<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Topic({} listen)", self.ring.receiver_count())
    }
}

impl<T: Serialize + Send + Sync + 'static> Topic<T> {
    /// `kept` is how many events a listener may be behind before it misses some (1 to 65,536, rounded up
    /// to a power of two); it bounds the memory of all listeners together.
    #[must_use]
    pub fn new(kept: usize) -> Self {
        Self { ring: broadcast::Sender::new(kept.clamp(1, 1 << 16)) }
    }

    /// Tells all who listen. Ids are those of the application's journal, where it has one: written there
    /// before they are published, and growing.
    ///
    /// # Errors
    /// As [`Event::new`].
    pub fn publish(&self, name: &str, id: Option<u64>, value: T) -> Result<(), Problem> {
        let event = Event::new(name, id, &value)?;
        // That nobody listens is no error.
        let _ = self.ring.send(Arc::new(Published { event, value }));
        Ok(())
    }

    /// Everything that is published from now on.
    #[must_use]
    pub fn subscribe(&self) -> Subscription<T> {
        self.subscribe_to(|_| true)
    }

    /// What is published from now on and wanted.
    #[must_use]
    pub fn subscribe_to(&self, wanted: impl Fn(&T) -> bool + Send + 'static) -> Subscription<T> {
        use broadcast::error::RecvError;
        let start = (self.ring.subscribe(), wanted);
        let live = stream::unfold(start, |(mut ring, wanted)| async {
            let next = match ring.recv().await {
                Ok(published) => {
                    let Published { event, value } = published.as_ref();
                    let wire = if wanted(value) { event.wire.clone() } else { Bytes::new() };
                    Ok(Event { id: event.id, wire })
                }
                Err(RecvError::Lagged(missed)) => Err(missed),
                Err(RecvError::Closed) => return None,
            };
            Some((next, (ring, wanted)))
        });
        Subscription {
            live: live.boxed(),
            past: None,
            since: None,
            heartbeat: HEARTBEAT,
            of: PhantomData,
        }
    }

    /// How many listen.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.ring.receiver_count()
    }
}

/// Looks up events behind an id, oldest first, a page at a time.
type Past = Box<dyn FnMut(u64) -> Result<Vec<Event>, Problem> + Send>;

/// What one client is sent. A client that reads too slowly is sent an event named `lagged` with how many
/// it missed, `{"missed": 12}`, or, with [`Self::resume`], the events themselves.
pub struct Subscription<T> {
    live: BoxStream<'static, Result<Event, u64>>,
    past: Option<Past>,
    since: Option<u64>,
    heartbeat: Duration,
    of: PhantomData<fn() -> T>,
}

impl<T> std::fmt::Debug for Subscription<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").field("since", &self.since).finish_non_exhaustive()
    }
}

impl<T> Subscription<T> {
    /// Sends the events behind `since` first, where it is given, and those that a slow client missed:
    /// `past(id)` gives the next events behind `id`, oldest first, as many at a time as the application
    /// likes to hold in memory, and none at the end. It is called on a thread. Ids must grow; each event
    /// is sent once, although it may be in the past and be published meanwhile.
    #[must_use]
    pub fn resume(
        mut self,
        since: Option<u64>,
        past: impl FnMut(u64) -> Result<Vec<Event>, Problem> + Send + 'static,
    ) -> Self {
        self.since = since;
        self.past = Some(Box::new(past));
        self
    }

    /// The longest silence before a comment is sent; 15 s otherwise.
    #[must_use]
    pub fn heartbeat(mut self, every: Duration) -> Self {
        self.heartbeat = every.max(Duration::from_millis(1));
        self
    }

    pub(crate) fn feed(self) -> Feed {
        let behind = self.past.is_some() && self.since.is_some();
        let reader = Reader {
            live: self.live,
            past: self.past,
            page: VecDeque::new(),
            seen: self.since,
            looked_up: None,
            behind,
            missed: 0,
            heartbeat: self.heartbeat,
            greeted: false,
        };
        let pieces = stream::unfold(reader, |mut reader| async {
            let piece = reader.next().await?;
            Some((piece, reader))
        });
        // Whoever asks once more after the end gets the end again.
        Feed { content_type: "text/event-stream".to_owned(), pieces: pieces.fuse().boxed() }
    }
}

struct Reader {
    live: BoxStream<'static, Result<Event, u64>>,
    past: Option<Past>,
    page: VecDeque<Event>,
    /// The newest id that was sent, or that the client had.
    seen: Option<u64>,
    /// The newest id that came from the past: what is published up to there has been sent.
    looked_up: Option<u64>,
    /// There may be more in the past.
    behind: bool,
    /// Events that the ring had lost, until they are looked up.
    missed: u64,
    heartbeat: Duration,
    greeted: bool,
}

impl Reader {
    async fn next(&mut self) -> Option<Bytes> {
        if !std::mem::replace(&mut self.greeted, true) {
            return Some(Bytes::from_static(GREETING));
        }
        loop {
            if let Some(event) = self.page.pop_front() {
                self.seen = self.seen.max(event.id);
                self.looked_up = self.looked_up.max(event.id);
                return Some(event.wire);
            }
            if self.behind {
                self.look_up().await?;
                let missed = std::mem::take(&mut self.missed);
                if missed > 0 && self.page.is_empty() {
                    // The past does not know them either.
                    return Some(lagged(missed));
                }
                continue;
            }
            match tokio::time::timeout(self.heartbeat, self.live.next()).await {
                Err(_) => return Some(Bytes::from_static(BEAT)),
                Ok(None) => return None,
                Ok(Some(Ok(event))) => {
                    if event.id.is_some_and(|id| Some(id) <= self.looked_up) {
                        continue;
                    }
                    // Not the larger of the two: a journal may have begun anew.
                    self.seen = event.id.or(self.seen);
                    if !event.wire.is_empty() {
                        return Some(event.wire);
                    }
                }
                Ok(Some(Err(missed))) if self.past.is_some() && self.seen.is_some() => {
                    (self.behind, self.missed) = (true, missed);
                }
                Ok(Some(Err(missed))) => return Some(lagged(missed)),
            }
        }
    }

    /// Fetches the next page of the past; `None` where it cannot be read, which ends the stream.
    async fn look_up(&mut self) -> Option<()> {
        let (mut past, seen) = (self.past.take()?, self.seen?);
        let looked = tokio::task::spawn_blocking(move || {
            let page = past(seen);
            (past, page)
        });
        let (past, page) = looked.await.ok()?;
        self.past = Some(past);
        let page = page.ok()?;
        // What does not lead on would be asked for again for ever.
        self.page = page.into_iter().filter(|event| event.id > Some(seen)).collect();
        self.behind = !self.page.is_empty();
        Some(())
    }
}

fn lagged(missed: u64) -> Bytes {
    format!("event: lagged\ndata: {{\"missed\":{missed}}}\n\n").into()
}

#[cfg(test)]
mod tests;
