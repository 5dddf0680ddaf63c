//! Frames that wait to be looked at: a short queue for each camera, the oldest dropped when another
//! comes, and the cameras in the order in which they came to have one. A camera is with one worker at a
//! time, so that its frames are looked at in their order.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use strata_vision::image::Image;

/// A frame of a camera.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// The picture.
    pub(super) image: Arc<Image>,
    /// When it came, milliseconds since 1970.
    pub(super) at_ms: i64,
    /// When it came, to measure from.
    pub(super) arrived: Instant,
    /// Number among the camera's frames that were offered.
    pub(super) number: u64,
}

/// Frames of different cameras that are looked at together.
pub(super) type Job = Vec<(usize, Frame)>;

#[derive(Debug, Default)]
struct Slot {
    frames: VecDeque<Frame>,
    busy: bool,
    /// It stands in the order.
    listed: bool,
}

#[derive(Debug, Default)]
struct State {
    slots: Vec<Slot>,
    order: VecDeque<usize>,
    closed: bool,
}

/// The queues of all cameras.
#[derive(Debug)]
pub(super) struct Floor {
    state: Mutex<State>,
    ready: Condvar,
}

impl Floor {
    pub(super) fn new(cameras: usize) -> Self {
        let slots = (0..cameras).map(|_| Slot::default()).collect();
        let state = Mutex::new(State { slots, ..State::default() });
        Self { state, ready: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A camera has a frame; `limit` may wait. How many were dropped for it.
    pub(super) fn offer(&self, camera: usize, frame: Frame, limit: usize) -> u64 {
        let mut state = self.lock();
        if state.closed {
            return 1;
        }
        let Some(slot) = state.slots.get_mut(camera) else { return 1 };
        let mut dropped = 0;
        while slot.frames.len() >= limit.max(1) {
            slot.frames.pop_front();
            dropped += 1;
        }
        slot.frames.push_back(frame);
        if !slot.busy && !slot.listed {
            slot.listed = true;
            state.order.push_back(camera);
            self.ready.notify_one();
        }
        dropped
    }

    /// Throws away what waits of a camera. How many frames.
    pub(super) fn clear(&self, camera: usize) -> u64 {
        let mut state = self.lock();
        let Some(slot) = state.slots.get_mut(camera) else { return 0 };
        let count = slot.frames.len() as u64;
        slot.frames.clear();
        slot.listed = false;
        state.order.retain(|listed| *listed != camera);
        count
    }

    /// Waits, `most` at the longest, for frames: of the camera that has waited longest, and of others
    /// that `goes_with` it, up to `batch`. `None` when the floor is closed; nothing in time is an empty
    /// job.
    pub(super) fn take(
        &self,
        batch: usize,
        goes_with: &dyn Fn(usize, usize) -> bool,
        most: Duration,
    ) -> Option<Job> {
        let mut state = self.lock();
        let until = Instant::now() + most;
        while state.order.is_empty() {
            if state.closed {
                return None;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Some(Vec::new());
            }
            state = self.ready.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let first = *state.order.front()?;
        let mut chosen: Vec<usize> = Vec::new();
        for camera in &state.order {
            if chosen.len() < batch.max(1) && (*camera == first || goes_with(first, *camera)) {
                chosen.push(*camera);
            }
        }
        state.order.retain(|camera| !chosen.contains(camera));
        let mut job = Vec::with_capacity(chosen.len());
        for camera in chosen {
            let Some(slot) = state.slots.get_mut(camera) else { continue };
            slot.listed = false;
            if let Some(frame) = slot.frames.pop_front() {
                slot.busy = true;
                job.push((camera, frame));
            }
        }
        Some(job)
    }

    /// A worker is through with frames of these cameras.
    pub(super) fn done(&self, cameras: &[usize]) {
        let mut state = self.lock();
        for camera in cameras {
            let Some(slot) = state.slots.get_mut(*camera) else { continue };
            slot.busy = false;
            if !slot.frames.is_empty() && !slot.listed {
                slot.listed = true;
                state.order.push_back(*camera);
                self.ready.notify_one();
            }
        }
    }

    /// Whether nothing waits of a camera and nobody is at work on it.
    pub(super) fn is_quiet(&self, camera: usize) -> bool {
        self.lock().slots.get(camera).is_none_or(|slot| slot.frames.is_empty() && !slot.busy)
    }

    /// Whether nothing waits and nobody is at work.
    pub(super) fn is_idle(&self) -> bool {
        self.lock().slots.iter().all(|slot| slot.frames.is_empty() && !slot.busy)
    }

    /// Frames of a camera that wait.
    pub(super) fn waiting(&self, camera: usize) -> usize {
        self.lock().slots.get(camera).map_or(0, |slot| slot.frames.len())
    }

    /// Takes no more frames and throws away what waits; workers go home.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.order.clear();
        for slot in &mut state.slots {
            slot.frames.clear();
            slot.listed = false;
        }
        self.ready.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use strata_vision::geometry::Size;

    use super::*;

    fn frame(number: u64) -> Frame {
        let image = Arc::new(Image::filled(Size::new(1, 1), [0; 3]));
        Frame { image, at_ms: 0, arrived: Instant::now(), number }
    }

    fn take(floor: &Floor, batch: usize) -> Vec<(usize, u64)> {
        let even = |a: usize, b: usize| a % 2 == b % 2;
        let job = floor.take(batch, &even, Duration::from_millis(1)).unwrap();
        job.into_iter().map(|(camera, frame)| (camera, frame.number)).collect()
    }

    #[test]
    fn the_oldest_is_dropped_and_counted() {
        let floor = Floor::new(1);
        let dropped: u64 = (0..100).map(|n| floor.offer(0, frame(n), 2)).sum();
        assert_eq!((dropped, floor.waiting(0)), (98, 2));
        assert_eq!(take(&floor, 4), [(0, 98)]);
        assert_eq!(take(&floor, 4), [], "the camera is with a worker");
        floor.done(&[0]);
        assert_eq!(take(&floor, 4), [(0, 99)]);
        floor.done(&[0]);
        assert!(floor.is_idle());
    }

    #[test]
    fn cameras_take_turns_and_go_together_where_they_can() {
        let floor = Floor::new(5);
        for camera in [3, 0, 1, 2] {
            floor.offer(camera, frame(0), 1);
        }
        assert_eq!(take(&floor, 2), [(3, 0), (1, 0)]);
        floor.offer(3, frame(1), 1);
        assert_eq!(take(&floor, 9), [(0, 0), (2, 0)]);
        floor.offer(4, frame(0), 1);
        floor.done(&[3, 1]);
        assert_eq!(take(&floor, 9), [(4, 0)]);
        assert_eq!(take(&floor, 9), [(3, 1)]);
        assert_eq!(floor.offer(9, frame(0), 1), 1);
    }

    #[test]
    fn what_waits_of_a_lost_camera_is_thrown_away() {
        let floor = Floor::new(2);
        floor.offer(0, frame(0), 3);
        floor.offer(0, frame(1), 3);
        floor.offer(1, frame(0), 3);
        assert_eq!(floor.clear(0), 2);
        assert_eq!(take(&floor, 1), [(1, 0)]);
        floor.close();
        assert!(floor.take(1, &|_, _| true, Duration::from_secs(60)).is_none());
        assert_eq!((floor.offer(0, frame(2), 1), floor.waiting(0)), (1, 0));
    }
}
