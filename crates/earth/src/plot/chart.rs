//! Charts of numbers: lines with intervals, bars, dots; metrics by lead, spectra, rank histograms, scatter.

use super::axis::Axis;
use super::font::Font;
use super::scene::{Anchor, Colour, FAINT, INK, Path, Pixel, Scene, Text};

/// Colours of the first lines, told apart by the colour-blind too.
pub const COLOURS: [Colour; 7] = [
    [31, 111, 139, 255],
    [200, 85, 61, 255],
    [91, 140, 90, 255],
    [138, 90, 158, 255],
    [176, 137, 0, 255],
    [85, 85, 85, 255],
    [60, 60, 170, 255],
];

/// What is drawn through or at points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mark {
    /// A line, with a dot at each point where they are few.
    #[default]
    Line,
    /// A dashed line.
    Dashed,
    /// Dots alone.
    Dots,
    /// Bars from nought.
    Bars,
}

/// A series.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// Its name in the key.
    pub label: String,
    /// x and y; what is not finite is left out, and parts a line.
    pub points: Vec<(f64, f64)>,
    /// x, low and high of an interval around it; may be empty.
    pub band: Vec<(f64, f64, f64)>,
    /// How it is drawn.
    pub mark: Mark,
}

/// A chart.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chart {
    /// Title.
    pub title: String,
    /// Below the title, fainter.
    pub subtitle: String,
    /// Names of the axes.
    pub labels: (String, String),
    /// Series.
    pub series: Vec<Series>,
    /// Both axes in powers of ten.
    pub logarithmic: bool,
    /// x falls to the right, as wavelengths are shown.
    pub reversed: bool,
    /// The y axis has nought on it.
    pub from_zero: bool,
    /// A level line, as 1 of a ratio.
    pub level: Option<f64>,
}

impl Chart {
    /// Lays it out in a width and height, in pixels; none where no point is finite.
    #[must_use]
    pub fn scene(&self, font: &Font, (width, height): (u32, u32)) -> Option<Scene> {
        let size = (width as f32 / 54.0).clamp(10.0, 32.0);
        let bars = self.series.iter().any(|series| series.mark == Mark::Bars);
        let points = || self.series.iter().flat_map(|series| series.points.iter());
        let finite = || points().filter(|point| point.0.is_finite() && point.1.is_finite());
        let bands =
            self.series.iter().flat_map(|s| s.band.iter().flat_map(|(_, low, high)| [*low, *high]));
        let zero = (self.from_zero || bars).then_some(0.0);
        let mut x = Axis::of(finite().map(|point| point.0), self.logarithmic)?;
        let mut y = Axis::of(
            finite().map(|point| point.1).chain(bands).chain(zero).chain(self.level),
            self.logarithmic,
        )?;
        let step = bar_step(&self.series);
        if bars {
            let ends = finite()
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), p| (a.min(p.0), b.max(p.0)));
            x = Axis { low: ends.0 - step * 0.6, high: ends.1 + step * 0.6, ..x };
        }
        if zero.is_some() && y.low < 0.0 && finite().all(|point| point.1 >= 0.0) {
            y.low = 0.0;
        }
        let mut scene = Scene::new(width, height);
        let ticks = y.ticks(f64::from(height as f32 / size / 4.0).clamp(3.0, 10.0));
        let widest =
            ticks.iter().map(|(_, name)| font.width(name, size * 0.85)).fold(0.0, f32::max);
        let key = if self.series.len() > 1 {
            self.key_rows(font, size, width as f32)
        } else {
            Vec::new()
        };
        let left = size * 2.8 + widest;
        let right = width as f32 - size * 1.4;
        let top = size * if self.subtitle.is_empty() { 2.6 } else { 3.9 };
        let bottom = height as f32 - size * (3.6 + 1.4 * key.len() as f32);
        let frame = Frame { rect: [left, top, right, bottom], x, y, reversed: self.reversed };
        frame.grid(&mut scene, font, (&ticks, size));
        for (at, series) in self.series.iter().enumerate() {
            frame.series(&mut scene, series, COLOURS[at % COLOURS.len()], (size, step));
        }
        if let Some(level) = self.level {
            let y = frame.at((0.0, level)).1;
            scene.dashed(
                Path::line(vec![(left, y), (right, y)]),
                INK,
                size * 0.08,
                [size * 0.5, size * 0.35],
            );
        }
        scene.stroke(
            Path::rect(left, top, right - left, bottom - top),
            FAINT,
            (size * 0.07).max(0.8),
        );
        let large = font.fitting(&self.title, size * 1.2, width as f32 - size * 2.0);
        scene.text(Text::new((size, size * 1.3), self.title.clone(), large, Anchor::Start).bold());
        scene.text(
            Text::new((size, size * 2.9), self.subtitle.clone(), size * 0.9, Anchor::Start)
                .colour(FAINT),
        );
        let middle = (f32::midpoint(left, right), bottom + size * 2.5);
        scene.text(Text::new(middle, self.labels.0.clone(), size, Anchor::Middle));
        let label = &self.labels.1;
        let fitted = font.fitting(label, size, bottom - top);
        scene.text(
            Text::new(
                (size * 1.0, f32::midpoint(top, bottom)),
                label.clone(),
                fitted,
                Anchor::Middle,
            )
            .turned(-90.0),
        );
        self.key(&mut scene, font, &key, (size, bottom + size * 3.9));
        Some(scene)
    }

    /// Which series are named in which row of the key.
    fn key_rows(&self, font: &Font, size: f32, width: f32) -> Vec<Vec<usize>> {
        let mut rows: Vec<Vec<usize>> = vec![Vec::new()];
        let mut x = size;
        for (at, series) in self.series.iter().enumerate() {
            let wide = font.width(&series.label, size * 0.9) + size * 3.4;
            if x + wide > width && x > size {
                rows.push(Vec::new());
                x = size;
            }
            x += wide;
            if let Some(row) = rows.last_mut() {
                row.push(at);
            }
        }
        rows
    }

    fn key(&self, scene: &mut Scene, font: &Font, rows: &[Vec<usize>], (size, top): (f32, f32)) {
        for (row, members) in rows.iter().enumerate() {
            let (mut x, y) = (size, top + size * 1.4 * row as f32);
            for at in members {
                let series = &self.series[*at];
                let colour = COLOURS[*at % COLOURS.len()];
                let line = Path::line(vec![(x, y), (x + size * 1.6, y)]);
                match series.mark {
                    Mark::Dashed => {
                        scene.dashed(line, colour, size * 0.16, [size * 0.4, size * 0.25]);
                    }
                    Mark::Dots => {
                        scene.fill(Path::circle((x + size * 0.8, y), size * 0.25), colour);
                    }
                    Mark::Line | Mark::Bars => scene.stroke(line, colour, size * 0.16),
                }
                scene.text(Text::new(
                    (x + size * 2.0, y),
                    series.label.clone(),
                    size * 0.9,
                    Anchor::Start,
                ));
                x += font.width(&series.label, size * 0.9) + size * 3.4;
            }
        }
    }
}

/// The least distance of bars.
fn bar_step(series: &[Series]) -> f64 {
    let bars = series.iter().filter(|series| series.mark == Mark::Bars);
    let steps =
        bars.flat_map(|series| series.points.windows(2).map(|pair| (pair[1].0 - pair[0].0).abs()));
    let least = steps.filter(|step| *step > 0.0).fold(f64::INFINITY, f64::min);
    if least.is_finite() { least } else { 1.0 }
}

/// A rectangle with two axes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) rect: [f32; 4],
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) reversed: bool,
}

impl Frame {
    pub(super) fn at(&self, (x, y): (f64, f64)) -> Pixel {
        let [left, top, right, bottom] = self.rect;
        let share = self.x.share(x) as f32;
        let share = if self.reversed { 1.0 - share } else { share };
        (left + (right - left) * share, bottom - (bottom - top) * self.y.share(y) as f32)
    }

    fn grid(&self, scene: &mut Scene, font: &Font, (ticks, size): (&[(f64, String)], f32)) {
        let [left, top, right, bottom] = self.rect;
        let mut lines = Path::default();
        for (value, name) in ticks {
            let y = self.at((0.0, *value)).1;
            lines.push(vec![(left, y), (right, y)]);
            scene.text(Text::new((left - size * 0.5, y), name.clone(), size * 0.85, Anchor::End));
        }
        let mut free = f32::NEG_INFINITY;
        let mut ticks = self.x.ticks(f64::from((right - left) / size / 5.0).clamp(3.0, 12.0));
        if self.reversed {
            ticks.reverse();
        }
        for (value, name) in ticks {
            let x = self.at((value, 0.0)).0;
            lines.push(vec![(x, top), (x, bottom)]);
            let half = font.width(&name, size * 0.85) / 2.0;
            if x - half > free {
                scene.text(Text::new((x, bottom + size * 0.9), name, size * 0.85, Anchor::Middle));
                free = x + half + size * 0.5;
            }
        }
        scene.stroke(lines, [224, 229, 234, 255], (size * 0.06).max(0.8));
    }

    /// Runs of points that are finite.
    fn runs(&self, points: &[(f64, f64)]) -> Vec<Vec<Pixel>> {
        let mut runs = vec![Vec::new()];
        for point in points {
            let (x, y) = self.at(*point);
            if x.is_finite() && y.is_finite() {
                if let Some(run) = runs.last_mut() {
                    run.push((x, y));
                }
            } else {
                runs.push(Vec::new());
            }
        }
        runs.retain(|run: &Vec<Pixel>| !run.is_empty());
        runs
    }

    /// A filled interval.
    pub(super) fn band(&self, scene: &mut Scene, band: &[(f64, f64, f64)], colour: Colour) {
        let good: Vec<_> =
            band.iter().filter(|(_, low, high)| low.is_finite() && high.is_finite()).collect();
        let upper = good.iter().map(|(x, _, high)| self.at((*x, *high)));
        let lower = good.iter().rev().map(|(x, low, _)| self.at((*x, *low)));
        let outline: Vec<Pixel> =
            upper.chain(lower).filter(|p| p.0.is_finite() && p.1.is_finite()).collect();
        if outline.len() > 2 {
            scene.fill(Path::polygon(outline), colour);
        }
    }

    /// A line through points.
    pub(super) fn line(
        &self,
        scene: &mut Scene,
        points: &[(f64, f64)],
        colour: Colour,
        width: f32,
    ) {
        let lines = self.runs(points).into_iter().map(|run| (run, false)).collect();
        scene.stroke(Path { lines }, colour, width);
    }

    fn series(&self, scene: &mut Scene, series: &Series, colour: Colour, (size, step): (f32, f64)) {
        let faint = [colour[0], colour[1], colour[2], 46];
        self.band(scene, &series.band, faint);
        let runs = self.runs(&series.points);
        let dot = |scene: &mut Scene, radius: f32, colour: Colour| {
            let lines =
                runs.iter().flatten().flat_map(|at| Path::circle(*at, radius).lines).collect();
            scene.fill(Path { lines }, colour);
        };
        match series.mark {
            Mark::Line => {
                self.line(scene, &series.points, colour, size * 0.16);
                if series.points.len() <= 40 {
                    dot(scene, size * 0.2, colour);
                }
            }
            Mark::Dashed => {
                let lines = runs.iter().map(|run| (run.clone(), false)).collect();
                scene.dashed(Path { lines }, colour, size * 0.16, [size * 0.5, size * 0.3]);
            }
            Mark::Dots => dot(scene, size * 0.16, [colour[0], colour[1], colour[2], 150]),
            Mark::Bars => {
                for (x, y) in series.points.iter().filter(|point| point.1.is_finite()) {
                    let (a, b) = (self.at((x - step * 0.4, *y)), self.at((x + step * 0.4, 0.0)));
                    scene.fill(
                        Path::rect(
                            a.0.min(b.0),
                            a.1.min(b.1),
                            (b.0 - a.0).abs(),
                            (b.1 - a.1).abs(),
                        ),
                        colour,
                    );
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::scene::Item;
    use super::*;

    #[test]
    fn points_lie_where_the_axes_say_and_nothing_is_drawn_of_nothing() {
        let font = Font::builtin().unwrap();
        let line = Series {
            label: "a".to_owned(),
            points: vec![(0.0, 1.0), (24.0, f64::NAN), (48.0, 3.0)],
            ..Series::default()
        };
        let chart = Chart {
            series: vec![line.clone(), Series { label: "b".to_owned(), ..line }],
            ..Chart::default()
        };
        let scene = chart.scene(&font, (640, 400)).unwrap();
        for text in scene.texts() {
            let [left, top, right, bottom] = text.bounds(&font, 0.0);
            assert!(left >= 0.0 && top >= 0.0 && right <= 640.0 && bottom <= 400.0, "{text:?}");
        }
        assert!(scene.texts().any(|text| text.text == "b"));
        assert!(Chart::default().scene(&font, (640, 400)).is_none());
    }

    #[test]
    fn bars_stand_on_nought() {
        let font = Font::builtin().unwrap();
        let bars = Series {
            points: vec![(0.0, 0.2), (1.0, 0.4), (2.0, 0.4)],
            mark: Mark::Bars,
            ..Series::default()
        };
        let scene =
            Chart { series: vec![bars], ..Chart::default() }.scene(&font, (640, 400)).unwrap();
        let tall: Vec<f32> = scene
            .items
            .iter()
            .filter_map(|item| match item {
                Item::Fill { path, .. } => Some(path.lines[0].0[2].1 - path.lines[0].0[0].1),
                _ => None,
            })
            .collect();
        assert_eq!(tall.len(), 3);
        assert!((tall[1] / tall[0] - 2.0).abs() < 1e-3, "{tall:?}");
    }
}
