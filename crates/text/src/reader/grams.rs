//! The question's units and pairs of units in a passage: where they stand, and what share of their weight a window holds.

use rustc_hash::FxHashMap;

use super::idf::Idf;
use super::passage::{Gap, Text};
use super::question::Question;

/// Weight of a pair of units against one unit.
const PAIR: f64 = 2.0;

/// A unit, or two neighbours.
type Gram<'a> = (&'a [char], Option<&'a [char]>);

/// A gram that both texts have.
#[derive(Debug)]
struct Found {
    weight: f64,
    pair: bool,
    /// Whether it stands left of the question word.
    left: bool,
    /// For each edge between units of the passage, the first end of the gram that begins at or behind it.
    ends: Vec<usize>,
}

/// Which grams of a question count in a window.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Only {
    /// All.
    All,
    /// Pairs.
    Pairs,
    /// Those left of the question word.
    Left,
    /// Those right of it.
    Right,
}

impl Only {
    fn takes(self, gram: &Found) -> bool {
        match self {
            Self::All => true,
            Self::Pairs => gram.pair,
            Self::Left => gram.left,
            Self::Right => !gram.left,
        }
    }
}

/// The grams of a question that a passage has.
#[derive(Debug)]
pub(crate) struct Grams {
    found: Vec<Found>,
    /// Share of the question's weight that the passage has at all.
    pub(crate) share: f64,
    /// Share of the found weight whose grams end at each edge, spread over their places.
    mass: Vec<f64>,
}

/// Distinct content units and pairs of neighbouring content units, in the order of the question: weight and side.
fn asked<'a>(question: &'a Question, idf: &Idf) -> Vec<(Gram<'a>, f64, bool)> {
    let (text, content) = (&question.text, &question.content);
    let mut found: Vec<(Gram<'a>, f64, bool)> = Vec::new();
    let mut seen = FxHashMap::default();
    let mut add = |gram: Gram<'a>, weight: f64, left: bool| {
        seen.entry(gram).or_insert_with(|| found.push((gram, weight, left)));
    };
    for u in (0..text.len()).filter(|&u| content[u]) {
        let (unit, left) = (text.unit(u), u < question.word.0);
        add((unit, None), idf.of(unit.iter().copied()), left);
        if u + 1 < text.len() && content[u + 1] && text.gaps[u + 1] == Gap::None {
            let next = text.unit(u + 1);
            let weight = PAIR * idf.of(unit.iter().chain(next).copied());
            add((unit, Some(next)), weight, left);
        }
    }
    found
}

impl Grams {
    /// Finds the question's grams in a passage.
    pub(crate) fn locate(question: &Question, text: &Text, idf: &Idf) -> Self {
        let grams = asked(question, idf);
        let number: FxHashMap<Gram<'_>, usize> =
            grams.iter().enumerate().map(|(at, (gram, ..))| (*gram, at)).collect();
        let n = text.len();
        // Units behind each place of each gram.
        let mut places: Vec<Vec<usize>> = vec![Vec::new(); grams.len()];
        for u in 0..n {
            if let Some(&at) = number.get(&(text.unit(u), None)) {
                places[at].push(u + 1);
            }
            if u + 1 < n
                && text.gaps[u + 1] == Gap::None
                && let Some(&at) = number.get(&(text.unit(u), Some(text.unit(u + 1))))
            {
                places[at].push(u + 2);
            }
        }
        let all: f64 = grams.iter().map(|(_, weight, _)| weight).sum();
        let (mut found, mut mass) = (Vec::new(), vec![0.0; n + 1]);
        for ((gram, weight, left), places) in grams.iter().zip(&places) {
            if places.is_empty() {
                continue;
            }
            let length = if gram.1.is_some() { 2 } else { 1 };
            let (mut ends, mut last) = (vec![usize::MAX; n + 1], 0);
            for &end in places {
                let behind = end - length + 1;
                ends[last..behind].fill(end);
                last = behind;
                mass[end] += weight / places.len() as f64;
            }
            found.push(Found { weight: *weight, pair: length == 2, left: *left, ends });
        }
        let total: f64 = found.iter().map(|gram| gram.weight).sum();
        if total > 0.0 {
            mass.iter_mut().for_each(|mass| *mass /= total);
        }
        Self { found, share: if all > 0.0 { total / all } else { 0.0 }, mass }
    }

    /// Share of the weight in the window from one edge to another, of what the passage has at all.
    pub(crate) fn cover(&self, (start, end): (usize, usize), only: Only) -> f64 {
        self.weigh(only, |gram| gram.ends[start] <= end)
    }

    /// The same of two windows together.
    pub(crate) fn cover_both(&self, first: (usize, usize), second: (usize, usize)) -> f64 {
        let there = |gram: &Found| gram.ends[first.0] <= first.1 || gram.ends[second.0] <= second.1;
        self.weigh(Only::All, there)
    }

    fn weigh(&self, only: Only, there: impl Fn(&Found) -> bool) -> f64 {
        let (mut total, mut sum) = (0.0, 0.0);
        for gram in self.found.iter().filter(|gram| only.takes(gram)) {
            total += gram.weight;
            if there(gram) {
                sum += gram.weight;
            }
        }
        if total > 0.0 { sum / total } else { 0.0 }
    }

    /// For each edge, the weight before it and behind it, fading by `decay` a unit and by half a sentence.
    pub(crate) fn fading(&self, text: &Text, decay: f64) -> (Vec<f64>, Vec<f64>) {
        let n = text.len();
        let (mut before, mut after) = (vec![0.0; n + 1], vec![0.0; n + 1]);
        let half = |u: usize| if text.gaps[u] == Gap::Sentence { 0.5 } else { 1.0 };
        for u in 1..=n {
            before[u] = (before[u - 1] * half(u - 1) + self.mass[u]) * decay;
        }
        for u in (0..n).rev() {
            after[u] = (after[u + 1] * half(u + 1) + self.mass[u + 1]) * decay;
        }
        (before, after)
    }
}

/// For each edge: units before it that are those before the question word; behind it, those behind the question word.
pub(crate) fn aligned(question: &Question, text: &Text) -> (Vec<usize>, Vec<usize>) {
    let (asked, (left, right), n) = (&question.text, question.word, text.len());
    let before = |u: usize| {
        let same = |k: &usize| text.unit(u - 1 - k) == asked.unit(left - 1 - k);
        (0..u.min(left)).take_while(same).count()
    };
    let after = |u: usize| {
        let same = |k: &usize| text.unit(u + k) == asked.unit(right + k);
        (0..(n - u).min(asked.len() - right)).take_while(same).count()
    };
    ((0..=n).map(before).collect(), (0..=n).map(after).collect())
}
