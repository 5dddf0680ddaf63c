//! Start-time fair queueing between callers. Each item gets a tag when it comes: the virtual time, or
//! the end of its caller's previous item if that is later; served is the lowest tag, and the virtual
//! time is the tag of the item served last. A caller's thousand items get tags ever farther ahead,
//! and another's single item gets the tag of right now: it is next.
//!
//! Goyal, Vin, Cheng: Start-time Fair Queueing. SIGCOMM 1996.

use rustc_hash::FxHashMap;

/// A place in the order of service, in units of cost.
pub(super) type Tag = u64;

/// Callers beyond those that wait, remembered until the next sweep.
const SLACK: usize = 256;

/// The callers of one priority.
#[derive(Debug, Default)]
pub(super) struct Shares {
    now: Tag,
    waiting: usize,
    callers: FxHashMap<u64, Account>,
}

#[derive(Debug, Default)]
struct Account {
    /// End of the caller's last item.
    finish: Tag,
    /// Items of the caller that wait.
    waiting: usize,
}

impl Shares {
    /// The tag of an item that comes now.
    pub(super) fn enter(&mut self, caller: u64, cost: u64) -> Tag {
        if self.callers.len() > 2 * self.waiting + SLACK {
            // Who has nothing here owes a batch at most: forgiven, so that memory stays bounded.
            self.callers.retain(|_, account| account.waiting > 0);
        }
        let account = self.callers.entry(caller).or_default();
        let start = account.finish.max(self.now);
        account.finish = start.saturating_add(cost);
        account.waiting += 1;
        self.waiting += 1;
        start
    }

    /// Whether an item of the caller waits.
    pub(super) fn has(&self, caller: u64) -> bool {
        self.callers.get(&caller).is_some_and(|account| account.waiting > 0)
    }

    /// The item with this tag is served as the next in turn.
    pub(super) fn serve(&mut self, tag: Tag) {
        self.now = self.now.max(tag);
    }

    /// An item leaves; one that was not served costs its caller nothing.
    pub(super) fn leave(&mut self, caller: u64, refund: u64) {
        self.waiting = self.waiting.saturating_sub(1);
        if self.waiting == 0 {
            // Nobody waits, so that nobody is owed anything.
            *self = Self::default();
            return;
        }
        if let Some(account) = self.callers.get_mut(&caller) {
            account.waiting = account.waiting.saturating_sub(1);
            account.finish = account.finish.saturating_sub(refund);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newcomer_gets_the_tag_of_right_now() {
        let mut shares = Shares::default();
        let flood: Vec<Tag> = (0..100).map(|_| shares.enter(1, 10)).collect();
        assert_eq!((flood[0], flood[99]), (0, 990));
        shares.serve(50);
        assert_eq!(shares.enter(2, 7), 50);
        assert_eq!(shares.enter(2, 7), 57);
        // The flood goes on behind itself.
        assert_eq!(shares.enter(1, 10), 1000);
    }

    #[test]
    fn what_is_not_served_is_not_charged_and_an_idle_queue_forgets() {
        let mut shares = Shares::default();
        assert_eq!([shares.enter(1, 10), shares.enter(1, 10), shares.enter(2, 1)], [0, 10, 0]);
        shares.leave(1, 10);
        assert_eq!(shares.enter(1, 10), 10);
        for caller in [1, 1, 2] {
            shares.leave(caller, 0);
        }
        assert_eq!(shares.enter(1, 10), 0);
    }

    #[test]
    fn memory_is_bounded_by_those_who_wait() {
        let mut shares = Shares::default();
        shares.enter(0, 1);
        for caller in 1..100_000 {
            shares.enter(caller, 1);
            shares.leave(caller, 0);
        }
        assert!(shares.callers.len() <= SLACK + 4, "{}", shares.callers.len());
    }
}
