//! The matcher: atom expressions as bit sets over the molecule's atoms, each worked out once per
//! molecule, and a backtracking search along a plan.

use super::compile::{Node, Plan, Pool};
use super::query::Prim;
use super::target::Target;

/// Most placements tried for one pattern on one molecule. Ordinary patterns need a few hundred; the
/// limit only stops patterns built to explode.
pub(crate) const STEP_LIMIT: u64 = 4_000_000;

/// The search was stopped at [`STEP_LIMIT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exhausted;

/// Results for one molecule and one pool of patterns.
pub(crate) struct Memo<'a> {
    pool: &'a Pool,
    pub(crate) target: &'a Target,
    words: usize,
    bits: Vec<u64>,
    known: Vec<u8>,
}

const UNKNOWN: u8 = 0;
const EMPTY: u8 = 1;
const FILLED: u8 = 2;

impl<'a> Memo<'a> {
    pub(crate) fn new(pool: &'a Pool, target: &'a Target) -> Self {
        let words = target.len().div_ceil(64).max(1);
        let count = pool.nodes.len();
        Self { pool, target, words, bits: vec![0; count * words], known: vec![UNKNOWN; count] }
    }

    /// The atoms an evaluated node accepts.
    pub(crate) fn set(&self, node: u32) -> &[u64] {
        let start = node as usize * self.words;
        &self.bits[start..start + self.words]
    }

    /// How many atoms an evaluated node accepts.
    fn count(&self, node: u32) -> u32 {
        self.set(node).iter().map(|word| word.count_ones()).sum()
    }

    fn accepts(&self, node: u32, atom: u32) -> bool {
        self.bits[node as usize * self.words + (atom >> 6) as usize] >> (atom & 63) & 1 == 1
    }

    /// Works a node out; says whether it accepts any atom.
    pub(crate) fn evaluate(&mut self, node: u32) -> Result<bool, Exhausted> {
        let index = node as usize;
        if self.known[index] != UNKNOWN {
            return Ok(self.known[index] == FILLED);
        }
        let pool = self.pool;
        let start = index * self.words;
        match &pool.nodes[index] {
            Node::Prim(prim) => {
                let words = &mut self.bits[start..start + self.words];
                self.target.fill(prim, words);
            }
            Node::Not(inner) => {
                self.evaluate(*inner)?;
                let inner = *inner as usize * self.words;
                for word in 0..self.words {
                    self.bits[start + word] = !self.bits[inner + word] & self.target.all(word);
                }
            }
            Node::And(parts) => {
                for word in 0..self.words {
                    self.bits[start + word] = self.target.all(word);
                }
                for &part in parts {
                    self.evaluate(part)?;
                    let part = part as usize * self.words;
                    let mut any = 0;
                    for word in 0..self.words {
                        self.bits[start + word] &= self.bits[part + word];
                        any |= self.bits[start + word];
                    }
                    if any == 0 {
                        break;
                    }
                }
            }
            Node::Or(parts) => {
                for &part in parts {
                    self.evaluate(part)?;
                    let part = part as usize * self.words;
                    for word in 0..self.words {
                        self.bits[start + word] |= self.bits[part + word];
                    }
                }
            }
            Node::Recursive(id) => self.evaluate_recursive(start, &pool.recursive[*id as usize])?,
        }
        let any = self.bits[start..start + self.words].iter().any(|&w| w != 0);
        self.known[index] = if any { FILLED } else { EMPTY };
        Ok(any)
    }

    fn evaluate_recursive(&mut self, start: usize, plan: &Plan) -> Result<(), Exhausted> {
        if !self.prepare(plan)? {
            return Ok(());
        }
        let root = plan.steps[0].node;
        if plan.steps.len() == 1 {
            for word in 0..self.words {
                self.bits[start + word] = self.bits[root as usize * self.words + word];
            }
            return Ok(());
        }
        let mut found = vec![0u64; self.words];
        let mut state = State::new(plan.steps.len(), self.words);
        for atom in ones(self.set(root)) {
            if self.place(plan, &mut state, (0, atom), &mut |_| true)? {
                found[(atom >> 6) as usize] |= 1 << (atom & 63);
            }
            state.clear();
        }
        self.bits[start..start + self.words].copy_from_slice(&found);
        Ok(())
    }

    /// Evaluates every expression of a plan; `false` where one accepts fewer atoms than the pattern has of it or the
    /// molecule lacks something.
    pub(crate) fn prepare(&mut self, plan: &Plan) -> Result<bool, Exhausted> {
        if !self.target.has.may_match(&plan.needs) {
            return Ok(false);
        }
        for &(node, count) in &plan.checks {
            if !self.evaluate(node)? || (count > 1 && self.count(node) < count) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Walks the matches of a plan until `visit` returns `true`. The slice holds the molecule's atom
    /// for each atom of the pattern.
    pub(crate) fn search(
        &mut self,
        plan: &Plan,
        visit: &mut dyn FnMut(&[u32]) -> bool,
    ) -> Result<bool, Exhausted> {
        if !self.prepare(plan)? {
            return Ok(false);
        }
        let mut state = State::new(plan.steps.len(), self.words);
        let root = plan.steps[0].node;
        for atom in ones(self.set(root)) {
            if self.place(plan, &mut state, (0, atom), visit)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Matches that put the pattern's first step on a given atom (for anchored plans).
    pub(crate) fn matches_at(&mut self, plan: &Plan, atom: u32) -> Result<bool, Exhausted> {
        if !self.prepare(plan)? || !self.accepts(plan.steps[0].node, atom) {
            return Ok(false);
        }
        let mut state = State::new(plan.steps.len(), self.words);
        self.place(plan, &mut state, (0, atom), &mut |_| true)
    }

    /// Puts step `depth` on `atom` (its expression already accepted) and goes on from there.
    fn place(
        &self,
        plan: &Plan,
        state: &mut State,
        (depth, atom): (usize, u32),
        visit: &mut dyn FnMut(&[u32]) -> bool,
    ) -> Result<bool, Exhausted> {
        state.steps += 1;
        if state.steps > STEP_LIMIT {
            return Err(Exhausted);
        }
        let here = &plan.steps[depth];
        for &(other, accepts) in &here.closures {
            let other = state.map[usize::from(other)];
            if self.target.bond_class(atom, other).is_none_or(|c| accepts >> c & 1 == 0) {
                return Ok(false);
            }
        }
        state.map[usize::from(here.atom)] = atom;
        let Some(next) = plan.steps.get(depth + 1) else {
            return Ok(self.groups_hold(plan, &state.map) && visit(&state.map));
        };
        state.used[(atom >> 6) as usize] |= 1 << (atom & 63);
        let mut stop = false;
        match next.parent {
            Some(parent) => {
                for link in self.target.neighbors(state.map[usize::from(parent)]) {
                    if next.accepts >> link.class & 1 == 1
                        && !state.is_used(link.atom)
                        && self.accepts(next.node, link.atom)
                        && self.place(plan, state, (depth + 1, link.atom), visit)?
                    {
                        stop = true;
                        break;
                    }
                }
            }
            None => {
                for other in ones(self.set(next.node)) {
                    if !state.is_used(other)
                        && self.place(plan, state, (depth + 1, other), visit)?
                    {
                        stop = true;
                        break;
                    }
                }
            }
        }
        state.used[(atom >> 6) as usize] &= !(1 << (atom & 63));
        Ok(stop)
    }

    /// `(A).(B)`: different groups in different components, one group in one component.
    fn groups_hold(&self, plan: &Plan, map: &[u32]) -> bool {
        plan.groups.is_empty()
            || plan.groups.iter().enumerate().filter(|(_, g)| **g != 0).all(|(i, group)| {
                let component = self.target.component(map[i]);
                plan.groups.iter().enumerate().skip(i + 1).all(|(j, other)| {
                    *other == 0 || (group == other) == (component == self.target.component(map[j]))
                })
            })
    }
}

struct State {
    map: Vec<u32>,
    used: Vec<u64>,
    steps: u64,
}

impl State {
    fn new(atoms: usize, words: usize) -> Self {
        Self { map: vec![0; atoms], used: vec![0; words], steps: 0 }
    }

    fn clear(&mut self) {
        self.used.fill(0);
        self.steps = 0;
    }

    fn is_used(&self, atom: u32) -> bool {
        self.used[(atom >> 6) as usize] >> (atom & 63) & 1 == 1
    }
}

/// Positions of the set bits.
pub(crate) fn ones(words: &[u64]) -> impl Iterator<Item = u32> + '_ {
    words.iter().enumerate().flat_map(|(index, &word)| {
        let mut rest = word;
        std::iter::from_fn(move || {
            (rest != 0).then(|| {
                let bit = rest.trailing_zeros();
                rest &= rest - 1;
                index as u32 * 64 + bit
            })
        })
    })
}

impl Target {
    /// Sets the bit of every atom a primitive accepts.
    fn fill(&self, prim: &Prim, words: &mut [u64]) {
        for (atom, view) in self.atoms.iter().enumerate() {
            if view.accepts(prim) {
                words[atom >> 6] |= 1 << (atom & 63);
            }
        }
    }
}
