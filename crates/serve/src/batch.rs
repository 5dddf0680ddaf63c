//! Waiting for a batch without holding a thread, and its errors as problems.

use std::collections::VecDeque;
use std::time::Duration;

use strata_core::batching::{Ask, BatchError, BatchFacts, Batcher, Done, Observer, Ticket, Where};
use strata_core::runtime::{CancelToken, RuntimeError};
use tokio::sync::oneshot;

use crate::problem::{Kind, Problem};
use crate::telemetry::{ModelMetrics, Stage, trace};

/// Does work that takes a while on another thread, so that other requests are not held up.
///
/// # Errors
/// Where it panics.
pub async fn aside<R: Send + 'static>(
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(Problem::internal)
}

/// Puts something into a batcher and waits for its answer. Dropping the future cancels it.
///
/// # Errors
/// [`BatchError`].
pub async fn through<T: Send + 'static, R: Send + 'static>(
    batcher: &Batcher<T, R>,
    ask: Ask,
    payload: T,
    cancel: &CancelToken,
) -> Result<Done<R>, BatchError> {
    Pending::submit(batcher, ask, payload, cancel)?.answer().await
}

/// Pieces of one request that are in the queue at a time: enough to keep two sessions busy, few enough
/// to leave room for others.
const WINDOW: usize = 2;

/// As [`through`] for the pieces of one large request, a few at a time; the answers in order. The
/// first piece decides whether the request is let in; for the others it waits where the queue is
/// full, until the request's own deadline.
///
/// # Errors
/// The first piece's [`BatchError`]; the others are cancelled then.
pub async fn through_all<T: Clone + Send + 'static, R: Send + 'static>(
    batcher: &Batcher<T, R>,
    pieces: Vec<(Ask, T)>,
    cancel: &CancelToken,
) -> Result<Vec<Done<R>>, BatchError> {
    let mut answers = Vec::with_capacity(pieces.len());
    let mut pieces = pieces.into_iter();
    let mut waiting = VecDeque::with_capacity(WINDOW);
    loop {
        while waiting.len() < WINDOW
            && let Some((ask, payload)) = pieces.next()
        {
            // The first piece is never tried again, so that a small request is not copied.
            let first = answers.is_empty() && waiting.is_empty();
            let kept = (!first).then(|| payload.clone());
            let submitted = Pending::submit(batcher, ask, payload, cancel);
            waiting.push_back((ask, kept, submitted));
        }
        let Some((ask, kept, submitted)) = waiting.pop_front() else {
            return Ok(answers);
        };
        let mut answer = answer_of(submitted).await;
        while let (Some(pause), Some(payload)) = (again(&answer), &kept) {
            tokio::time::sleep(pause).await;
            answer = answer_of(Pending::submit(batcher, ask, payload.clone(), cancel)).await;
        }
        answers.push(answer?);
    }
}

async fn answer_of<R: Send + 'static>(
    submitted: Result<Pending<R>, BatchError>,
) -> Result<Done<R>, BatchError> {
    submitted?.answer().await
}

/// How long to wait before trying again, where that can help.
fn again<R>(answer: &Result<Done<R>, BatchError>) -> Option<Duration> {
    match answer {
        Err(BatchError::Full { retry_after }) => Some((*retry_after).min(Duration::from_secs(1))),
        Err(BatchError::QueueTimeout { .. }) => Some(Duration::ZERO),
        _ => None,
    }
}

/// A request that has been submitted; dropping it cancels it.
struct Pending<R> {
    ticket: Ticket,
    receiver: oneshot::Receiver<Result<Done<R>, BatchError>>,
}

impl<R: Send + 'static> Pending<R> {
    fn submit<T: Send + 'static>(
        batcher: &Batcher<T, R>,
        ask: Ask,
        payload: T,
        cancel: &CancelToken,
    ) -> Result<Self, BatchError> {
        let (sender, receiver) = oneshot::channel();
        // Nobody listens any more where the client has gone.
        let reply = Box::new(move |answer| drop(sender.send(answer)));
        let ticket = batcher.submit(ask, payload, Some(cancel), reply)?;
        Ok(Self { ticket, receiver })
    }

    async fn answer(self) -> Result<Done<R>, BatchError> {
        let answer = self.receiver.await.unwrap_or(Err(BatchError::Closed));
        self.ticket.detach();
        if let Ok(done) = &answer {
            trace::batch(done);
        }
        answer
    }
}

impl From<BatchError> for Problem {
    fn from(error: BatchError) -> Self {
        let busy = |code: &'static str| Self::new(Kind::Unavailable, code, &error);
        match &error {
            BatchError::Full { retry_after } => {
                Self::new(Kind::TooManyRequests, "queue-full", "too many requests wait already")
                    .retry(*retry_after)
            }
            BatchError::QueueTimeout { .. } => busy("queue-timeout").retry(Duration::from_secs(1)),
            BatchError::Deadline { .. } => busy("deadline").retry(Duration::from_secs(1)),
            BatchError::Cancelled => busy("cancelled"),
            BatchError::Closed => busy("closed").retry(Duration::from_secs(1)),
            BatchError::TooLarge { .. } => Self::new(Kind::TooLarge, "too-many-rows", &error)
                .with_remedy("send fewer rows at a time"),
            BatchError::Failed(inner) => match inner.as_ref() {
                // ONNX Runtime refused these numbers: an index out of range, say.
                RuntimeError::Run { .. }
                | RuntimeError::InputUnknown { .. }
                | RuntimeError::InputMissing { .. }
                | RuntimeError::InputType { .. }
                | RuntimeError::InputShape { .. } => {
                    Self::new(Kind::Unprocessable, "bad-tensor", &error)
                }
                RuntimeError::Deadline { .. } => busy("deadline").retry(Duration::from_secs(1)),
                RuntimeError::Cancelled { .. } => busy("cancelled"),
                _ => Self::internal(&error),
            },
            _ => Self::internal(&error),
        }
    }
}

/// A model's batches in its metrics.
impl Observer for ModelMetrics {
    fn queued(&self, depth: usize, _: u64) {
        self.queue_depth(depth);
    }

    fn rejected(&self, reason: &'static str) {
        Self::rejected(self, reason);
    }

    fn batch(&self, facts: &BatchFacts<'_>) {
        count(self, facts);
        self.stage(Stage::Infer, facts.running);
    }

    fn cancelled(&self, _: Where) {
        Self::cancelled(self);
    }
}

/// Batches that are more than a model's run: who runs them knows how long each stage took.
pub(crate) struct Belt(pub(crate) ModelMetrics);

impl Observer for Belt {
    fn queued(&self, depth: usize, _: u64) {
        self.0.queue_depth(depth);
    }

    fn rejected(&self, reason: &'static str) {
        self.0.rejected(reason);
    }

    fn batch(&self, facts: &BatchFacts<'_>) {
        count(&self.0, facts);
    }

    fn cancelled(&self, _: Where) {
        self.0.cancelled();
    }
}

fn count(metrics: &ModelMetrics, facts: &BatchFacts<'_>) {
    let padding = facts.padded_cost.saturating_sub(facts.cost);
    metrics.batch(facts.rows, padding as f64 / facts.padded_cost.max(1) as f64);
    facts.waits.iter().for_each(|wait| metrics.stage(Stage::Queue, *wait));
}
