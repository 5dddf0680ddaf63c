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
const LEFT: f64 = 46.0;
const BELOW: f64 = 36.0;
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
    let green: Vec<(f64, f64)> = green.filter_map(at).collect();
    let all = || grey.iter().chain(&green).chain(&starts);
    let ends = |of: fn(&(f64, f64)) -> f64| {
        let (low, high) =
            all().map(of).fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
        if low < high { (low, high) } else { (low - 0.5, low + 0.5) }
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
    let mut dots = |points: &[(f64, f64)], radius: f64, fill: &str| {
        for point in points {
            let (cx, cy) = place(point);
            let _ = write!(
                page,
                "<circle cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"{radius}\" fill=\"{fill}\"/>"
            );
        }
    };
    dots(&grey, 1.8, "#b9c4cf");
    dots(&green, 3.2, "#2e8b57");
    for point in &starts {
        let (cx, cy) = place(point);
        let _ = write!(
            page,
            "<path d=\"M{0:.1} {1:.1}l10 10m0 -10l-10 10\" stroke=\"#c0573f\" stroke-width=\"2\"/>",
            cx - 5.0,
            cy - 5.0
        );
    }
    let mut text = |x: f64, y: f64, anchor: &str, text: &str| {
        let _ = write!(
            page,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>",
            escape(text)
        );
    };
    let floor = HEIGHT - BELOW;
    text(LEFT, floor + 14.0, "start", &short(across.0));
    text(WIDTH - RIM, floor + 14.0, "end", &short(across.1));
    text((WIDTH + LEFT) / 2.0, floor + 28.0, "middle", x);
    text(LEFT - 5.0, floor, "end", &short(up.0));
    text(LEFT - 5.0, RIM + 9.0, "end", &short(up.1));
    text(LEFT + 6.0, RIM + 9.0, "start", y);
    page.push_str("</svg>");
}
