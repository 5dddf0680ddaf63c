//! Writing beside the model: a thread takes states through a bounded queue, cuts out what is wanted and gives it to the file. When
//! it falls behind, the run waits; it never holds more states than there are buffers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use super::RolloutError;
use super::selection::{Selected, unit};
use super::step::Buffers;
use crate::field::Header;
use crate::sink::{Sink, WriteError};
use crate::time::Time;

/// A state that is shared between the run and the writer; its memory goes home when both have let go.
#[derive(Debug)]
pub(super) struct Shared {
    state: Option<Buffers>,
    home: Sender<Buffers>,
}

impl Shared {
    pub(super) fn state(&self) -> Option<&Buffers> {
        self.state.as_ref()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(state) = self.state.take() {
            // Nobody is home when the run is over.
            let _ = self.home.send(state);
        }
    }
}

/// Memory for states: so many, and no more.
pub(super) struct Pool {
    home: (Sender<Buffers>, Receiver<Buffers>),
    made: usize,
    most: usize,
}

impl Pool {
    pub(super) fn new(most: usize) -> Self {
        Self { home: channel(), made: 0, most: most.max(3) }
    }

    /// Memory of a state: one that was let go, a new one, or the next that the writer lets go.
    pub(super) fn take(
        &mut self,
        contract: &crate::card::Contract,
    ) -> Result<Buffers, RolloutError> {
        if let Ok(state) = self.home.1.try_recv() {
            return Ok(state);
        }
        if self.made < self.most {
            self.made += 1;
            return Buffers::zeros(contract);
        }
        // The pool holds a sender itself, so that this only ends with a state.
        self.home.1.recv().map_err(|_| RolloutError::Writer)
    }

    /// Takes the memory of a state from outside among its own.
    pub(super) fn adopt(&mut self, state: Buffers) -> Arc<Shared> {
        self.made += 1;
        self.share(state)
    }

    /// Forgets memory that was lost in a failed call.
    pub(super) fn lost(&mut self) {
        self.made = self.made.saturating_sub(1);
    }

    pub(super) fn share(&self, state: Buffers) -> Arc<Shared> {
        Arc::new(Shared { state: Some(state), home: self.home.0.clone() })
    }
}

enum Job {
    State { shared: Arc<Shared>, member: Option<u32>, step: i64 },
    Flush(SyncSender<()>),
}

/// What headers say beside the field.
#[derive(Debug, Clone)]
pub(super) struct Labels {
    pub(super) reference: Time,
    pub(super) attributes: BTreeMap<String, String>,
}

/// The writing thread.
pub(super) struct Writer {
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<Result<Box<dyn Sink>, WriteError>>>,
}

impl Writer {
    pub(super) fn start(
        sink: Box<dyn Sink>,
        selected: Selected,
        labels: Labels,
    ) -> Result<Self, RolloutError> {
        // States queue in the pool's memory; the queue itself holds pointers.
        let (jobs, queue) = sync_channel(64);
        let builder = std::thread::Builder::new().name("strata-forecast-writer".to_owned());
        let thread = builder
            .spawn(move || work(sink, &selected, &labels, &queue))
            .map_err(|_| RolloutError::Writer)?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Hands a state over.
    pub(super) fn write(
        &mut self,
        shared: Arc<Shared>,
        member: Option<u32>,
        step: i64,
    ) -> Result<(), RolloutError> {
        self.send(Job::State { shared, member, step })
    }

    /// Waits until all that was handed over is on the disk.
    pub(super) fn flush(&mut self) -> Result<(), RolloutError> {
        let (done, wait) = sync_channel(1);
        self.send(Job::Flush(done))?;
        match wait.recv() {
            Ok(()) => Ok(()),
            Err(_) => Err(self.why()),
        }
    }

    /// Ends the file.
    pub(super) fn finish(mut self) -> Result<(), RolloutError> {
        self.jobs = None;
        let sink = self.join()?;
        Ok(sink.finish()?)
    }

    fn send(&mut self, job: Job) -> Result<(), RolloutError> {
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        if sent { Ok(()) } else { Err(self.why()) }
    }

    fn join(&mut self) -> Result<Box<dyn Sink>, RolloutError> {
        let thread = self.thread.take().ok_or(RolloutError::Writer)?;
        Ok(thread.join().map_err(|_| RolloutError::Writer)??)
    }

    fn why(&mut self) -> RolloutError {
        self.jobs = None;
        self.join().err().unwrap_or(RolloutError::Writer)
    }
}

impl Drop for Writer {
    /// A run that stops brings what it handed over to the disk.
    fn drop(&mut self) {
        self.jobs = None;
        if let Ok(mut sink) = self.join() {
            let _ = sink.flush();
        }
    }
}

fn work(
    mut sink: Box<dyn Sink>,
    selected: &Selected,
    labels: &Labels,
    queue: &Receiver<Job>,
) -> Result<Box<dyn Sink>, WriteError> {
    for job in queue {
        match job {
            Job::Flush(done) => {
                sink.flush()?;
                let _ = done.send(());
            }
            Job::State { shared, member, step } => {
                let Some(state) = shared.state() else { continue };
                for place in &selected.places {
                    let values = &state.0[place.port].values()[place.range.clone()];
                    let header = Header {
                        variable: place.variable.clone(),
                        level: place.at(),
                        reference: labels.reference,
                        step,
                        member,
                        unit: unit(&place.variable).to_owned(),
                        grid: Arc::clone(&selected.grid),
                        attributes: labels.attributes.clone(),
                    };
                    sink.write(&header, &selected.crop(values))?;
                }
            }
        }
    }
    Ok(sink)
}
