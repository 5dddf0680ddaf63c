//! Drawings of the report as inline SVG: bars of ratios, lines of growth, counts of verdicts. Colours are the page's
//! classes, so that light and dark are one drawing.

use std::fmt::Write as _;

use super::page::escape;
use super::runs::{OURS, Spread};
use super::targets::{Status, number, spread};

const WIDTH: f64 = 920.0;

/// A row of [`ratios`].
pub(super) struct Ratio {
    /// What was compared.
    pub(super) label: String,
    /// With whom.
    pub(super) peer: String,
    pub(super) value: Spread,
    /// What was to be reached.
    pub(super) bar: Option<f64>,
}

/// Bars from 1 on a logarithmic scale, with their ends where rounds differ. `None` without rows.
pub(super) fn ratios(rows: &[Ratio]) -> Option<String> {
    const LEFT: f64 = 400.0;
    const ROW: f64 = 34.0;
    const RIGHT: f64 = 120.0;
    let sound = |v: f64| v.is_finite() && v > 0.0;
    let rows: Vec<&Ratio> =
        rows.iter().filter(|r| sound(r.value.min) && sound(r.value.max)).collect();
    if rows.is_empty() {
        return None;
    }
    let all = rows.iter().flat_map(|r| [r.value.min, r.value.max, r.bar.unwrap_or(1.0)]);
    let (low, high) = all.fold((1.0_f64, 1.0_f64), |(l, h), v| (l.min(v), h.max(v)));
    let (low, high) = (low.log10() - 0.05, high.log10() + 0.05);
    let x = |v: f64| LEFT + (v.log10() - low) / (high - low) * (WIDTH - LEFT - RIGHT);
    let height = rows.len() as f64 * ROW + 44.0;
    let mut svg = open(WIDTH, height, "Cost of other programs by ours, on a logarithmic scale");
    for tick in ticks(low, high) {
        let (at, bottom) = (x(tick), height - 24.0);
        line(&mut svg, if tick == 1.0 { "axis" } else { "grid" }, (at, 6.0), (at, bottom));
        text(&mut svg, "soft", "middle", (at, height - 8.0), &format!("{}×", number(tick)));
    }
    for (i, row) in rows.iter().enumerate() {
        let y = 10.0 + i as f64 * ROW;
        text(&mut svg, "ink", "end", (LEFT - 12.0, y + 12.0), &shortened(&row.label, 62));
        text(&mut svg, "soft", "end", (LEFT - 12.0, y + 26.0), &shortened(&row.peer, 60));
        let (from, to) = (x(1.0).min(x(row.value.median)), x(1.0).max(x(row.value.median)));
        let class = if row.value.median >= 1.0 { "f0" } else { "f1" };
        let _ = writeln!(
            svg,
            "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"16\" rx=\"2\"/>",
            y + 6.0,
            (to - from).max(1.0)
        );
        let (min, max) = (x(row.value.min), x(row.value.max));
        if max - min > 1.0 {
            let middle = y + 14.0;
            line(&mut svg, "spread", (min, middle), (max, middle));
            for end in [min, max] {
                line(&mut svg, "spread", (end, middle - 4.0), (end, middle + 4.0));
            }
        }
        let mut end = max.max(to);
        if let Some(bar) = row.bar {
            let _ = writeln!(
                svg,
                "<path class=\"bar\" stroke-width=\"2\" stroke-dasharray=\"3 2\" d=\"M{0:.1} {1:.1}V{2:.1}\"><title>bar: {3}×</title></path>",
                x(bar),
                y + 1.0,
                y + 27.0,
                number(bar)
            );
            end = end.max(x(bar));
        }
        text(
            &mut svg,
            "ink",
            "start",
            (end + 8.0, y + 18.0),
            &format!("{}×", number(row.value.median)),
        );
    }
    Some(svg + "</svg>\n")
}

/// A line of [`growth`].
pub(super) struct Line {
    pub(super) side: String,
    /// Size and cost.
    pub(super) points: Vec<(f64, f64)>,
    pub(super) exponent: Option<f64>,
}

/// Cost against size, both logarithmic. `None` with fewer than two points a line.
pub(super) fn growth(lines: &[Line], unit: &str) -> Option<String> {
    /// Half a page's width.
    const ACROSS: f64 = 480.0;
    let height = 250.0 + lines.len() as f64 * 20.0;
    const BOX: (f64, f64, f64, f64) = (66.0, 12.0, 464.0, 206.0);
    let sound = |p: &&(f64, f64)| p.0 > 0.0 && p.1 > 0.0 && p.1.is_finite();
    let points: Vec<(f64, f64)> =
        lines.iter().flat_map(|l| l.points.iter().filter(sound).copied()).collect();
    if points.len() < 2 {
        return None;
    }
    let range = |of: fn(&(f64, f64)) -> f64| {
        let values = points.iter().map(of).map(f64::log10);
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
        let margin = ((high - low) * 0.06).max(0.05);
        (low - margin, high + margin)
    };
    let ((x0, x1), (y0, y1)) = (range(|p| p.0), range(|p| p.1));
    let (left, top, right, bottom) = BOX;
    let x = |v: f64| left + (v.log10() - x0) / (x1 - x0) * (right - left);
    let y = |v: f64| bottom - (v.log10() - y0) / (y1 - y0) * (bottom - top);
    let mut svg = open(ACROSS, height, "Seconds against size, both logarithmic");
    for tick in ticks(x0, x1) {
        line(&mut svg, "grid", (x(tick), top), (x(tick), bottom));
        text(&mut svg, "soft", "middle", (x(tick), bottom + 16.0), &number(tick));
    }
    for tick in ticks(y0, y1) {
        line(&mut svg, "grid", (left, y(tick)), (right, y(tick)));
        text(&mut svg, "soft", "end", (left - 8.0, y(tick) + 4.0), &format!("{} s", number(tick)));
    }
    text(&mut svg, "soft", "middle", (f64::midpoint(left, right), bottom + 34.0), unit);
    for (i, one) in lines.iter().enumerate() {
        let class = if one.side == OURS { 0 } else { 1 + (i.max(1) - 1) % 3 };
        let at: Vec<(f64, f64)> =
            one.points.iter().filter(sound).map(|p| (x(p.0), y(p.1))).collect();
        let path: Vec<String> = at.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        if path.is_empty() {
            continue;
        }
        let _ = writeln!(
            svg,
            "<path class=\"s{class}\" fill=\"none\" stroke-width=\"2\" d=\"M{}\"/>",
            path.join("L")
        );
        for (x, y) in at {
            let _ =
                writeln!(svg, "<circle class=\"f{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"/>");
        }
        let line_at = bottom + 58.0 + i as f64 * 20.0;
        let _ = writeln!(
            svg,
            "<rect class=\"f{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"12\" height=\"12\" rx=\"2\"/>",
            left,
            line_at - 10.0
        );
        let exponent = one.exponent.map_or(String::new(), |e| format!(": size^{e:.2}"));
        text(
            &mut svg,
            "ink",
            "start",
            (left + 18.0, line_at),
            &shortened(&format!("{}{exponent}", one.side), 56),
        );
    }
    Some(svg + "</svg>\n")
}

/// How many targets of each part stand how.
pub(super) fn verdicts(parts: &[(String, [usize; 4])]) -> Option<String> {
    const LEFT: f64 = 390.0;
    const ROW: f64 = 30.0;
    let most = parts.iter().map(|(_, counts)| counts.iter().sum::<usize>()).max()?;
    if most == 0 {
        return None;
    }
    let height = parts.len() as f64 * ROW + 40.0;
    let mut svg = open(WIDTH, height, "Targets by verdict");
    for (i, (name, counts)) in parts.iter().enumerate() {
        let y = 8.0 + i as f64 * ROW;
        text(&mut svg, "ink", "end", (LEFT - 12.0, y + 15.0), &shortened(name, 60));
        let mut x = LEFT;
        for (status, &count) in Status::ALL.iter().zip(counts) {
            if count == 0 {
                continue;
            }
            let width = count as f64 / most as f64 * (WIDTH - LEFT - 60.0);
            let class = format!("{status:?}").to_lowercase();
            let _ = writeln!(
                svg,
                "<rect class=\"f{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"20\" rx=\"2\"><title>{count} {}</title></rect>",
                width - 2.0,
                status.word()
            );
            x += width;
        }
        text(
            &mut svg,
            "ink",
            "start",
            (x + 6.0, y + 15.0),
            &counts.iter().sum::<usize>().to_string(),
        );
    }
    let mut x = LEFT;
    for status in Status::ALL {
        let class = format!("{status:?}").to_lowercase();
        let _ = writeln!(
            svg,
            "<rect class=\"f{class}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"12\" height=\"12\" rx=\"2\"/>",
            height - 22.0
        );
        text(&mut svg, "soft", "start", (x + 18.0, height - 12.0), status.word());
        x += 40.0 + status.word().len() as f64 * 7.0;
    }
    Some(svg + "</svg>\n")
}

/// 1, 2 and 5 of every decade between two logarithms; powers of ten alone where that would be many.
fn ticks(low: f64, high: f64) -> Vec<f64> {
    let steps: &[f64] = if high - low > 2.6 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let mut all = Vec::new();
    for decade in low.floor() as i32..=high.ceil() as i32 {
        for step in steps {
            let value = step * 10_f64.powi(decade);
            if (low..=high).contains(&value.log10()) {
                all.push(value);
            }
        }
    }
    all
}

fn open(width: f64, height: f64, label: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{label}\">\n"
    )
}

fn line(svg: &mut String, class: &str, from: (f64, f64), to: (f64, f64)) {
    let _ = writeln!(
        svg,
        "<path class=\"{class}\" d=\"M{:.1} {:.1}L{:.1} {:.1}\"/>",
        from.0, from.1, to.0, to.1
    );
}

fn text(svg: &mut String, class: &str, anchor: &str, at: (f64, f64), words: &str) {
    let _ = writeln!(
        svg,
        "<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        at.0,
        at.1,
        escape(words)
    );
}

fn shortened(words: &str, most: usize) -> String {
    if words.chars().count() <= most {
        return words.to_owned();
    }
    words.chars().take(most - 1).chain(['…']).collect()
}

/// A spread as a cell shows it, with the sign of a ratio.
pub(super) fn times(value: Option<Spread>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| spread(value, "×"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(median: f64, min: f64, max: f64) -> Ratio {
        let value = Spread { median, min, max };
        Ratio { label: "parse <a>".into(), peer: "RDKit".into(), value, bar: Some(4.0) }
    }

    #[test]
    fn bars_of_ratios_stay_on_the_drawing() {
        assert!(ratios(&[]).is_none());
        assert!(ratios(&[ratio(0.0, 0.0, 0.0)]).is_none(), "no logarithm");
        let svg =
            ratios(&[ratio(10.0, 9.0, 11.0), ratio(0.5, 0.5, 0.5), ratio(225.0, 225.0, 225.0)])
                .unwrap();
        assert!(svg.contains("parse &lt;a&gt;") && svg.contains("bar: 4×"));
        for number in svg.split(" x=\"").skip(1).filter_map(|part| part.split('"').next()) {
            let x: f64 = number.parse().unwrap();
            assert!((0.0..=WIDTH).contains(&x), "{x}");
        }
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn growth_is_drawn_from_two_points_on() {
        let of = |points: &[(f64, f64)]| {
            growth(
                &[Line { side: OURS.into(), points: points.to_vec(), exponent: Some(1.01) }],
                "molecules",
            )
        };
        assert!(of(&[(10.0, 1.0)]).is_none());
        assert!(of(&[(10.0, 1.0), (0.0, 2.0)]).is_none());
        let svg = of(&[(1000.0, 0.1), (4000.0, 0.4), (16000.0, 1.7)]).unwrap();
        assert!(svg.contains("size^1.01") && svg.matches("<circle").count() == 3);
    }

    #[test]
    fn ticks_are_few_and_within() {
        assert_eq!(ticks(0.0, 1.0), [1.0, 2.0, 5.0, 10.0]);
        assert_eq!(ticks(-0.1, 3.0), [1.0, 10.0, 100.0, 1000.0]);
    }
}
