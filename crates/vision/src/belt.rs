//! Belt geometry without a trained model: where both edges of a conveyor belt run and how far the belt
//! is off its centre, what lies on it, what hangs over its edges, and breaks along its running direction.
//!
//! Grey and tint of the reduced and median-filtered picture; gradient across the belt with Canny's non-maximum
//! suppression and Otsu's threshold; Hough transform; least squares on the inliers of each line with
//! Tukey's weights. What is not seen clearly is reported as not found, with the reason.

use serde::{Deserialize, Serialize};

use crate::geometry::{BBox, Point, Size};
use crate::image::Image;

mod edges;
mod grid;
mod hidden;
mod lines;
mod load;
mod strip;
mod tear;

/// Where the belt runs to in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Running {
    /// Down or up: the edges run from the top to the bottom, tilted by up to 40 degrees.
    #[default]
    Vertical,
    /// To the right or left: the edges run from side to side.
    Horizontal,
}

/// What is expected of the belt. All lengths are pixels of the picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BeltConfig {
    /// Where to look: a polygon, two points meaning a box. Empty for the whole picture.
    pub region: Vec<Point>,
    /// Where the belt runs to.
    pub running: Running,
    /// Two points on the rollers at the same place of the belt, left and right of it (or above and
    /// below): the belt should run midway. Deviation is measured there.
    pub rollers: Option<[Point; 2]>,
    /// A calibrated baseline. Its middle is used where there are no rollers, its width where load hides one edge.
    pub baseline: Option<Baseline>,
    /// Width of the belt, for deviation in millimetres.
    pub width_mm: Option<f32>,
    /// Narrowest belt, as a share of the region's width.
    pub min_width: f32,
    /// Share of its rows in which an edge must be seen.
    pub min_support: f32,
    /// Share of the belt covered by load above which it is overfull.
    pub max_filled: f32,
    /// Shortest tear, as a share of the region's length.
    pub min_tear: f32,
    /// The colour of a laser line across the belt, if there is one.
    pub laser: Option<LaserColor>,
}

impl Default for BeltConfig {
    fn default() -> Self {
        Self {
            region: Vec::new(),
            running: Running::Vertical,
            rollers: None,
            baseline: None,
            width_mm: None,
            min_width: 0.2,
            min_support: 0.35,
            max_filled: 0.8,
            min_tear: 0.08,
            laser: None,
        }
    }
}

/// The colour of a laser line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LaserColor {
    /// Red.
    Red,
    /// Green.
    Green,
}

/// Where the belt runs when all is well: the middle and the width halfway along the region.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// The belt's middle: x, or y for a belt that runs to the side.
    pub centre: f32,
    /// Its width.
    pub width: f32,
}

/// One edge of the belt.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EdgeLine {
    /// Its ends in the region.
    pub from: Point,
    /// Its ends in the region.
    pub to: Point,
    /// Share of the region's rows in which it is seen.
    pub inliers: f32,
    /// Root mean square distance of the inliers from the line, in pixels.
    pub residual: f32,
    /// From 0 to 1: inliers above chance, and contrast against noise.
    pub confidence: f32,
}

/// A side of the belt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The left, or upper, one.
    Left,
    /// The right, or lower, one.
    Right,
}

/// An edge that is not seen because load lies over it, while the other edge is seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HiddenEdge {
    /// Which edge.
    pub side: Side,
    /// Share of the rows in which load lies over it.
    pub covered: f32,
    /// Where it must run, at the baseline's width from the edge that is seen; `None` without a baseline.
    pub expected: Option<[Point; 2]>,
}

/// How far the belt is off its baseline.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Deviation {
    /// Pixels; to the right, or down for a belt that runs to the side, is positive.
    pub px: f32,
    /// Share of the belt's width.
    pub share: f32,
    /// Millimetres, where the width is known.
    pub mm: Option<f32>,
    /// Where the baseline has the middle.
    pub expected: Point,
    /// Where the middle is.
    pub measured: Point,
}

/// What lies on the belt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Share of the belt in the region that is covered.
    pub filled: f32,
    /// Around each heap, a closed line.
    pub outlines: Vec<Vec<Point>>,
    /// Around all.
    pub bbox: Option<BBox>,
    /// From 0 to 1: how clearly load and belt differ.
    pub confidence: f32,
}

/// A place where the load is too much.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Overflow {
    /// What is meant.
    pub kind: OverflowKind,
    /// Where.
    pub bbox: BBox,
    /// From 0 to 1.
    pub confidence: f32,
}

/// Kinds of overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OverflowKind {
    /// More of the belt is covered than allowed.
    Overfull,
    /// Load reaches over the left (upper) edge.
    OverLeft,
    /// Load reaches over the right (lower) edge.
    OverRight,
}

/// A place that may be a tear.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tear {
    /// How it was seen.
    pub kind: TearKind,
    /// Where.
    pub bbox: BBox,
    /// Length along the belt in pixels; for a laser line, the width of the break.
    pub length: f32,
    /// From 0 to 1.
    pub confidence: f32,
}

/// How a tear was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TearKind {
    /// A narrow line along the running direction, unlike the surface on both sides.
    Texture,
    /// The laser line is missing or jumps.
    Laser,
}

/// What was seen of a belt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BeltReport {
    /// True when both edges were found.
    pub found: bool,
    /// Why the belt, or a part of the answer, is missing. Empty when nothing is.
    pub missing: Vec<String>,
    /// The left (upper) edge.
    pub left: Option<EdgeLine>,
    /// The right (lower) edge.
    pub right: Option<EdgeLine>,
    /// The edge under load, where one edge is seen and load hides the other. What follows is then taken from the edge that is seen
    /// and the baseline's width.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<HiddenEdge>,
    /// Width halfway along the region, or at the rollers; `None` where an edge is hidden.
    pub width: Option<f32>,
    /// Angle of the middle line against the running direction in degrees; a belt whose far end (lower,
    /// or right) lies more to the right (lower) is positive.
    pub angle: Option<f32>,
    /// How far off its baseline the belt is.
    pub deviation: Option<Deviation>,
    /// What lies on it.
    pub load: Option<Load>,
    /// Where the load is too much.
    pub overflow: Vec<Overflow>,
    /// Places that may be tears.
    pub tears: Vec<Tear>,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum BeltError {
    /// A value out of its range.
    #[error("belt: {name} is {value}; it lies from {low} to {high}")]
    Range {
        /// The field.
        name: &'static str,
        /// Its value.
        value: f32,
        /// Lowest.
        low: f32,
        /// Highest.
        high: f32,
    },
    /// One point is no region.
    #[error("belt: the region has one point; it takes two for a box, three or more for a polygon")]
    Region,
    /// The rollers lie at one place across the belt.
    #[error(
        "belt: the rollers' points must lie on both sides of the belt, the left (upper) one first"
    )]
    Rollers,
}

/// Looks for a belt in pictures of one camera.
#[derive(Debug, Clone)]
pub struct BeltInspector {
    config: BeltConfig,
}

impl BeltInspector {
    /// An inspector.
    ///
    /// # Errors
    /// [`BeltError`].
    pub fn new(config: BeltConfig) -> Result<Self, BeltError> {
        let check = |name, value: f32, low: f32, high: f32| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(BeltError::Range { name, value, low, high })
            }
        };
        check("min_width", config.min_width, 0.02, 1.0)?;
        check("min_support", config.min_support, 0.05, 1.0)?;
        check("max_filled", config.max_filled, 0.01, 1.0)?;
        check("min_tear", config.min_tear, 0.01, 1.0)?;
        check("width_mm", config.width_mm.unwrap_or(1.0), 1e-3, 1e6)?;
        if let Some(baseline) = config.baseline {
            check("baseline.centre", baseline.centre, -1e6, 1e6)?;
            check("baseline.width", baseline.width, 1.0, 1e6)?;
        }
        for point in config.region.iter().chain(config.rollers.iter().flatten()) {
            check("a point's x", point.x, -1e6, 1e6)?;
            check("a point's y", point.y, -1e6, 1e6)?;
        }
        if config.region.len() == 1 {
            return Err(BeltError::Region);
        }
        if let Some([a, b]) = config.rollers {
            let apart = if config.running == Running::Vertical { b.x - a.x } else { b.y - a.y };
            if apart < 1.0 {
                return Err(BeltError::Rollers);
            }
        }
        Ok(Self { config })
    }

    /// What was expected.
    #[must_use]
    pub fn config(&self) -> &BeltConfig {
        &self.config
    }

    /// Looks at one picture. Nothing that is not seen is made up: see [`BeltReport::missing`].
    #[must_use]
    pub fn inspect(&self, image: &Image) -> BeltReport {
        let mut report = BeltReport {
            found: false,
            missing: Vec::new(),
            left: None,
            right: None,
            hidden: None,
            width: None,
            angle: None,
            deviation: None,
            load: None,
            overflow: Vec::new(),
            tears: Vec::new(),
        };
        let Some(grid) = grid::Grid::new(image, &self.config) else {
            report
                .missing
                .push("the region is not in the picture, or smaller than 32 pixels".to_owned());
            return report;
        };
        let (pair, half) = match edges::find(&grid, &self.config) {
            Ok(pair) => (pair, None),
            Err(alone) => {
                let Some(half) = hidden::find(&grid, &self.config, &alone.lines) else {
                    report.missing.push(alone.why);
                    return report;
                };
                report.tell_hidden(&grid, &half);
                let Some(pair) = half.pair() else { return report };
                (pair, Some(half))
            }
        };
        let hidden = half.as_ref().map(|half| half.side);
        report.found = hidden.is_none();
        report.left = (hidden != Some(Side::Left)).then(|| pair.left.report(&grid));
        report.right = (hidden != Some(Side::Right)).then(|| pair.right.report(&grid));
        self.measure(&grid, &pair, &mut report);
        let strip = strip::Strip::new(&grid, &pair, hidden);
        report.tears = tear::find(&strip, &self.config);
        let load = load::find(&strip, &report.tears);
        report.overflow.extend(load::overflow(&strip, &load, &self.config));
        report.load = Some(load.report(&strip));
        if let Some(color) = self.config.laser {
            match tear::laser(image, &strip, color) {
                Some(breaks) => report.tears.extend(breaks),
                None => report.missing.push("the laser line is not seen".to_owned()),
            }
        }
        report
    }

    /// The usual place of the belt in pictures of normal running: medians over those in which it was
    /// found; `None` where it was found in fewer than half.
    #[must_use]
    pub fn calibrate<'a>(&self, images: impl IntoIterator<Item = &'a Image>) -> Option<Baseline> {
        let (mut centres, mut widths, mut count) = (Vec::new(), Vec::new(), 0_usize);
        for image in images {
            count += 1;
            let Some(grid) = grid::Grid::new(image, &self.config) else { continue };
            if let Ok(pair) = edges::find(&grid, &self.config) {
                let (left, right) = (pair.left.at(grid.middle()), pair.right.at(grid.middle()));
                centres.push(grid.across(f32::midpoint(left, right)));
                widths.push((right - left) * grid.scale());
            }
        }
        (centres.len() * 2 >= count.max(1))
            .then(|| Baseline { centre: median(&mut centres), width: median(&mut widths) })
    }

    /// Width, angle and deviation.
    fn measure(&self, grid: &grid::Grid, pair: &edges::Pair, report: &mut BeltReport) {
        let slope = f32::midpoint(pair.left.slope, pair.right.slope);
        report.angle = Some(slope.atan().to_degrees());
        let place = match self.config.rollers {
            Some([a, b]) => {
                grid.to_grid(Point { x: f32::midpoint(a.x, b.x), y: f32::midpoint(a.y, b.y) }).1
            }
            None => grid.middle(),
        };
        let (left, right) = (pair.left.at(place), pair.right.at(place));
        let width = (right - left) * grid.scale();
        report.width = report.hidden.is_none().then_some(width);
        let measured = grid.to_image(f32::midpoint(left, right), place);
        let across = |p: Point| if self.config.running == Running::Vertical { p.x } else { p.y };
        let expected = match (self.config.rollers, self.config.baseline) {
            (Some([a, b]), _) => f32::midpoint(across(a), across(b)),
            (None, Some(baseline)) => baseline.centre,
            (None, None) => {
                report.missing.push("no baseline: give the rollers, or calibrate".to_owned());
                return;
            }
        };
        let px = across(measured) - expected;
        let share = px / width.max(1.0);
        let expected = match self.config.running {
            Running::Vertical => Point { x: expected, ..measured },
            Running::Horizontal => Point { y: expected, ..measured },
        };
        let mm = self.config.width_mm.map(|mm| mm * share);
        report.deviation = Some(Deviation { px, share, mm, expected, measured });
    }
}

impl BeltReport {
    /// What one edge and load over the other tell.
    fn tell_hidden(&mut self, grid: &grid::Grid, half: &hidden::Half) {
        let edge = Some(half.seen.report(grid));
        let name = match half.side {
            Side::Right => {
                self.left = edge;
                "right (lower)"
            }
            Side::Left => {
                self.right = edge;
                "left (upper)"
            }
        };
        let hidden = half.report(grid);
        let rows = 100.0 * half.covered;
        self.missing.push(format!("the {name} edge lies under load, in {rows:.0} % of the rows"));
        if hidden.expected.is_none() {
            let what = "without a baseline the width is not known: no deviation, no share of load";
            self.missing.push(format!("{what}; calibrate on pictures of normal running"));
        }
        self.hidden = Some(hidden);
        self.overflow.push(half.overflow(grid));
    }
}

/// The middle of values; 0 of none.
pub(crate) fn median(values: &mut [f32]) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

/// The box around points.
pub(crate) fn around(points: impl IntoIterator<Item = Point>, size: Size) -> BBox {
    let start = BBox::new(f32::MAX, f32::MAX, f32::MIN, f32::MIN);
    let all = points
        .into_iter()
        .fold(start, |b, p| BBox::new(b.x1.min(p.x), b.y1.min(p.y), b.x2.max(p.x), b.y2.max(p.y)));
    all.clipped(size)
}
