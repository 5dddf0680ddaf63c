//! Scatter plots of a search's candidates, the Pareto front in colour, as inline SVG.

use std::fmt::Write as _;

use rustc_hash::FxHashSet;
use strata_chem::optimize::Candidate;

use super::chart::short;
use super::escape;
use crate::optimize::Optimized;

const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 270.0;
/// Room for the axes.
const LEFT: f64 = 54.0;
const BELOW: f64 = 40.0;
const RIM: f64 = 10.0;

/// Points drawn at most, beside the front's.
const MOST: usize = 3_000;

/// Plots of the first three axes in pairs.
pub(super) fn plots(page: &mut String, result: &Optimized) {
    let axes = &result.outcome.axes;
    page.push_str("<section><h2>Pareto front</h2><div class=\"plots\">");
    for x in 0..axes.len().min(3) {
        for y in x + 1..axes.len().min(3) {
            plot(page, result, (&axes[x], &axes[y]));
        }
    }
    page.push_str(
        "</div><p class=\"note\">Grey: candidates within the limits. Green: nothing scored is at least as good in \
         every goal and better in one. Cross: the start.</p></section>",
    );
}

fn value(result: &Optimized, candidate: &Candidate, axis: &str) -> Option<f64> {
    if axis == "similarity" {
        return Some(candidate.similarity);
    }
    let at = result.columns.iter().position(|name| name == axis)?;
    candidate.values.get(at).copied()?
}

fn plot(page: &mut String, result: &Optimized, (x, y): (&str, &str)) {
    let outcome = &result.outcome;
    let at = |candidate: &Candidate| {
        value(result, candidate, x)
            .zip(value(result, candidate, y))
            .filter(|p| p.0.is_finite() && p.1.is_finite())
    };
    let front: FxHashSet<u32> = outcome.front.iter().copied().collect();
    let step = outcome.candidates.len().div_ceil(MOST).max(1);
    let starts = outcome.candidates.iter().filter(|c| c.step.parent.is_none()).filter_map(at);
    let starts: Vec<(f64, f64)> = starts.collect();
    let grey = outcome.candidates.iter().filter(|c| c.within_limits).step_by(step);
    let grey: Vec<(f64, f64)> = grey.filter(|c| !front.contains(&c.id)).filter_map(at).collect();
    let green = outcome.front.iter().filter_map(|&id| outcome.candidates.get(id as usize));
    let green: Vec<(&Candidate, (f64, f64))> = green.filter_map(|c| Some((c, at(c)?))).collect();
    let all = || grey.iter().chain(green.iter().map(|(_, point)| point)).chain(&starts);
    let ends = |of: fn(&(f64, f64)) -> f64| {
        let (low, high) =
            all().map(of).fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
        // Points on the rim are drawn whole.
        let room = if low < high { (high - low) * 0.04 } else { 0.5 };
        (low - room, high + room)
    };
    if all().next().is_none() {
        return;
    }
    let (across, up) = (ends(|p| p.0), ends(|p| p.1));
    let place = |p: &(f64, f64)| {
        let share = |value: f64, (low, high): (f64, f64)| (value - low) / (high - low);
        let wide = WIDTH - LEFT - RIM;
        let high = HEIGHT - BELOW - RIM;
        (LEFT + share(p.0, across) * wide, RIM + (1.0 - share(p.1, up)) * high)
    };
    let _ = write!(
        page,
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{0} against {1}\">\
         <path d=\"M{LEFT} {RIM}V{2}H{3}\" fill=\"none\" stroke=\"#9aa7b4\"/>",
        escape(y),
        escape(x),
        HEIGHT - BELOW,
        WIDTH - RIM
    );
    for mark in ticks(across) {
        let (at, floor) = (place(&(mark, up.0)).0, HEIGHT - BELOW);
        let _ = write!(
            page,
            "<path d=\"M{at:.1} {RIM}V{floor}\" stroke=\"#e3e9ee\"/>\
             <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            floor + 14.0,
            said(mark)
        );
    }
    for mark in ticks(up) {
        let at = place(&(across.0, mark)).1;
        let _ = write!(
            page,
            "<path d=\"M{LEFT} {at:.1}H{}\" stroke=\"#e3e9ee\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIM,
            LEFT - 5.0,
            at + 4.0,
            said(mark)
        );
    }
    for point in &grey {
        let (cx, cy) = place(point);
        let _ = write!(page, "<circle cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"1.8\" fill=\"#b9c4cf\"/>");
    }
    for (candidate, point) in &green {
        let (cx, cy) = place(point);
        let _ = write!(
            page,
            "<circle cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"3.2\" fill=\"#2e8b57\"><title>{}, {} {}, {} {}</title></circle>",
            escape(&candidate.smiles),
            escape(x),
            short(point.0),
            escape(y),
            short(point.1)
        );
    }
    for point in &starts {
        let (cx, cy) = place(point);
        let _ = write!(
            page,
            "<path d=\"M{0:.1} {1:.1}l10 10m0 -10l-10 10\" stroke=\"#c0573f\" stroke-width=\"2\"/>",
            cx - 5.0,
            cy - 5.0
        );
    }
    let floor = HEIGHT - BELOW;
    let middle = (RIM + floor) / 2.0;
    let _ = write!(
        page,
        "<text class=\"axis\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\
         <text class=\"axis\" transform=\"translate(11 {middle}) rotate(-90)\" text-anchor=\"middle\">{}</text></svg>",
        f64::midpoint(WIDTH - RIM, LEFT),
        floor + 30.0,
        escape(x),
        escape(y)
    );
}

/// About five round numbers within two ends.
fn ticks((low, high): (f64, f64)) -> Vec<f64> {
    let rough = (high - low) / 5.0;
    let size = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0].into_iter().map(|factor| factor * size).find(|step| *step >= rough);
    let step = step.unwrap_or(10.0 * size);
    let first = (low / step).ceil();
    (0..12).map(|at| (first + f64::from(at)) * step).take_while(|mark| *mark <= high).collect()
}

/// A tick as text, without what floating point adds.
fn said(mark: f64) -> String {
    let rounded = (mark * 1e6).round() / 1e6;
    (rounded + 0.0).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within_the_ends() {
        let texts = |ends| ticks(ends).into_iter().map(said).collect::<Vec<_>>().join(" ");
        assert_eq!(texts((0.17, 0.97)), "0.2 0.4 0.6 0.8");
        assert_eq!(texts((-1.4, 4.5)), "0 2 4");
        assert_eq!(texts((312.0, 488.0)), "350 400 450");
    }
}
