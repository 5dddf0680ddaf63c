//! What explains a map: graticule, labels of contours, marks of highs and lows, colour bar.

use super::colour::Scale;
use super::contour::{Line, Plane};
use super::font::Font;
use super::frame::View;
use super::layers::extremes;
use super::projection::Projection;
use super::scene::{Anchor, Colour, FAINT, INK, Path, Pixel, Scene, Text};
use super::words;

/// Boxes that are taken, so that lettering does not lie upon lettering.
#[derive(Debug, Default)]
pub(super) struct Taken {
    boxes: Vec<[f32; 4]>,
}

impl Taken {
    /// Takes a box (left, top, right, bottom) where it is free.
    pub(super) fn take(&mut self, wanted: [f32; 4]) -> bool {
        let free = self.boxes.iter().all(|other| {
            wanted[2] < other[0]
                || wanted[0] > other[2]
                || wanted[3] < other[1]
                || wanted[1] > other[3]
        });
        if free {
            self.boxes.push(wanted);
        }
        free
    }
}

/// Whether a box lies within a rectangle.
fn within(inner: [f32; 4], outer: [f32; 4]) -> bool {
    inner[0] >= outer[0] && inner[1] >= outer[1] && inner[2] <= outer[2] && inner[3] <= outer[3]
}

/// Steps of the graticule for latitude and longitude, in degrees.
fn steps(view: &View, size: f32) -> (f64, f64) {
    let [left, top, right, bottom] = view.rect();
    let (mut south, mut north) = (90.0_f64, -90.0_f64);
    let mut lons = Vec::new();
    for down in 0..=16 {
        for across in 0..=16 {
            let x = f64::from(left) + f64::from(right - left) * f64::from(across) / 16.0;
            let y = f64::from(top) + f64::from(bottom - top) * f64::from(down) / 16.0;
            if let Some((lat, lon)) = view.place(x, y) {
                (south, north) = (south.min(lat), north.max(lat));
                lons.push(lon.rem_euclid(360.0));
            }
        }
    }
    lons.sort_by(f64::total_cmp);
    let first = lons.first().copied().unwrap_or(0.0);
    let gap = lons
        .iter()
        .zip(lons.iter().skip(1).copied().chain([first + 360.0]))
        .map(|(lon, next)| next - lon)
        .fold(0.0, f64::max);
    let width = if gap < 60.0 { 360.0 } else { 360.0 - gap };
    let choose = |span: f64, pixels: f32, room: f32| {
        let most = (pixels / room).clamp(2.0, 12.0);
        let steps = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 90.0];
        steps.into_iter().find(|step| span / step <= f64::from(most)).unwrap_or(90.0)
    };
    let lon = choose(width, right - left, size * 6.0);
    let round = matches!(view.projection, Projection::PolarStereographic { .. });
    (choose(north - south, bottom - top, size * 4.0), if round { lon.min(30.0) } else { lon })
}

/// Meridians and parallels, with their labels at the frame.
pub(super) fn graticule(scene: &mut Scene, view: &View, font: &Font, size: f32) {
    let (lat_step, lon_step) = steps(view, size);
    let mut path = Path::default();
    let polar = !view.projection.is_cylindrical();
    let count = |span: f64, step: f64| (span / step).round() as i32;
    for at in 0..count(360.0, lon_step) {
        let lon = f64::from(at) * lon_step - 180.0;
        // Meridians that meet in a pole would make a blot there.
        let end = if polar && at % count(90.0, lon_step).max(1) != 0 {
            90.0 - lat_step.min(10.0)
        } else {
            90.0
        };
        let line: Vec<(f64, f64)> =
            (0..=60).map(|part| (-end + 2.0 * end * f64::from(part) / 60.0, lon)).collect();
        path.lines.extend(view.lines(&line).into_iter().map(|line| (line, false)));
    }
    let most = (89.999 / lat_step).floor() as i32;
    for at in -most..=most {
        let lat = f64::from(at) * lat_step;
        let line: Vec<(f64, f64)> =
            (0..=180).map(|part| (lat, f64::from(part) * 2.0 - 180.0)).collect();
        path.lines.extend(view.lines(&line).into_iter().map(|line| (line, false)));
    }
    scene.dashed(path, [70, 78, 90, 110], (size * 0.05).max(0.6), [size * 0.25, size * 0.25]);
    if matches!(view.projection, Projection::Orthographic { .. }) && view.area.is_none() {
        return;
    }
    labels(scene, view, font, (lat_step, lon_step, size));
}

/// An edge of the frame: from, to, where labels stand off it, how they are anchored.
struct Edge {
    from: Pixel,
    to: Pixel,
    off: Pixel,
    anchor: Anchor,
    longitudes: bool,
}

fn labels(
    scene: &mut Scene,
    view: &View,
    font: &Font,
    (lat_step, lon_step, size): (f64, f64, f32),
) {
    let [left, top, right, bottom] = view.rect();
    let off = size * 0.75;
    let round = matches!(view.projection, Projection::PolarStereographic { .. });
    let mut edges = vec![
        Edge {
            from: (left, bottom),
            to: (right, bottom),
            off: (0.0, off),
            anchor: Anchor::Middle,
            longitudes: true,
        },
        Edge {
            from: (left, bottom),
            to: (left, top),
            off: (-size * 0.4, 0.0),
            anchor: Anchor::End,
            longitudes: round,
        },
    ];
    if round {
        edges.push(Edge {
            from: (right, bottom),
            to: (right, top),
            off: (size * 0.4, 0.0),
            anchor: Anchor::Start,
            longitudes: true,
        });
        edges.push(Edge {
            from: (left, top),
            to: (right, top),
            off: (0.0, -off),
            anchor: Anchor::Middle,
            longitudes: true,
        });
    }
    let mut taken = Taken::default();
    for edge in edges {
        let step = if edge.longitudes { lon_step } else { lat_step };
        for (at, value) in crossings(view, &edge, step) {
            let text =
                if edge.longitudes { words::longitude(value) } else { words::latitude(value) };
            let text =
                Text::new((at.0 + edge.off.0, at.1 + edge.off.1), text, size * 0.82, edge.anchor)
                    .colour(FAINT);
            let bounds = text.bounds(font, size * 0.15);
            let room = [0.0, 0.0, scene.width as f32, scene.height as f32];
            if within(bounds, room) && taken.take(bounds) {
                scene.text(text);
            }
        }
    }
    if round {
        // Parallels are named along a meridian halfway between two.
        let Projection::PolarStereographic { south, meridian } = view.projection else { return };
        let mut lat = lat_step;
        while lat < 90.0 {
            let lat_here = if south { -lat } else { lat };
            if let Some(at) = view.inside(lat_here, meridian + lon_step * 0.5, size) {
                let text = Text::new(at, words::latitude(lat_here), size * 0.75, Anchor::Middle);
                scene.text(text.colour(FAINT).halo([255, 255, 255, 200]));
            }
            lat += lat_step;
        }
    }
}

/// Where multiples of a step lie on an edge.
fn crossings(view: &View, edge: &Edge, step: f64) -> Vec<(Pixel, f64)> {
    let parts = 400;
    let place = |at: i32| {
        // A hair inwards: the corners of a map may be just off it.
        let share = (f64::from(at) / f64::from(parts)).clamp(1e-6, 1.0 - 1e-6);
        let mix = |a: f32, b: f32| f64::from(a) + f64::from(b - a) * share;
        let at = (mix(edge.from.0, edge.to.0), mix(edge.from.1, edge.to.1));
        let found = view.place(at.0, at.1)?;
        Some(((at.0 as f32, at.1 as f32), if edge.longitudes { found.1 } else { found.0 }))
    };
    let mut found = Vec::new();
    let mut before: Option<(Pixel, f64)> = None;
    for at in 0..=parts {
        let Some((pixel, value)) = place(at) else {
            before = None;
            continue;
        };
        if let Some((last, old)) = before {
            let value = if edge.longitudes { super::projection::near(value, old) } else { value };
            let (low, high) = (old.min(value) / step, old.max(value) / step);
            // An edge that begins on a multiple has it too.
            let slack = 1e-4;
            let whole = (low - slack).ceil();
            if whole <= high + slack && (value - old).abs() < 20.0 && high - low > 1e-9 {
                let share = ((whole * step - old) / (value - old)).clamp(0.0, 1.0) as f32;
                let pixel =
                    (last.0 + (pixel.0 - last.0) * share, last.1 + (pixel.1 - last.1) * share);
                if found
                    .last()
                    .is_none_or(|(_, known): &(Pixel, f64)| (known - whole * step).abs() > 1e-6)
                {
                    found.push((pixel, whole * step));
                }
            }
        }
        before = Some((pixel, value));
    }
    found
}

/// Contour lines with their values set into them.
pub(super) fn contours(
    lines: Vec<Line>,
    (view, step): (&View, f32),
    (label, size): (&str, f32),
    (font, taken): (&Font, &mut Taken),
) -> (Path, Vec<Text>) {
    let rect = view.rect();
    let (mut path, mut texts) = (Path::default(), Vec::new());
    let half = font.width(label, size) / 2.0 + size * 0.25;
    for line in lines {
        let points: Vec<Pixel> =
            line.points.iter().map(|(x, y)| (rect[0] + x * step, rect[1] + y * step)).collect();
        let mut along = vec![0.0];
        for pair in points.windows(2) {
            along.push(
                along[along.len() - 1] + (pair[0].0 - pair[1].0).hypot(pair[0].1 - pair[1].1),
            );
        }
        let whole = along[along.len() - 1];
        let at = |far: f32| -> Pixel {
            let next = along.partition_point(|a| *a < far).clamp(1, along.len() - 1);
            let (a, b) = (points[next - 1], points[next]);
            let share = ((far - along[next - 1]) / (along[next] - along[next - 1]).max(1e-6))
                .clamp(0.0, 1.0);
            (a.0 + (b.0 - a.0) * share, a.1 + (b.1 - a.1) * share)
        };
        let mut gaps: Vec<(f32, f32)> = Vec::new();
        let mut far = whole.min(size * 30.0) * 0.3 + half;
        while whole > half * 8.0 && far + half < whole {
            let (a, b) = (at(far - half), at(far + half));
            let straight = (a.0 - b.0).hypot(a.1 - b.1) / (2.0 * half);
            let mut angle = (b.1 - a.1).atan2(b.0 - a.0).to_degrees();
            if angle.abs() > 90.0 {
                angle -= 180.0 * angle.signum();
            }
            let middle = ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0);
            let text = Text::new(middle, label, size, Anchor::Middle)
                .turned(angle)
                .halo([255, 255, 255, 170]);
            let bounds = text.bounds(font, size * 0.9);
            if straight > 0.96 && within(bounds, rect) && taken.take(bounds) {
                texts.push(text);
                gaps.push((far - half, far + half));
                far += size * 60.0;
            } else {
                far += size * 1.5;
            }
        }
        // The line between the gaps.
        let mut from = 0.0;
        for (start, end) in gaps.into_iter().chain([(whole, whole)]) {
            let mut piece = vec![at(from)];
            piece.extend(
                along
                    .iter()
                    .zip(&points)
                    .filter(|(a, _)| **a > from && **a < start)
                    .map(|(_, p)| *p),
            );
            piece.push(at(start));
            path.push(piece);
            from = end;
        }
    }
    (path, texts)
}

/// Highs and lows that stand out by at least so much, with their values.
pub(super) fn centres(
    (plane, view, step): (&Plane, &View, f32),
    (write, least): (&dyn Fn(f32) -> String, f32),
    (size, font, taken): (f32, &Font, &mut Taken),
) -> Vec<Text> {
    let rect = view.rect();
    let reach = (size * 6.0 / step) as usize;
    let mut texts = Vec::new();
    for (column, row, high) in extremes(plane, reach.max(2), least) {
        let at = (rect[0] + column as f32 * step, rect[1] + row as f32 * step);
        let colour: Colour = if high { [30, 60, 170, 255] } else { [190, 30, 40, 255] };
        let letter = Text::new(at, if high { "H" } else { "L" }, size * 1.5, Anchor::Middle);
        let value = write(plane.values[row * plane.width + column]);
        let value = Text::new((at.0, at.1 + size * 1.25), value, size * 0.85, Anchor::Middle);
        let (above, below) = (letter.bounds(font, 1.0), value.bounds(font, 1.0));
        let both = [above[0].min(below[0]), above[1], above[2].max(below[2]), below[3]];
        let shown = |x: f32, y: f32| view.place(f64::from(x), f64::from(y)).is_some();
        let whole = within(both, rect) && shown(both[0], both[1]) && shown(both[2], both[3]);
        if whole && taken.take(both) {
            let halo = [255, 255, 255, 220];
            texts.push(letter.colour(colour).halo(halo).bold());
            texts.push(value.colour(colour).halo(halo));
        }
    }
    texts
}

/// A colour bar from left to right, its levels below it, what it shows beside it. `x`, `y`, width and lettering size.
pub(super) fn bar(
    scene: &mut Scene,
    scale: &Scale,
    unit: &str,
    font: &Font,
    (x, y, width, size): (f32, f32, f32, f32),
) {
    let levels = &scale.levels;
    if levels.len() < 2 {
        return;
    }
    let high = size * 0.95;
    let tip = high * 1.1;
    let (left, right) = (x + tip, x + width - tip);
    let step = (right - left) / (levels.len() - 1) as f32;
    let place = |at: f32| left + step * at;
    if scale.is_smooth() {
        let count = (right - left).max(1.0) as usize;
        for at in 0..count {
            let position = (at as f32 + 0.5) / count as f32 * (levels.len() - 1) as f32;
            let x = left + (right - left) * at as f32 / count as f32;
            let wide = (right - left) / count as f32 + 0.5;
            scene.fill(Path::rect(x, y, wide.min(right - x), high), scale.colour(position, 0.0));
        }
    } else {
        for at in 0..levels.len() - 1 {
            scene.fill(Path::rect(place(at as f32), y, step + 0.4, high), scale.bands[at + 1]);
        }
    }
    let tips = [
        (-0.5, vec![(left, y), (left, y + high), (x, y + high / 2.0)]),
        (levels.len() as f32, vec![(right, y), (right, y + high), (x + width, y + high / 2.0)]),
    ];
    for (position, corners) in tips {
        let colour = scale.colour(if position < 0.0 { -1.0 } else { position }, 0.0);
        scene.fill(Path::polygon(corners.clone()), colour);
    }
    let outline = vec![
        (left, y),
        (right, y),
        (x + width, y + high / 2.0),
        (right, y + high),
        (left, y + high),
        (x, y + high / 2.0),
    ];
    scene.stroke(Path::polygon(outline), INK, (size * 0.06).max(0.7));
    // The difference that numbers must tell apart: the least between levels.
    let least = levels.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
    let uneven = levels.windows(2).any(|pair| (pair[1] - pair[0] - least).abs() > 1e-6 * least);
    let name = |level: f64| {
        let step = if uneven && level.fract().abs() < 1e-9 { 1.0 } else { least };
        // Levels of tenths from 0.5 on need that digit too.
        words::number(level, if uneven { step } else { least })
    };
    let widest =
        levels.iter().map(|level| font.width(&name(*level), size * 0.8)).fold(0.0, f32::max);
    let every = ((widest + size * 0.6) / step).ceil().max(1.0) as usize;
    // With nought among them it is named.
    let zero = levels.iter().position(|level| level.abs() < 1e-9).unwrap_or(0) % every;
    let mut ticks = Path::default();
    for (at, level) in levels.iter().enumerate() {
        let x = place(at as f32);
        if at % every == zero {
            ticks.push(vec![(x, y + high), (x, y + high + size * 0.25)]);
            scene.text(Text::new(
                (x, y + high + size * 0.8),
                name(*level),
                size * 0.8,
                Anchor::Middle,
            ));
        }
    }
    scene.stroke(ticks, INK, (size * 0.06).max(0.7));
    scene.text(Text::new(
        (x + width + size * 0.5, y + high / 2.0),
        unit,
        size * 0.85,
        Anchor::Start,
    ));
}
