//! Spans that may be the answer: runs of clauses, and pieces of them between cue words, entities and matched words.

use rustc_hash::FxHashMap;

use super::entities::Entity;
use super::passage::{Gap, Text, is_space};
use super::question::Question;

/// A range of units.
pub(crate) type Units = (usize, usize);

/// A piece may begin behind these.
const AFTER: &str = "为是由在于向到至称叫有括以用被将对从与和及或即给了的名让";
/// A piece may end before these.
const BEFORE: &str = "的了等是为在由于和与及或后前时以将被中上下有对";
/// Clauses of a run that begins and ends with a sentence.
const MOST_CLAUSES: usize = 16;
/// Clauses of any other run.
const MOST_FREE: usize = 5;
/// Units of a run, or of a piece over several clauses.
const MOST_UNITS: usize = 220;
/// Clauses that a piece may reach over.
const MOST_PIECE: usize = 3;

/// Most candidates of a passage: one clause of thousands of units would have millions. No passage of a document has nearly
/// as many; beyond, the longest are left out.
const MOST_CANDIDATES: usize = 20_000;

/// Clauses and sentences of a text, and those that each unit is in.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) clauses: Vec<Units>,
    pub(crate) clause_of: Vec<usize>,
    pub(crate) sentences: Vec<Units>,
    pub(crate) sentence_of: Vec<usize>,
}

impl Layout {
    /// The layout of a text.
    pub(crate) fn of(text: &Text) -> Self {
        let (clauses, clause_of) = ranges(text, Gap::Clause);
        let (sentences, sentence_of) = ranges(text, Gap::Sentence);
        Self { clauses, clause_of, sentences, sentence_of }
    }
}

/// Ranges between gaps of at least this class, and the one each unit is in.
fn ranges(text: &Text, least: Gap) -> (Vec<Units>, Vec<usize>) {
    let edges: Vec<usize> = (text.gaps.iter().enumerate())
        .filter_map(|(u, gap)| (*gap >= least).then_some(u))
        .collect();
    let ranges: Vec<Units> = edges.windows(2).map(|pair| (pair[0], pair[1])).collect();
    let of = ranges.iter().enumerate().flat_map(|(at, (s, e))| std::iter::repeat_n(at, e - s));
    let of = of.collect();
    (ranges, of)
}

/// For each edge between units, how many units before it, and behind it, stand in the same order in the question.
pub(crate) fn matched(question: &Question, text: &Text) -> (Vec<usize>, Vec<usize>) {
    let asked = &question.text;
    let mut places: FxHashMap<&[char], Vec<usize>> = FxHashMap::default();
    for at in 0..asked.len() {
        places.entry(asked.unit(at)).or_default().push(at);
    }
    let n = text.len();
    let (mut before, mut after) = (vec![0; n + 1], vec![0; n + 1]);
    // Length of the run that ends (or begins) at each place of the question.
    let run = |u: usize, last: &FxHashMap<usize, usize>, beside: fn(usize) -> Option<usize>| {
        let mut here = FxHashMap::default();
        for &at in places.get(text.unit(u)).into_iter().flatten() {
            let longer = beside(at).and_then(|at| last.get(&at)).copied().unwrap_or(0) + 1;
            here.insert(at, longer);
        }
        let longest = here.values().copied().max().unwrap_or(0);
        (here, longest)
    };
    let mut last = FxHashMap::default();
    for u in 0..n {
        (last, before[u + 1]) = run(u, &last, |at| at.checked_sub(1));
    }
    last.clear();
    for u in (0..n).rev() {
        (last, after[u]) = run(u, &last, |at| Some(at + 1));
    }
    (before, after)
}

/// Runs of whole clauses: short ones anywhere, long ones only of whole sentences.
fn clause_runs(text: &Text, layout: &Layout, found: &mut Vec<Units>) {
    for (first, &(start, _)) in layout.clauses.iter().enumerate() {
        for (more, &(_, end)) in layout.clauses[first..].iter().take(MOST_CLAUSES).enumerate() {
            if end - start > MOST_UNITS {
                break;
            }
            let whole = text.gaps[start] == Gap::Sentence && text.gaps[end] == Gap::Sentence;
            if more < MOST_FREE || whole {
                found.push((start, end));
            }
        }
    }
}

/// Where a piece may begin and where one may end, over the edges between units.
fn edges(
    text: &Text,
    entities: &[Entity],
    (before, after): (&[usize], &[usize]),
) -> (Vec<bool>, Vec<bool>) {
    let n = text.len();
    let one_of = |u: usize, chars: &str| text.single(u).is_some_and(|c| chars.contains(c));
    let (mut begin, mut end) = (vec![false; n + 1], vec![false; n + 1]);
    for u in 0..=n {
        // Any mark between two units but a space: a comma, a bracket, a quotation mark.
        let mark = u == 0 || u == n || text.between(u).iter().any(|&c| !is_space(c));
        // Words of the question, two units or more, that end here, or that begin here.
        let closes = before[u] >= 2 && before.get(u + 1).is_none_or(|&longer| longer <= before[u]);
        let opens = after[u] >= 2 && (u == 0 || after[u - 1] <= after[u]);
        begin[u] = mark || closes || one_of(u - 1, AFTER);
        end[u] = mark || opens || one_of(u, BEFORE);
    }
    for entity in entities {
        begin[entity.start] = true;
        end[entity.end] = true;
    }
    (begin, end)
}

/// Pieces: inside one clause from any begin to any end; further only from a begin to the end of a clause.
fn pieces(text: &Text, layout: &Layout, (begin, end): (&[bool], &[bool]), found: &mut Vec<Units>) {
    let clauses = &layout.clauses;
    // One clause of thousands of units: no more than the shortest pieces.
    let reach = |clause: usize| if clause > 4 * MOST_UNITS { MOST_UNITS } else { usize::MAX };
    for (first, &(start, stop)) in clauses.iter().enumerate() {
        let begins: Vec<usize> = (start..stop).filter(|&u| begin[u]).collect();
        let ends: Vec<usize> = (start + 1..=stop).filter(|&u| end[u] || u == stop).collect();
        let longest = reach(stop - start);
        for &b in &begins {
            let behind = ends.partition_point(|&e| e <= b);
            let near = ends[behind..].iter().take_while(|&&e| e - b <= longest);
            found.extend(near.map(|&e| (b, e)));
        }
        for &(from, further) in clauses[first + 1..].iter().take(MOST_PIECE - 1) {
            if text.gaps[from] == Gap::Sentence {
                break;
            }
            let near = begins.iter().filter(|&&b| further - b <= MOST_UNITS);
            found.extend(near.map(|&b| (b, further)));
        }
    }
}

/// All candidates, each once, in the order of the text.
pub(crate) fn spans(
    text: &Text,
    layout: &Layout,
    entities: &[Entity],
    (before, after): (&[usize], &[usize]),
) -> Vec<Units> {
    let mut found = Vec::new();
    clause_runs(text, layout, &mut found);
    let (begin, end) = edges(text, entities, (before, after));
    pieces(text, layout, (&begin, &end), &mut found);
    found.extend(entities.iter().map(|entity| (entity.start, entity.end)));
    found.sort_unstable();
    found.dedup();
    let mut longest = 2 * MOST_UNITS;
    while found.len() > MOST_CANDIDATES && longest > 0 {
        found.retain(|(start, end)| end - start <= longest);
        longest /= 2;
    }
    found
}
