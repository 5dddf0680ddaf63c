//! Large pictures in tiles: where the tiles lie, and how the boxes found in them become the
//! picture's boxes again.

use thiserror::Error;

use crate::geometry::{BBox, Detection, Size};

/// Most tiles of one picture: each is a pass through a model.
const MAX_TILES: usize = 16_384;

/// How far a box's side may stay from its tile's edge and still count as cut by it, in pixels.
const TOUCH: f32 = 3.0;

/// Share of their common span that two halves of one object have at a cut, at least.
const SAME_SPAN: f32 = 0.6;

/// Size and overlap of tiles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TileConfig {
    /// Size of each tile; best the model's input.
    pub size: Size,
    /// Share of a tile that the next one shows again, from 0 to 0.9.
    pub overlap: f32,
}

impl TileConfig {
    /// Tiles of a size with SAHI's overlap of 0.2.
    #[must_use]
    pub const fn new(size: Size) -> Self {
        Self { size, overlap: 0.2 }
    }
}

/// Why a picture cannot be cut into tiles.
#[derive(Debug, Error, Clone, PartialEq)]
#[non_exhaustive]
pub enum TileError {
    /// A tile without pixels.
    #[error("tiles of {0} pixels show nothing: give a width and a height above 0")]
    Empty(Size),
    /// An overlap out of range.
    #[error("a tile overlap of {0} is not possible: give 0 to 0.9")]
    Overlap(f32),
    /// Too many passes through a model.
    #[error(
        "a picture of {size} pixels would make {count} tiles, over the limit of {MAX_TILES}: use larger tiles"
    )]
    TooMany {
        /// Size of the picture.
        size: Size,
        /// Tiles it would make.
        count: usize,
    },
}

/// The tiles of a picture, row by row. They cover every pixel; all have the size asked for, the last
/// of a row or column being moved inwards, but for a picture smaller than a tile.
///
/// # Errors
/// A tile size or an overlap out of range, or too many tiles.
pub fn tiles(size: Size, config: &TileConfig) -> Result<Vec<BBox>, TileError> {
    if config.size.area() == 0 {
        return Err(TileError::Empty(config.size));
    }
    if !(0.0..=0.9).contains(&config.overlap) {
        return Err(TileError::Overlap(config.overlap));
    }
    let columns = starts(size.width, config.size.width, config.overlap);
    let rows = starts(size.height, config.size.height, config.overlap);
    let count = columns.count.saturating_mul(rows.count);
    if count > MAX_TILES {
        return Err(TileError::TooMany { size, count });
    }
    let (w, h) = (config.size.width.min(size.width), config.size.height.min(size.height));
    let tile = |x: u32, y: u32| BBox::new(x as f32, y as f32, (x + w) as f32, (y + h) as f32);
    Ok((0..rows.count)
        .flat_map(|y| (0..columns.count).map(move |x| tile(columns.at(x), rows.at(y))))
        .collect())
}

/// Where tiles start along a side.
#[derive(Clone, Copy)]
struct Starts {
    count: usize,
    step: u32,
    last: u32,
}

impl Starts {
    fn at(self, index: usize) -> u32 {
        (index as u32).saturating_mul(self.step).min(self.last)
    }
}

fn starts(length: u32, tile: u32, overlap: f32) -> Starts {
    let step = ((f64::from(tile) * (1.0 - f64::from(overlap))).round() as u32).clamp(1, tile);
    let last = length.saturating_sub(tile);
    let count = if length == 0 { 0 } else { last.div_ceil(step) as usize + 1 };
    Starts { count, step, last }
}

/// How much two boxes are of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Intersection over union.
    Iou,
    /// Intersection over the smaller box: also high for a part within the whole.
    Ios,
}

impl Measure {
    /// The measure of two boxes, from 0 to 1.
    #[must_use]
    pub fn of(self, a: &BBox, b: &BBox) -> f32 {
        match self {
            Self::Iou => a.iou(b),
            Self::Ios => {
                let smaller = a.area().min(b.area());
                if smaller > 0.0 { a.intersection(b) / smaller } else { 0.0 }
            }
        }
    }
}

/// What happens to boxes of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The best is kept, the others go (greedy NMS).
    Suppress,
    /// The best takes in the others (greedy NMM): its box grows around them, its score stays.
    Merge,
}

/// How boxes of overlapping tiles are brought together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MergeConfig {
    /// The measure.
    pub measure: Measure,
    /// From which value of the measure on two boxes are of one object.
    pub threshold: f32,
    /// What happens to them.
    pub method: Method,
    /// Whether boxes of different classes can be of one object.
    pub across_classes: bool,
}

impl Default for MergeConfig {
    /// SAHI's: boxes of a class that share half of the smaller are merged.
    fn default() -> Self {
        Self { measure: Measure::Ios, threshold: 0.5, method: Method::Merge, across_classes: false }
    }
}

/// Brings overlapping boxes together, greedily by falling score. Boxes that hold no number are left
/// out. The result is in order of falling score.
#[must_use]
pub fn merge(detections: &[Detection], config: &MergeConfig) -> Vec<Detection> {
    let mut open: Vec<Detection> = detections.iter().copied().filter(is_sound).collect();
    open.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Detection> = Vec::new();
    for next in open {
        let same = |best: &&mut Detection| {
            (config.across_classes || best.class == next.class)
                && config.measure.of(&best.bbox, &next.bbox) >= config.threshold
        };
        match kept.iter_mut().find(same) {
            Some(best) if config.method == Method::Merge => {
                best.bbox = around(&best.bbox, &next.bbox);
            }
            Some(_) => {}
            None => kept.push(next),
        }
    }
    kept
}

/// Brings together what was found in the tiles of a picture of `size`, boxes being in pixels of the
/// picture. Before [`merge`], halves of an object that a tile's edge cut are joined, even when the
/// tiles' overlap shows too little of a long object for the measure.
#[must_use]
pub fn merge_tiles(
    size: Size,
    found: &[(BBox, Vec<Detection>)],
    config: &MergeConfig,
) -> Vec<Detection> {
    let mut parts: Vec<Part> = found
        .iter()
        .flat_map(|(tile, detections)| {
            let sound = detections.iter().copied().filter(is_sound);
            sound.map(|detection| Part { detection, cut: cuts(&detection.bbox, tile, size) })
        })
        .collect();
    parts.sort_by(|a, b| b.detection.score.total_cmp(&a.detection.score));
    // Joining two halves can bring a third within reach: until nothing changes.
    let mut at = 0;
    while at < parts.len() {
        let partner = (at + 1..parts.len()).find(|&other| parts[at].continues(&parts[other]));
        match partner {
            Some(other) => {
                let other = parts.remove(other);
                parts[at].join(&other);
            }
            None => at += 1,
        }
    }
    let whole: Vec<Detection> = parts.iter().map(|part| part.detection).collect();
    merge(&whole, config)
}

fn is_sound(detection: &Detection) -> bool {
    let BBox { x1, y1, x2, y2 } = detection.bbox;
    [x1, y1, x2, y2, detection.score].iter().all(|v| v.is_finite())
}

fn around(a: &BBox, b: &BBox) -> BBox {
    BBox::new(a.x1.min(b.x1), a.y1.min(b.y1), a.x2.max(b.x2), a.y2.max(b.y2))
}

/// A box and which of its sides (left, upper, right, lower) are its tile's, not the object's.
struct Part {
    detection: Detection,
    cut: [bool; 4],
}

/// The sides that lie on an edge of the tile that is no edge of the picture.
fn cuts(bbox: &BBox, tile: &BBox, size: Size) -> [bool; 4] {
    [
        bbox.x1 - tile.x1 < TOUCH && tile.x1 > 0.0,
        bbox.y1 - tile.y1 < TOUCH && tile.y1 > 0.0,
        tile.x2 - bbox.x2 < TOUCH && tile.x2 < size.width as f32,
        tile.y2 - bbox.y2 < TOUCH && tile.y2 < size.height as f32,
    ]
}

impl Part {
    /// Whether another box goes on where this one was cut, both being cut on facing sides and
    /// lying in the same lane.
    fn continues(&self, other: &Self) -> bool {
        let (a, b) = (&self.detection.bbox, &other.detection.bbox);
        if self.detection.class != other.detection.class || a.intersection(b) <= 0.0 {
            return false;
        }
        let lane = |a: (f32, f32), b: (f32, f32)| {
            let shared = (a.1.min(b.1) - a.0.max(b.0)).max(0.0);
            shared >= SAME_SPAN * (a.1.max(b.1) - a.0.min(b.0))
        };
        let across = (self.cut[2] && other.cut[0] && a.x1 <= b.x1)
            || (self.cut[0] && other.cut[2] && b.x1 <= a.x1);
        let down = (self.cut[3] && other.cut[1] && a.y1 <= b.y1)
            || (self.cut[1] && other.cut[3] && b.y1 <= a.y1);
        (across && lane((a.y1, a.y2), (b.y1, b.y2))) || (down && lane((a.x1, a.x2), (b.x1, b.x2)))
    }

    /// Takes in another box. A side is still a cut where the outermost of both is.
    fn join(&mut self, other: &Self) {
        let (a, b) = (self.detection.bbox, other.detection.bbox);
        let outer = |ours: f32, theirs: f32, side: usize| {
            if ours < theirs { self.cut[side] } else { other.cut[side] }
        };
        self.cut = [
            outer(a.x1, b.x1, 0),
            outer(a.y1, b.y1, 1),
            outer(-a.x2, -b.x2, 2),
            outer(-a.y2, -b.y2, 3),
        ];
        self.detection.bbox = around(&a, &b);
        self.detection.score = self.detection.score.max(other.detection.score);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(x1: f32, y1: f32, x2: f32, y2: f32, score: f32) -> Detection {
        Detection { bbox: BBox::new(x1, y1, x2, y2), score, class: 0 }
    }

    #[test]
    fn as_sahi_places_them() {
        // Step 512; the last column is moved inwards to 1920 - 640.
        let config = TileConfig::new(Size::new(640, 640));
        let tiles = tiles(Size::new(1920, 640), &config).expect("four");
        let starts: Vec<f32> = tiles.iter().map(|tile| tile.x1).collect();
        assert_eq!(starts, [0.0, 512.0, 1024.0, 1280.0]);
        assert!(tiles.iter().all(|tile| (tile.width(), tile.height()) == (640.0, 640.0)));
    }

    #[test]
    fn an_object_over_two_edges_becomes_one_box() {
        // A timber of 1,500 pixels across three tiles that overlap by 128: each half shares too
        // little with the next for the measure.
        let size = Size::new(1664, 640);
        let config = TileConfig::new(Size::new(640, 640));
        let timber = BBox::new(60.0, 300.0, 1560.0, 340.0);
        let mut tiles: Vec<(BBox, Vec<Detection>)> = Vec::new();
        for (i, tile) in super::tiles(size, &config).expect("tiles").into_iter().enumerate() {
            let part =
                BBox::new(timber.x1.max(tile.x1), timber.y1, timber.x2.min(tile.x2), timber.y2);
            tiles.push((
                tile,
                vec![Detection { bbox: part, score: 0.5 + i as f32 / 10.0, class: 0 }],
            ));
        }
        assert_eq!(tiles.len(), 3);
        let all: Vec<Detection> = tiles.iter().flat_map(|(_, found)| found.clone()).collect();
        assert_eq!(merge(&all, &MergeConfig::default()).len(), 3);
        let merged = merge_tiles(size, &tiles, &MergeConfig::default());
        assert_eq!(merged, [Detection { bbox: timber, score: 0.7, class: 0 }]);
    }

    #[test]
    fn neighbours_at_an_edge_stay_two() {
        let size = Size::new(1152, 640);
        let (left, right) =
            (BBox::new(0.0, 0.0, 640.0, 640.0), BBox::new(512.0, 0.0, 1152.0, 640.0));
        // In different lanes, and whole in both tiles.
        let tiles = vec![
            (
                left,
                vec![
                    found(500.0, 100.0, 640.0, 140.0, 0.9),
                    found(520.0, 400.0, 560.0, 440.0, 0.8),
                ],
            ),
            (
                right,
                vec![
                    found(512.0, 130.0, 700.0, 300.0, 0.7),
                    found(521.0, 400.0, 561.0, 440.0, 0.6),
                ],
            ),
        ];
        let merged = merge_tiles(size, &tiles, &MergeConfig::default());
        assert_eq!(merged.len(), 3, "{merged:?}");
        assert_eq!(merged[1].bbox, BBox::new(520.0, 400.0, 561.0, 440.0));
    }

    #[test]
    fn suppressed_or_merged_by_either_measure() {
        let boxes = [
            found(0.0, 0.0, 100.0, 100.0, 0.9),
            found(40.0, 40.0, 60.0, 60.0, 0.8),
            found(90.0, 0.0, 190.0, 100.0, 0.7),
        ];
        let count = |measure, method| {
            merge(&boxes, &MergeConfig { measure, method, ..MergeConfig::default() }).len()
        };
        assert_eq!(count(Measure::Ios, Method::Merge), 2);
        assert_eq!(count(Measure::Iou, Method::Suppress), 3);
        let mut other = boxes;
        other[1].class = 4;
        assert_eq!(merge(&other, &MergeConfig::default()).len(), 3);
        other[1].bbox.x1 = f32::NAN;
        assert_eq!(merge(&other, &MergeConfig::default()).len(), 2);
    }

    #[test]
    fn mistakes_are_told() {
        let size = Size::new(30_000, 30_000);
        let tiles =
            |side, overlap| super::tiles(size, &TileConfig { size: Size::new(side, 9), overlap });
        assert!(matches!(tiles(0, 0.2), Err(TileError::Empty(_))));
        assert!(matches!(tiles(9, 1.0), Err(TileError::Overlap(_))));
        assert!(matches!(tiles(9, f32::NAN), Err(TileError::Overlap(_))));
        assert!(matches!(tiles(9, 0.9), Err(TileError::TooMany { .. })));
    }

    proptest! {
        #[test]
        fn every_pixel_is_covered_and_no_tile_is_outside(
            (w, h) in (1_u32..400, 1_u32..400), (tw, th) in (20_u32..200, 20_u32..200), overlap in 0.0_f32..0.9,
        ) {
            let size = Size::new(w, h);
            let tiles = tiles(size, &TileConfig { size: Size::new(tw, th), overlap }).expect("few");
            let mut seen = vec![false; size.area() as usize];
            for tile in &tiles {
                prop_assert_eq!(tile.clipped(size), *tile);
                prop_assert_eq!((tile.width(), tile.height()), (tw.min(w) as f32, th.min(h) as f32));
                for y in tile.y1 as usize..tile.y2 as usize {
                    let row = y * w as usize;
                    seen[row + tile.x1 as usize..row + tile.x2 as usize].fill(true);
                }
            }
            prop_assert!(seen.iter().all(|&pixel| pixel));
        }
    }
}
