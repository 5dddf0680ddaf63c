//! What a queue is told: its limits, and what each caller asks for.

use std::time::{Duration, Instant};

/// Bounds of a queue and of the batches it makes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most rows of a batch.
    pub max_rows: usize,
    /// Largest padded cost of a batch: its rows times the longest of their lengths, in the model's
    /// unit (tokens, pixels, atoms, grid cells).
    pub max_cost: u64,
    /// How long an item may wait for others to share its batch; 0 sends it off at once.
    pub max_delay: Duration,
    /// Largest share of a batch's padded cost that may be padding, from 0 (only rows of one length
    /// share a batch) to 1.
    pub max_padding: f64,
    /// An item that has waited this long is served before its turn; see
    /// [`BatchQueue::next`](super::BatchQueue::next).
    pub aging: Duration,
    /// Most items that wait.
    pub queue_items: usize,
    /// Most rows that wait, counted in full batches how long an item waits under overload. A caller
    /// with nothing in the queue is let in beyond it, up to `queue_items`.
    pub queue_rows: usize,
    /// Largest cost of the items that wait.
    pub queue_cost: u64,
    /// How long an item may wait at all; `None` lets it wait until its own deadline.
    pub queue_timeout: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_rows: 64,
            max_cost: u64::MAX,
            max_delay: Duration::from_millis(2),
            max_padding: 0.25,
            aging: Duration::from_millis(250),
            queue_items: 1024,
            queue_rows: usize::MAX,
            queue_cost: u64::MAX,
            queue_timeout: None,
        }
    }
}

/// Who goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Priority {
    /// Before all others: somebody looks at a screen.
    High,
    /// The usual.
    #[default]
    Normal,
    /// After all others: work in the background.
    Low,
}

/// What one item asks for.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// Rows of the model's batch it fills; 0 counts as 1.
    pub rows: usize,
    /// Cost of one of its rows in the model's unit (tokens, pixels, atoms, grid cells); 1 where all
    /// rows are alike. 0 counts as 1.
    pub length: u64,
    /// Items of one group can share a batch. `None` shares with nobody, and so waits for nobody.
    pub group: Option<u64>,
    /// Who goes first.
    pub priority: Priority,
    /// Whose it is. Callers of one priority get equal shares.
    pub caller: u64,
    /// When its caller gives up.
    pub deadline: Option<Instant>,
}

impl Default for Ask {
    fn default() -> Self {
        let (priority, group) = (Priority::Normal, Some(0));
        Self { rows: 1, length: 1, group, priority, caller: 0, deadline: None }
    }
}

/// Number of an item in its queue, in the order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemId(pub(super) u64);

/// Why a queue took no item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejected {
    /// There is no room.
    Full {
        /// When there should be some again.
        retry_after: Duration,
    },
    /// It is closed.
    Closed,
    /// The item's deadline is over already.
    DeadlinePassed,
    /// The item alone is beyond what a batch or the queue may hold.
    TooLarge,
}

/// What [`BatchQueue::next`](super::BatchQueue::next) says.
#[derive(Debug)]
pub enum Next<T> {
    /// Run this.
    Run(Batch<T>),
    /// Ask again then, or when something was pushed.
    WaitUntil(Instant),
    /// Nothing waits.
    Empty,
}

/// Items that run together.
#[derive(Debug)]
pub struct Batch<T> {
    /// The items; the one that the batch was made for is the first.
    pub items: Vec<Member<T>>,
    /// Rows of all items.
    pub rows: usize,
    /// Cost of all items as they are.
    pub cost: u64,
    /// Rows times the longest length.
    pub padded_cost: u64,
}

/// An item of a batch.
#[derive(Debug)]
pub struct Member<T> {
    /// Its number.
    pub id: ItemId,
    /// What it asked for.
    pub ask: Ask,
    /// When it came.
    pub arrived: Instant,
    /// What was pushed.
    pub payload: T,
}

/// An item that has waited too long.
#[derive(Debug)]
pub struct Expired<T> {
    /// The item.
    pub member: Member<T>,
    /// Whether its own deadline passed; else it is the queue's timeout.
    pub by_deadline: bool,
}
