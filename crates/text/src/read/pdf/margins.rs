//! Headers, footers and page numbers: what stands at the edge of most pages, or is a number alone at an edge.

use std::collections::HashMap;

use super::order::Line;

/// Lines at each edge of a page that may belong to it.
const EDGE: usize = 2;

/// Takes the lines that repeat at the edges out of the pages. `heights` are the pages' lower and upper edges.
pub(super) fn remove(pages: &mut [Vec<Line>], heights: &[(f32, f32)]) {
    let mut counts: HashMap<(bool, String), usize> = HashMap::new();
    for page in pages.iter() {
        for (top, at) in edges(page) {
            *counts.entry((top, pattern(&page[at].text()))).or_default() += 1;
        }
    }
    let all = pages.len();
    // Left and right pages of a book have headers of their own.
    let often = (all * 2 / 5).max(3);
    for (page, &(low, high)) in pages.iter_mut().zip(heights) {
        let margin = (high - low) * 0.12;
        let mut gone: Vec<usize> = edges(page)
            .into_iter()
            .filter(|&(top, at)| {
                let line = &page[at];
                let near = if top { line.y > high - margin } else { line.y < low + margin };
                let text = line.text();
                let pattern = pattern(&text);
                near && (counts.get(&(top, pattern)).is_some_and(|&count| count >= often)
                    || is_number(&text, all))
            })
            .map(|(_, at)| at)
            .collect();
        gone.sort_unstable();
        gone.dedup();
        for at in gone.into_iter().rev() {
            page.remove(at);
        }
    }
}

/// The lines nearest to the upper (true) and lower edge, by their places in the list.
fn edges(page: &[Line]) -> Vec<(bool, usize)> {
    let mut order: Vec<usize> = (0..page.len()).filter(|&at| page[at].table().is_none()).collect();
    order.sort_by(|&a, &b| page[b].y.total_cmp(&page[a].y));
    let top = order.iter().take(EDGE).map(|&at| (true, at));
    let bottom = order.iter().rev().take(EDGE).map(|&at| (false, at));
    top.chain(bottom).collect()
}

/// A line without its numbers and spaces.
fn pattern(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().filter(|c| !c.is_whitespace()).take(200) {
        if !c.is_numeric() {
            out.push(c);
        } else if !out.ends_with('#') {
            out.push('#');
        }
    }
    out
}

/// `12`, `— 12 —`, `第12页 共30页`, `12/30`; of a single page only with marks around it.
fn is_number(text: &str, pages: usize) -> bool {
    let mut digits = 0;
    let mut marks = 0;
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        match c {
            '0'..='9' | '０'..='９' => digits += 1,
            '-' | '—' | '–' | '－' | '一' | '·' | '•' | '第' | '页' | '共' | '/' | '~' | '～'
            | 'P' | '.' => marks += 1,
            _ => return false,
        }
    }
    (1..=8).contains(&digits) && marks <= 8 && (marks >= 2 || pages > 1)
}
