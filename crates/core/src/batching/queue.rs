//! The queue before a model: which items run together, and when. A plain state machine without
//! threads or a clock: whoever calls it says what time it is.
//!
//! An item is *ripe* when it has waited [`Limits::max_delay`], when its group holds a whole batch, or
//! when waiting is of no use (it shares with nobody, the queue is closed). A ripe item heads a batch:
//! the one of highest [`Priority`](super::Priority), among those the one whose caller is furthest
//! behind its fair share. The batch is then filled from the head's group, nearest lengths first, ripe
//! or not. Every operation takes O(log n) an item.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::fairness::{Shares, Tag};
use super::fill::{Fill, Lengths};
use super::limits::{Ask, Batch, Expired, ItemId, Limits, Member, Next, Rejected};
use super::rate::Rate;

/// One batch of so many is headed by the item that has waited longest, if that is beyond its aging.
const AGED_TURN: u64 = 4;

/// Number of priorities.
pub(super) const LEVELS: usize = 3;

/// The queue.
#[derive(Debug)]
pub struct BatchQueue<T> {
    limits: Limits,
    closed: bool,
    /// By number, which is by age.
    items: BTreeMap<u64, Item<T>>,
    cost: u64,
    rows: usize,
    next_id: u64,
    last_arrival: Option<Instant>,
    /// Items that can head a batch, by priority, in the order of their turn.
    ripe: [BTreeSet<(Tag, u64)>; LEVELS],
    /// Items that wait for others, by age.
    unripe: BTreeSet<u64>,
    groups: FxHashMap<u64, Group>,
    expiries: BTreeSet<(Instant, u64)>,
    expired: Vec<Expired<T>>,
    shares: [Shares; LEVELS],
    rate: Rate,
    running: usize,
    turns: u64,
}

#[derive(Debug)]
struct Item<T> {
    ask: Ask,
    arrived: Instant,
    cost: u64,
    tag: Tag,
    ripe: bool,
    /// When it is too late, and whether by its own deadline.
    expiry: Option<(Instant, bool)>,
    payload: T,
}

/// Items that can share a batch.
#[derive(Debug, Default)]
struct Group {
    lengths: [Lengths; LEVELS],
    unripe: BTreeSet<u64>,
    ripe: usize,
    rows: usize,
    cost: u64,
}

impl<T> BatchQueue<T> {
    /// An empty queue. Limits of 0 rows, cost or items count as 1.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let limits = Limits {
            max_rows: limits.max_rows.max(1),
            max_cost: limits.max_cost.max(1),
            queue_items: limits.queue_items.max(1),
            queue_cost: limits.queue_cost.max(1),
            ..limits
        };
        Self {
            limits,
            closed: false,
            items: BTreeMap::new(),
            cost: 0,
            rows: 0,
            next_id: 0,
            last_arrival: None,
            ripe: Default::default(),
            unripe: BTreeSet::new(),
            groups: FxHashMap::default(),
            expiries: BTreeSet::new(),
            expired: Vec::new(),
            shares: Default::default(),
            rate: Rate::default(),
            running: 0,
            turns: 0,
        }
    }

    /// Adds an item.
    ///
    /// # Errors
    /// Why it can't be taken, with the payload.
    pub fn push(
        &mut self,
        now: Instant,
        mut ask: Ask,
        payload: T,
    ) -> Result<ItemId, (Rejected, T)> {
        (ask.rows, ask.length) = (ask.rows.max(1), ask.length.max(1));
        let cost = match self.admit(now, &ask) {
            Ok(cost) => cost,
            Err(why) => return Err((why, payload)),
        };
        let id = self.next_id;
        self.next_id += 1;
        // Never before an earlier item: numbers are in the order of arrival.
        let arrived = self.last_arrival.map_or(now, |last| last.max(now));
        self.last_arrival = Some(arrived);
        self.cost += cost;
        self.rows += ask.rows;
        let level = ask.priority as usize;
        let tag = self.shares[level].enter(ask.caller, cost);
        let timeout = self.limits.queue_timeout.and_then(|timeout| arrived.checked_add(timeout));
        let expiry = match (ask.deadline, timeout) {
            (Some(deadline), Some(timeout)) if timeout < deadline => Some((timeout, false)),
            (Some(deadline), _) => Some((deadline, true)),
            (None, timeout) => timeout.map(|timeout| (timeout, false)),
        };
        self.expiries.extend(expiry.map(|(when, _)| (when, id)));
        self.unripe.insert(id);
        if let Some(key) = ask.group {
            let group = self.groups.entry(key).or_default();
            group.lengths[level].insert(ask.length, tag, id);
            group.unripe.insert(id);
            group.rows += ask.rows;
            group.cost += cost;
        }
        let group = ask.group;
        let item = Item { ask, arrived, cost, tag, ripe: false, expiry, payload };
        self.items.insert(id, item);
        if self.limits.max_delay.is_zero() || group.is_none() {
            self.ripen(id);
        }
        self.settle(group);
        Ok(ItemId(id))
    }

    /// Why an item that asks for this would not be taken now; asking costs nothing.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn would_take(&self, now: Instant, ask: &Ask) -> Result<(), Rejected> {
        self.admit(now, ask).map(drop)
    }

    /// What to run now.
    ///
    /// Under load priorities and fair shares decide, so that an item of low priority could wait for
    /// ever. Therefore every fourth batch is headed by the item that has waited longest, whatever its
    /// priority and caller, once that is longer than [`Limits::aging`].
    ///
    /// Items that are too late are put aside for [`Self::expire`], never into a batch.
    pub fn next(&mut self, now: Instant) -> Next<T> {
        self.put_expired_aside(now);
        while let Some((id, due)) = self.next_ripe()
            && due <= now
        {
            self.ripen(id);
        }
        if let Some(head) = self.head(now) {
            return Next::Run(self.take(head));
        }
        self.next_ripe().map_or(Next::Empty, |(_, due)| Next::WaitUntil(due))
    }

    /// Takes out the items whose deadline or queue timeout has passed.
    pub fn expire(&mut self, now: Instant) -> Vec<Expired<T>> {
        self.put_expired_aside(now);
        std::mem::take(&mut self.expired)
    }

    /// When [`Self::expire`] has something to do; may lie in the past.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        let aside = self.expired.first().map(|expired| expired.member.arrived);
        aside.or_else(|| self.expiries.first().map(|(when, _)| *when))
    }

    /// Takes an item back that still waits.
    pub fn cancel(&mut self, id: ItemId) -> Option<T> {
        let item = self.remove(id.0, false)?;
        self.settle(item.ask.group);
        Some(item.payload)
    }

    /// A batch of this (unpadded) cost is done and took so long.
    pub fn finished(&mut self, cost: u64, duration: Duration) {
        self.running = self.running.saturating_sub(1);
        self.rate.observe(cost, duration);
    }

    /// Takes no new items; those that wait are served without delay.
    pub fn close(&mut self) {
        self.closed = true;
        for id in std::mem::take(&mut self.unripe) {
            self.ripen(id);
        }
    }

    /// Takes out everything that waits.
    pub fn clear(&mut self) -> Vec<T> {
        let mut all = Vec::with_capacity(self.items.len());
        while let Some((&id, _)) = self.items.first_key_value() {
            all.extend(self.remove(id, false).map(|item| item.payload));
        }
        all.extend(std::mem::take(&mut self.expired).into_iter().map(|e| e.member.payload));
        all
    }

    /// Items that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether an item is known to be ripe: [`Self::next`] gives a batch, unless it is too late.
    #[must_use]
    pub fn is_ripe(&self) -> bool {
        self.ripe.iter().any(|level| !level.is_empty())
    }

    /// Cost of the items that wait.
    #[must_use]
    pub fn cost(&self) -> u64 {
        self.cost
    }

    /// Batches given out that aren't finished.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running
    }

    /// Its limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The item's cost, if there is room for it.
    fn admit(&self, now: Instant, ask: &Ask) -> Result<u64, Rejected> {
        if self.closed {
            return Err(Rejected::Closed);
        }
        let limits = &self.limits;
        let cost = u64::try_from(ask.rows).ok().and_then(|rows| rows.checked_mul(ask.length));
        let most = limits.max_cost.min(limits.queue_cost);
        let cost = cost.filter(|&cost| cost <= most && ask.rows <= limits.max_rows);
        let cost = cost.ok_or(Rejected::TooLarge)?;
        if ask.deadline.is_some_and(|deadline| deadline <= now) {
            return Err(Rejected::DeadlinePassed);
        }
        let after = self.cost.checked_add(cost);
        // Who floods the queue does not keep out a caller with nothing in it.
        let crowded = self.rows.saturating_add(ask.rows) > limits.queue_rows
            && self.shares[ask.priority as usize].has(ask.caller);
        if self.items.len() >= limits.queue_items
            || crowded
            || after.is_none_or(|cost| cost > limits.queue_cost)
        {
            let retry_after = self.rate.retry_after(self.cost, self.running);
            return Err(Rejected::Full { retry_after });
        }
        Ok(cost)
    }

    /// The item that ripens next by waiting, and when. They all wait equally long.
    fn next_ripe(&self) -> Option<(u64, Instant)> {
        let &id = self.unripe.first()?;
        let arrived = self.items.get(&id)?.arrived;
        // A delay beyond the end of time: waits until its group is full, and looks in once a day.
        let due = arrived.checked_add(self.limits.max_delay);
        Some((id, due.unwrap_or(arrived + Duration::from_secs(86_400))))
    }

    fn ripen(&mut self, id: u64) {
        self.unripe.remove(&id);
        let Some(item) = self.items.get_mut(&id).filter(|item| !item.ripe) else { return };
        item.ripe = true;
        self.ripe[item.ask.priority as usize].insert((item.tag, id));
        if let Some(group) = item.ask.group.and_then(|key| self.groups.get_mut(&key)) {
            group.unripe.remove(&id);
            group.ripe += 1;
        }
    }

    /// A group that holds a whole batch doesn't wait: its oldest item is ripe.
    fn settle(&mut self, group: Option<u64>) {
        let Some(group) = group.and_then(|key| self.groups.get(&key)) else { return };
        let whole = group.rows >= self.limits.max_rows || group.cost >= self.limits.max_cost;
        if whole
            && group.ripe == 0
            && let Some(&oldest) = group.unripe.first()
        {
            self.ripen(oldest);
        }
    }

    fn head(&mut self, now: Instant) -> Option<u64> {
        let (level, (tag, id)) = (0..LEVELS).find_map(|level| {
            let first = self.ripe[level].first()?;
            Some((level, *first))
        })?;
        self.turns += 1;
        if self.turns.is_multiple_of(AGED_TURN)
            && let Some((&oldest, item)) = self.items.first_key_value()
            && item.ripe
            && now.saturating_duration_since(item.arrived) >= self.limits.aging
        {
            // Its tag may lie far ahead: virtual time stays, or newcomers would have to wait for it.
            return Some(oldest);
        }
        self.shares[level].serve(tag);
        Some(id)
    }

    /// The batch with this head.
    fn take(&mut self, head: u64) -> Batch<T> {
        let mut ids = vec![head];
        let mut batch = Batch { items: Vec::new(), rows: 0, cost: 0, padded_cost: 0 };
        let mut key = None;
        if let Some(item) = self.items.get(&head) {
            let rows = |id: u64| self.items.get(&id).map_or(0, |item| item.ask.rows);
            let mut fill = Fill::new(item.ask.rows, item.ask.length, &self.limits);
            key = item.ask.group;
            if let Some(group) = key.and_then(|key| self.groups.get(&key)) {
                for lengths in &group.lengths {
                    fill.from(lengths, (head, item.ask.length), rows, &mut ids);
                }
            }
            (batch.rows, batch.cost, batch.padded_cost) = fill.totals();
        }
        batch.items.reserve(ids.len());
        for id in ids {
            batch.items.extend(self.remove(id, true).map(|item| item.into_member(id)));
        }
        self.settle(key);
        self.running += 1;
        batch
    }

    fn put_expired_aside(&mut self, now: Instant) {
        while let Some(&(when, id)) = self.expiries.first()
            && when <= now
        {
            // Taken out here too, so that the loop ends whatever happens below.
            self.expiries.remove(&(when, id));
            let Some(item) = self.remove(id, false) else { continue };
            self.settle(item.ask.group);
            let by_deadline = item.expiry.is_some_and(|(_, by_deadline)| by_deadline);
            self.expired.push(Expired { member: item.into_member(id), by_deadline });
        }
    }

    /// Takes an item out of every list.
    fn remove(&mut self, id: u64, served: bool) -> Option<Item<T>> {
        let item = self.items.remove(&id)?;
        let level = item.ask.priority as usize;
        self.cost -= item.cost;
        self.rows -= item.ask.rows;
        self.unripe.remove(&id);
        self.ripe[level].remove(&(item.tag, id));
        if let Some((when, _)) = item.expiry {
            self.expiries.remove(&(when, id));
        }
        self.shares[level].leave(item.ask.caller, if served { 0 } else { item.cost });
        if let Some(key) = item.ask.group
            && let Some(group) = self.groups.get_mut(&key)
        {
            group.lengths[level].remove(item.ask.length, item.tag, id);
            group.unripe.remove(&id);
            group.ripe -= usize::from(item.ripe);
            group.rows -= item.ask.rows;
            group.cost -= item.cost;
            if group.rows == 0 {
                self.groups.remove(&key);
            }
        }
        Some(item)
    }
}

impl<T> Item<T> {
    fn into_member(self, id: u64) -> Member<T> {
        Member { id: ItemId(id), ask: self.ask, arrived: self.arrived, payload: self.payload }
    }
}
