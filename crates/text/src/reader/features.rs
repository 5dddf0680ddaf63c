//! Features of candidate spans: how well each, and what stands around it, fits the question.
//!
//! The numbers are those of `training/strata_training/reader/features.py`, in the order of its names: a row of 32-bit floats a
//! candidate, most between 0 and 1; counts are logarithms of one plus the count.

use super::candidates::{self, Layout, Units};
use super::entities::{self, Entity, KINDS};
use super::grams::{Grams, Only, aligned};
use super::idf::Idf;
use super::marks::{
    CUES, LASTS, SURNAMES, Side, WORDS, edge_flags, has_colon, is_numeral, occurrences, trimmed,
};
use super::passage::{Gap, Text};
use super::question::{Question, TYPES};

/// Units of the narrow and of the wide window beside a candidate.
const NEAR: usize = 6;
const FAR: usize = 16;
const DECAYS: [f64; 2] = [0.75, 0.93];

/// Entity types that answer a type of question.
const EXPECTED: [(&str, &[&str]); 8] = [
    ("when", &["date"]),
    ("duration", &["duration", "date"]),
    ("number", &["number", "percent", "duration"]),
    ("money", &["money", "percent"]),
    ("phone", &["phone"]),
    ("title", &["title"]),
    ("name", &["quote", "title", "latin"]),
    ("who", &["person"]),
];

/// Names of the features, in order.
pub(crate) fn names() -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut add = |prefix: &str, names: &[&str]| {
        found.extend(names.iter().map(|name| format!("{prefix}{name}")));
    };
    let cues = CUES.map(|(name, _)| name);
    let groups = WORDS.map(|(name, _)| name);
    add("cover_", &["inside", "left_near", "left_far", "right_near", "right_far"]);
    add("cover_", &["clauses", "sentences", "around", "previous", "next"]);
    add("", &["relative", "rank", "best_in", "pairs_inside", "pairs_sentences"]);
    add("", &["before_fast", "after_fast", "before_slow", "after_slow"]);
    add("run_", &["before", "after", "inside_start", "inside_end"]);
    add("word_", &["before", "after"]);
    add("asked_", &["left", "right", "left_swapped", "right_swapped"]);
    add("focus_", &["inside", "left", "right", "last", "sentence"]);
    add("is_", &KINDS);
    add("has_", &KINDS);
    add("", &["expected", "expected_is", "expected_has", "expected_share"]);
    add("prev_", &cues);
    add("prev_", &["sentence", "clause", "colon", "open", "enumeration"]);
    add("next_", &cues);
    add("next_", &["sentence", "clause", "colon", "close", "enumeration"]);
    add("last_", &LASTS.map(|(name, _)| name));
    add("", &["surname", "numbered", "digits"]);
    add("word_", &groups);
    add("before_", &groups[..3]);
    add("", &["length", "clauses", "sentences", "enumerations", "from_sentence", "to_sentence"]);
    add("", &["from_clause", "to_clause", "place", "first_sentence", "idf", "colon_inside"]);
    add("bond_", &["before", "after"]);
    add("", &["passage_cover", "question_length", "passage_length"]);
    add("ask_", &TYPES.map(|(name, _)| name));
    found
}

/// A passage read for one question.
#[derive(Debug)]
pub(crate) struct Candidates {
    /// The passage.
    pub(crate) text: Text,
    /// Units of each candidate.
    pub(crate) spans: Vec<Units>,
    /// Characters of each candidate.
    pub(crate) characters: Vec<(usize, usize)>,
    /// Row after row.
    pub(crate) features: Vec<f32>,
}

impl Candidates {
    /// Candidates of a passage and their features.
    pub(crate) fn of(question: &Question, text: Text, idf: &Idf) -> Self {
        let layout = Layout::of(&text);
        let found = entities::find(&text);
        let run = candidates::matched(question, &text);
        let spans = candidates::spans(&text, &layout, &found, (&run.0, &run.1));
        let characters = spans.iter().map(|&span| trimmed(&text, span)).collect();
        let mut features = Vec::new();
        if !spans.is_empty() {
            let table = Table::new((question, &text, idf), &layout, &found, run);
            features.reserve(spans.len() * names().len());
            spans.iter().for_each(|&span| table.row(span, &mut features));
        }
        Self { text, spans, characters, features }
    }
}

/// Sums before each place.
fn sums(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let next = |sum: &mut f64, value: f64| {
        *sum += value;
        Some(*sum)
    };
    std::iter::once(0.0).chain(values.scan(0.0, next)).collect()
}

/// Whether flags are set in a range, from their sums.
fn any(sums: &[f64], (start, end): Units) -> bool {
    sums[end] - sums[start] > 0.0
}

fn log1p(count: usize) -> f64 {
    (count as f64).ln_1p()
}

/// What is computed once a passage, for all its candidates.
struct Table<'a> {
    question: &'a Question,
    text: &'a Text,
    layout: &'a Layout,
    grams: Grams,
    /// Weight of each sentence, and its rank by it.
    sentences: Vec<f64>,
    ranks: Vec<f64>,
    best_sentence: usize,
    fading: Vec<(Vec<f64>, Vec<f64>)>,
    run: (Vec<usize>, Vec<usize>),
    aligned: (Vec<usize>, Vec<usize>),
    /// For each unit of the noun asked about, the next end at or behind each edge.
    focus: Vec<Vec<usize>>,
    kinds: Kinds,
    previous: Vec<[bool; CUES.len() + 5]>,
    next: Vec<[bool; CUES.len() + 5]>,
    digits: Vec<f64>,
    words: Vec<Vec<f64>>,
    enumerations: Vec<f64>,
    colons: Vec<f64>,
    weights: Vec<f64>,
    /// For each edge, how firmly the units on both sides hold together; −1 where a mark parts them.
    bonds: Vec<f64>,
}

/// Entities by type.
struct Kinds {
    found: rustc_hash::FxHashSet<(usize, Units)>,
    /// For each type, the least end of an entity that begins at or behind each unit.
    ends: Vec<Vec<usize>>,
    /// Types the question expects.
    expected: Vec<usize>,
    /// Sums of units in entities of those types.
    covered: Vec<f64>,
}

impl Kinds {
    fn of(question: &Question, n: usize, found: &[Entity]) -> Self {
        let mut ends = vec![vec![usize::MAX; n + 1]; KINDS.len()];
        for entity in found {
            for end in ends[entity.kind][..=entity.start].iter_mut().rev() {
                if *end <= entity.end {
                    break;
                }
                *end = entity.end;
            }
        }
        let expected = expected(question);
        let mut inside = vec![0.0; n];
        for entity in found.iter().filter(|entity| expected.contains(&entity.kind)) {
            inside[entity.start..entity.end].fill(1.0);
        }
        let found = found.iter().map(|entity| (entity.kind, (entity.start, entity.end))).collect();
        Self { found, ends, expected, covered: sums(inside.into_iter()) }
    }
}

/// Types of entities that a question asks for, by place in [`KINDS`].
pub(crate) fn expected(question: &Question) -> Vec<usize> {
    let asked = |name: &str| {
        let at = TYPES.iter().position(|(own, _)| *own == name);
        at.is_some_and(|at| question.types[at])
    };
    let wanted =
        |kind: &str| EXPECTED.iter().any(|(name, kinds)| kinds.contains(&kind) && asked(name));
    (0..KINDS.len()).filter(|&kind| wanted(KINDS[kind])).collect()
}

impl<'a> Table<'a> {
    fn new(
        (question, text, idf): (&'a Question, &'a Text, &Idf),
        layout: &'a Layout,
        found: &[Entity],
        run: (Vec<usize>, Vec<usize>),
    ) -> Self {
        let n = text.len();
        let grams = Grams::locate(question, text, idf);
        let sentences: Vec<f64> =
            layout.sentences.iter().map(|&window| grams.cover(window, Only::All)).collect();
        let mut order: Vec<usize> = (0..sentences.len()).collect();
        order.sort_by(|&a, &b| sentences[b].total_cmp(&sentences[a]));
        let mut ranks = vec![0.0; sentences.len()];
        order.iter().enumerate().for_each(|(rank, &at)| ranks[at] = rank as f64);
        let focus = (question.focus.0..question.focus.1).map(|unit| {
            let mut ends = vec![usize::MAX; n + 1];
            for u in (0..n).rev() {
                let same = text.unit(u) == question.text.unit(unit);
                ends[u] = if same { u + 1 } else { ends[u + 1] };
            }
            ends
        });
        let flag = |is: bool| f64::from(u8::from(is));
        let bond = |u: usize| match text.gaps[u] {
            Gap::None if u > 0 && u < n => idf.bond(text.unit(u - 1), text.unit(u)),
            _ => -1.0,
        };
        Self {
            sentences,
            ranks,
            best_sentence: order.first().copied().unwrap_or(0),
            fading: DECAYS.iter().map(|&decay| grams.fading(text, decay)).collect(),
            aligned: aligned(question, text),
            focus: focus.collect(),
            kinds: Kinds::of(question, n, found),
            previous: edge_flags(text, Side::Before),
            next: edge_flags(text, Side::After),
            digits: sums((0..n).map(|u| flag(text.unit(u)[0].is_ascii_digit()))),
            words: WORDS
                .iter()
                .map(|(_, words)| sums(occurrences(text, words).into_iter().map(flag)))
                .collect(),
            enumerations: sums((0..=n).map(|u| flag(text.between(u).contains(&'、')))),
            colons: sums((0..=n).map(|u| flag(has_colon(text.between(u))))),
            bonds: (0..=n).map(bond).collect(),
            weights: sums((0..n).map(|u| idf.of(text.unit(u).iter().copied()))),
            question,
            text,
            layout,
            grams,
            run,
        }
    }

    /// The features of one candidate.
    fn row(&self, (s, e): Units, out: &mut Vec<f32>) {
        let layout = self.layout;
        let at = Place {
            s,
            e,
            clauses: (layout.clause_of[s], layout.clause_of[e - 1]),
            sentences: (layout.sentence_of[s], layout.sentence_of[e - 1]),
        };
        let mut row = Row(out);
        self.covers(&at, &mut row);
        self.context(&at, &mut row);
        self.focused(&at, &mut row);
        self.entities(&at, &mut row);
        self.edges(&at, &mut row);
        self.worded(&at, &mut row);
        self.shape(&at, &mut row);
        row.add(self.grams.share);
        row.add(log1p(self.question.text.len()));
        row.add(log1p(self.text.len()));
        self.question.types.iter().for_each(|&is| row.flag(is));
    }

    /// The window of the sentences a candidate is in.
    fn sentence_window(&self, at: &Place) -> Units {
        (self.layout.sentences[at.sentences.0].0, self.layout.sentences[at.sentences.1].1)
    }

    /// Shares of the question found in windows, and how the candidate's sentences stand among all.
    fn covers(&self, at: &Place, row: &mut Row<'_>) {
        let (&Place { s, e, .. }, n) = (at, self.text.len());
        let cover = |window: Units| self.grams.cover(window, Only::All);
        let (clauses, whole) = (
            (self.layout.clauses[at.clauses.0].0, self.layout.clauses[at.clauses.1].1),
            self.sentence_window(at),
        );
        row.add(cover((s, e)));
        [NEAR, FAR].iter().for_each(|size| row.add(cover((s.saturating_sub(*size), s))));
        [NEAR, FAR].iter().for_each(|size| row.add(cover((e, n.min(e + size)))));
        row.add(cover(clauses));
        row.add(cover(whole));
        row.add(self.grams.cover_both((whole.0, s), (e, whole.1)));
        let (first, last) = at.sentences;
        let beside = |place: Option<usize>| place.and_then(|p| self.sentences.get(p)).copied();
        row.add(beside(first.checked_sub(1)).unwrap_or(0.0));
        row.add(beside(last.checked_add(1)).unwrap_or(0.0));
        let best = self.sentences[first..=last].iter().copied().fold(f64::MIN, f64::max);
        row.add(best / self.sentences[self.best_sentence].max(1e-9));
        let rank = self.ranks[first..=last].iter().copied().fold(f64::MAX, f64::min);
        row.add(1.0 / (1.0 + rank));
        row.flag((first..=last).contains(&self.best_sentence));
        row.add(self.grams.cover((s, e), Only::Pairs));
        row.add(self.grams.cover(whole, Only::Pairs));
    }

    /// Matched words before and behind: fading with distance, in unbroken runs, on the side the question has them.
    fn context(&self, at: &Place, row: &mut Row<'_>) {
        let (&Place { s, e, .. }, n) = (at, self.text.len());
        for (before, after) in &self.fading {
            row.add(before[s]);
            row.add(after[e]);
        }
        let (before, after) = &self.run;
        [before[s], after[e], after[s], before[e]].iter().for_each(|&run| row.add(log1p(run)));
        row.add(log1p(self.aligned.0[s]));
        row.add(log1p(self.aligned.1[e]));
        let (low, high) = ((s.saturating_sub(FAR), s), (e, n.min(e + FAR)));
        row.add(self.grams.cover(low, Only::Left));
        row.add(self.grams.cover(high, Only::Right));
        row.add(self.grams.cover(high, Only::Left));
        row.add(self.grams.cover(low, Only::Right));
    }

    /// Where the noun asked about stands: inside, near, as the last unit, in the sentence.
    fn focused(&self, at: &Place, row: &mut Row<'_>) {
        let (&Place { s, e, .. }, n) = (at, self.text.len());
        if self.focus.is_empty() {
            return (0..5).for_each(|_| row.add(0.0));
        }
        let share = |(a, b): Units| {
            let inside = self.focus.iter().filter(|ends| ends[a] <= b).count();
            inside as f64 / self.focus.len() as f64
        };
        row.add(share((s, e)));
        row.add(share((s.saturating_sub(NEAR), s)));
        row.add(share((e, n.min(e + NEAR))));
        row.flag(self.text.unit(e - 1) == self.question.text.unit(self.question.focus.1 - 1));
        row.add(share(self.sentence_window(at)));
    }

    /// Which entity a candidate is, which it has, and whether that is what the question expects.
    fn entities(&self, at: &Place, row: &mut Row<'_>) {
        let &Place { s, e, .. } = at;
        let kinds = &self.kinds;
        let is = |kind: usize| kinds.found.contains(&(kind, (s, e)));
        let has = |kind: usize| kinds.ends[kind][s] <= e;
        (0..KINDS.len()).for_each(|kind| row.flag(is(kind)));
        (0..KINDS.len()).for_each(|kind| row.flag(has(kind)));
        row.flag(!kinds.expected.is_empty());
        row.flag(kinds.expected.iter().any(|&kind| is(kind)));
        row.flag(kinds.expected.iter().any(|&kind| has(kind)));
        row.add((kinds.covered[e] - kinds.covered[s]) / (e - s) as f64);
    }

    /// Classes of the units outside the edges, of the last unit, of the first one; the share of numbers.
    fn edges(&self, at: &Place, row: &mut Row<'_>) {
        let (&Place { s, e, .. }, text) = (at, self.text);
        self.previous[s].iter().for_each(|&is| row.flag(is));
        self.next[e].iter().for_each(|&is| row.flag(is));
        let one_of = |u: usize, chars: &str| text.single(u).is_some_and(|c| chars.contains(c));
        LASTS.iter().for_each(|(_, chars)| row.flag(one_of(e - 1, chars)));
        row.flag(one_of(s, SURNAMES) && (2..=4).contains(&(e - s)));
        let opened = text.gaps[s] == Gap::Sentence || text.between(s).contains(&'(');
        row.flag(opened && is_numeral(text.unit(s)));
        row.add((self.digits[e] - self.digits[s]) / (e - s) as f64);
    }

    /// Whether words of a group begin inside; of the first three groups, in the four units before.
    fn worded(&self, at: &Place, row: &mut Row<'_>) {
        let &Place { s, e, .. } = at;
        self.words.iter().for_each(|sums| row.flag(any(sums, (s, e))));
        self.words[..3].iter().for_each(|sums| row.flag(any(sums, (s.saturating_sub(4), s))));
    }

    /// Length, parts, edges, place, the mean weight of units, and whether a colon is inside.
    fn shape(&self, at: &Place, row: &mut Row<'_>) {
        let (&Place { s, e, .. }, gaps) = (at, &self.text.gaps);
        row.add(((e - s) as f64).ln());
        row.add(log1p(at.clauses.1 - at.clauses.0));
        row.add(log1p(at.sentences.1 - at.sentences.0));
        row.add((self.enumerations[e] - self.enumerations[s + 1]).ln_1p());
        row.flag(gaps[s] == Gap::Sentence);
        row.flag(gaps[e] == Gap::Sentence);
        row.flag(gaps[s] >= Gap::Clause);
        row.flag(gaps[e] >= Gap::Clause);
        row.add(s as f64 / self.text.len() as f64);
        row.flag(at.sentences.0 == 0);
        row.add((self.weights[e] - self.weights[s]) / (e - s) as f64);
        row.flag(any(&self.colons, (s + 1, e)));
        row.add(self.bonds[s]);
        row.add(self.bonds[e]);
    }
}

/// Where a candidate lies: its units, and its first and last clause and sentence.
struct Place {
    s: usize,
    e: usize,
    clauses: (usize, usize),
    sentences: (usize, usize),
}

/// A row being written.
struct Row<'a>(&'a mut Vec<f32>);

impl Row<'_> {
    fn add(&mut self, value: f64) {
        self.0.push(value as f32);
    }

    fn flag(&mut self, is: bool) {
        self.add(f64::from(u8::from(is)));
    }
}
