//! Meteograms: what a forecast says of one place through time, one panel a quantity, with the members of an ensemble as a fan.

use super::PlotError;
use super::axis::{Axis, times};
use super::barb::{Unit, barb};
use super::chart::Frame;
use super::font::Font;
use super::map::lettering;
use super::scene::{Anchor, Colour, FAINT, INK, Path, Scene, Text};
use crate::time::Time;

/// A quantity through time: for each time the members' values, one for a single forecast; NaN where missing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Curve {
    /// Name with its unit.
    pub name: String,
    /// Times, rising, and values.
    pub values: Vec<(Time, Vec<f32>)>,
    /// Bars from nought, as of precipitation.
    pub bars: bool,
}

/// Wind through time, in m/s.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Wind {
    /// Times, eastward and northward component.
    pub values: Vec<(Time, f32, f32)>,
}

/// One panel: curves of one unit, and barbs above them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Panel {
    /// Title of the panel.
    pub title: String,
    /// Curves.
    pub curves: Vec<Curve>,
    /// Wind barbs.
    pub wind: Option<Wind>,
    /// The axis is at least this long.
    pub least_span: f64,
}

/// A meteogram.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Meteogram {
    /// Place, as in `Beijing, 39.9°N 116.4°E`.
    pub title: String,
    /// When the forecast began, and of which model.
    pub subtitle: String,
    /// South of the equator, where barbs stand on the other side.
    pub south: bool,
    /// Unit of barbs.
    pub barbs: Unit,
    /// Panels, from the top.
    pub panels: Vec<Panel>,
}

/// Colours of the first and further curves of a panel.
const INKS: [Colour; 4] =
    [[196, 52, 46, 255], [36, 132, 84, 255], [40, 84, 168, 255], [120, 70, 150, 255]];
const RAIN: Colour = [44, 112, 190, 255];

/// A quantile of values, linear between them (Hyndman and Fan's seventh definition); NaN of none.
#[must_use]
pub fn quantile(values: &[f32], share: f64) -> f64 {
    let mut sorted: Vec<f32> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f32::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = share.clamp(0.0, 1.0) * last as f64;
    let (low, high) =
        (f64::from(sorted[at.floor() as usize]), f64::from(sorted[at.ceil() as usize]));
    low + (high - low) * at.fract()
}

impl Meteogram {
    fn span(&self) -> Option<(Time, Time)> {
        let curves = self.panels.iter().flat_map(|panel| &panel.curves);
        let of_curves = curves.flat_map(|curve| curve.values.iter().map(|(time, _)| *time));
        let winds = self.panels.iter().filter_map(|panel| panel.wind.as_ref());
        let all =
            of_curves.chain(winds.flat_map(|wind| wind.values.iter().map(|(time, ..)| *time)));
        let (first, last) =
            all.fold((None, None), |(first, last): (Option<Time>, Option<Time>), time| {
                (
                    Some(first.map_or(time, |f| f.min(time))),
                    Some(last.map_or(time, |l| l.max(time))),
                )
            });
        first.zip(last)
    }

    /// Lays it out in a width.
    ///
    /// # Errors
    /// [`PlotError::Unfit`] where there are not two times, or no value is there.
    pub fn scene(&self, font: &Font, width: u32) -> Result<Scene, PlotError> {
        let (first, last) = self.span().filter(|(first, last)| last > first).ok_or_else(|| {
            PlotError::Unfit("a meteogram needs values of at least two times".to_owned())
        })?;
        let size = lettering(width) * 1.05;
        let (top, gap) = (size * 4.4, size * 3.3);
        let high = width as f32 * 0.155;
        let height = top + (high + gap) * self.panels.len() as f32 + size * 2.0;
        let mut scene = Scene::new(width, height.ceil() as u32);
        let (left, right) = (size * 4.6, width as f32 - size * 2.0);
        let marks = times(first, last, ((right - left) / size / 4.2) as usize);
        let span = (last - first) as f64;
        // Barbs reach out to where the wind comes from, past the first and the last time.
        let barbs = self.panels.iter().any(|panel| panel.wind.is_some());
        let reach = if barbs { f64::from(size * 1.6 / (right - left - size * 3.2)) } else { 0.012 };
        let pad = (span * reach.max(0.012)).max(1.0);
        let x = Axis { low: first.0 as f64 - pad, high: last.0 as f64 + pad, logarithmic: false };
        for (at, panel) in self.panels.iter().enumerate() {
            let y = top + size * 1.7 + (high + gap) * at as f32;
            self.panel(&mut scene, font, (panel, x, [left, y, right, y + high]), (&marks, size));
        }
        let room = width as f32 - 2.0 * size;
        let large = font.fitting(&self.title, size * 1.25, room);
        scene.text(Text::new((size, size * 1.3), self.title.clone(), large, Anchor::Start).bold());
        let small = font.fitting(&self.subtitle, size * 0.95, room);
        scene.text(
            Text::new((size, size * 2.9), self.subtitle.clone(), small, Anchor::Start)
                .colour(FAINT),
        );
        Ok(scene)
    }

    fn panel(
        &self,
        scene: &mut Scene,
        font: &Font,
        (panel, x, rect): (&Panel, Axis, [f32; 4]),
        (marks, size): (&[(Time, String, bool)], f32),
    ) {
        let [left, top, right, bottom] = rect;
        let values = panel
            .curves
            .iter()
            .flat_map(|curve| curve.values.iter().flat_map(|(_, values)| values));
        let values = values.map(|value| f64::from(*value)).filter(|value| value.is_finite());
        let bars = panel.curves.iter().any(|curve| curve.bars);
        let Some(mut y) = Axis::of(values.chain(bars.then_some(0.0)), false) else { return };
        y = y.at_least(panel.least_span);
        // Speeds and sums do not fall below nought, nor should their axis.
        let positive = panel
            .curves
            .iter()
            .all(|c| c.values.iter().all(|(_, v)| v.iter().all(|v| v.is_nan() || *v >= 0.0)));
        if bars || panel.wind.is_some() && positive {
            let span = (y.high - y.low).max(panel.least_span);
            (y.low, y.high) = (0.0, (y.low + span).max(y.high));
        }
        if panel.wind.is_some() {
            // Room for the barbs.
            y.high += (y.high - y.low) * 0.45;
        }
        let frame = Frame { rect, x, y, reversed: false };
        self.grid(scene, &frame, marks, size);
        let mut name_at = left;
        scene.text(
            Text::new((name_at, top - size * 0.9), panel.title.clone(), size * 0.95, Anchor::Start)
                .bold(),
        );
        name_at += font.width(&panel.title, size * 0.95) + size * 1.5;
        for (at, curve) in panel.curves.iter().enumerate() {
            let colour = if curve.bars { RAIN } else { INKS[at % INKS.len()] };
            draw(scene, &frame, curve, colour, size);
            if panel.curves.len() > 1 || curve.values.iter().any(|(_, values)| values.len() > 1) {
                let members =
                    curve.values.iter().map(|(_, values)| values.len()).max().unwrap_or(1);
                let name = match members {
                    1 => curve.name.clone(),
                    count => format!("{}: median, 25–75 %, 10–90 %, range of {count}", curve.name),
                };
                let y = top - size * 0.9;
                scene.stroke(
                    Path::line(vec![(name_at, y), (name_at + size * 1.3, y)]),
                    colour,
                    size * 0.16,
                );
                scene.text(Text::new(
                    (name_at + size * 1.7, y),
                    name.clone(),
                    size * 0.85,
                    Anchor::Start,
                ));
                name_at += font.width(&name, size * 0.85) + size * 3.4;
            }
        }
        if let Some(wind) = &panel.wind {
            self.barbs(scene, &frame, wind, size);
        }
        scene.stroke(
            Path::rect(left, top, right - left, bottom - top),
            FAINT,
            (size * 0.07).max(0.8),
        );
    }

    fn grid(&self, scene: &mut Scene, frame: &Frame, marks: &[(Time, String, bool)], size: f32) {
        let [left, top, right, bottom] = frame.rect;
        let (mut thin, mut heavy) = (Path::default(), Path::default());
        for (time, name, midnight) in marks {
            let x = frame.at((time.0 as f64, 0.0)).0;
            let line = vec![(x, top), (x, bottom)];
            if *midnight {
                heavy.push(line);
            } else {
                thin.push(line);
            }
            let letters = size * if *midnight { 0.85 } else { 0.75 };
            let x = x.clamp(left, right);
            scene.text(
                Text::new((x, bottom + size * 0.75), name.clone(), letters, Anchor::Middle)
                    .colour(if *midnight { INK } else { FAINT }),
            );
        }
        for (value, name) in frame.y.ticks(5.0) {
            let y = frame.at((0.0, value)).1;
            thin.push(vec![(left, y), (right, y)]);
            scene.text(Text::new((left - size * 0.5, y), name, size * 0.85, Anchor::End));
        }
        scene.stroke(thin, [226, 230, 235, 255], (size * 0.06).max(0.7));
        scene.stroke(heavy, [176, 184, 194, 255], (size * 0.08).max(0.9));
    }

    fn barbs(&self, scene: &mut Scene, frame: &Frame, wind: &Wind, size: f32) {
        let [left, top, right, _] = frame.rect;
        let most = ((right - left) / (size * 2.2)).max(1.0) as usize;
        let every = wind.values.len().div_ceil(most).max(1);
        let (mut lines, mut fills) = (Path::default(), Path::default());
        for (time, u, v) in wind.values.iter().step_by(every) {
            let speed = u.hypot(*v);
            if !speed.is_finite() {
                continue;
            }
            let at = (frame.at((time.0 as f64, 0.0)).0, top + size * 1.9);
            let downwind = if speed > 0.0 { (u / speed, -v / speed) } else { (1.0, 0.0) };
            let shapes = barb(at, downwind, speed, self.south, (size * 1.5, self.barbs));
            lines.lines.extend(shapes.lines.lines);
            fills.lines.extend(shapes.fills.lines);
        }
        scene.stroke(lines, INK, (size * 0.08).max(0.8));
        if !fills.is_empty() {
            scene.fill(fills, INK);
        }
    }
}

/// A curve: bars, a line, or a fan of quantiles with the median.
fn draw(scene: &mut Scene, frame: &Frame, curve: &Curve, colour: Colour, size: f32) {
    let of = |share: f64| -> Vec<(f64, f64)> {
        curve.values.iter().map(|(time, values)| (time.0 as f64, quantile(values, share))).collect()
    };
    let faint = |opacity: u8| [colour[0], colour[1], colour[2], opacity];
    let fan = |scene: &mut Scene, low: f64, high: f64, opacity: u8| {
        let band: Vec<(f64, f64, f64)> =
            of(low).into_iter().zip(of(high)).map(|((x, low), (_, high))| (x, low, high)).collect();
        frame.band(scene, &band, faint(opacity));
    };
    if curve.bars {
        let step =
            curve.values.windows(2).map(|pair| pair[1].0 - pair[0].0).min().unwrap_or(3600) as f64;
        for (time, values) in &curve.values {
            let value = quantile(values, 0.5);
            if value > 0.0 {
                // A sum is of the time before.
                let (a, b) = (
                    frame.at((time.0 as f64 - step * 0.95, value)),
                    frame.at((time.0 as f64 - step * 0.05, 0.0)),
                );
                let left = a.0.max(frame.rect[0]);
                scene.fill(Path::rect(left, a.1, (b.0 - left).max(0.0), b.1 - a.1), colour);
                if values.len() > 1 {
                    let middle = f32::midpoint(left, b.0);
                    let high = frame.at((time.0 as f64, quantile(values, 0.9))).1;
                    scene.stroke(Path::line(vec![(middle, a.1), (middle, high)]), INK, size * 0.09);
                }
            }
        }
        return;
    }
    if curve.values.iter().any(|(_, values)| values.len() > 1) {
        fan(scene, 0.0, 1.0, 34);
        fan(scene, 0.1, 0.9, 48);
        fan(scene, 0.25, 0.75, 74);
    }
    frame.line(scene, &of(0.5), colour, size * 0.18);
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_members() {
        let values = [4.0, 1.0, f32::NAN, 3.0, 2.0];
        assert_eq!(
            (quantile(&values, 0.0), quantile(&values, 0.5), quantile(&values, 1.0)),
            (1.0, 2.5, 4.0)
        );
        assert!(quantile(&[f32::NAN], 0.5).is_nan());
    }

    #[test]
    fn lettering_lies_within_and_one_time_is_refused() {
        let font = Font::builtin().unwrap();
        let times: Vec<Time> = (0..20).map(|at| Time(at * 21_600)).collect();
        let curve = Curve {
            name: "temperature (°C)".to_owned(),
            values: times
                .iter()
                .map(|t| (*t, vec![(t.0 as f32 / 30_000.0).sin() * 5.0, 1.0, 2.0]))
                .collect(),
            bars: false,
        };
        let wind = Wind { values: times.iter().map(|t| (*t, 10.0, 5.0)).collect() };
        let panel = Panel {
            title: "Temperature (°C)".to_owned(),
            curves: vec![curve],
            wind: Some(wind),
            least_span: 4.0,
        };
        let mut plot = Meteogram {
            title: "Here".to_owned(),
            panels: vec![panel.clone(), panel],
            ..Meteogram::default()
        };
        let scene = plot.scene(&font, 900).unwrap();
        for text in scene.texts() {
            let [left, top, right, bottom] = text.bounds(&font, 0.0);
            assert!(
                left >= 0.0 && top >= 0.0 && right <= 900.0 && bottom <= scene.height as f32,
                "{text:?}"
            );
        }
        plot.panels.iter_mut().for_each(|panel| {
            panel.wind = None;
            panel.curves[0].values.truncate(1);
        });
        assert!(plot.scene(&font, 900).is_err());
    }
}
