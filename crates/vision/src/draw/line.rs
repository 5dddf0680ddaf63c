//! Straight lines with smooth edges, and filled polygons.

use super::colour::blend;
use crate::geometry::Point;
use crate::image::Image;

/// Coordinates beyond this are drawn as if they were here: far outside any picture, near enough for
/// the arithmetic.
const FAR: f32 = 1e6;

fn near(point: Point) -> Option<Point> {
    let finite = point.x.is_finite() && point.y.is_finite();
    finite.then(|| Point { x: point.x.clamp(-FAR, FAR), y: point.y.clamp(-FAR, FAR) })
}

/// A line of some thickness with round ends.
pub(super) fn segment(image: &mut Image, a: Point, b: Point, thickness: f32, colour: [u8; 3]) {
    let (Some(a), Some(b)) = (near(a), near(b)) else { return };
    let size = image.size();
    let half = thickness / 2.0;
    // Half a pixel of soft edge.
    let reach = half + 0.5;
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let length = dx.hypot(dy);
    let rows = |v: f32| (v.max(0.0) as u32).min(size.height);
    for y in rows((a.y.min(b.y) - reach).floor())..rows((a.y.max(b.y) + reach).ceil() + 1.0) {
        let cy = y as f32 + 0.5;
        // The stretch of the row that can be within reach.
        let (mut from, mut to) = (a.x.min(b.x) - reach, a.x.max(b.x) + reach);
        if dy.abs() > 1e-3 {
            let middle = a.x + (cy - a.y) * dx / dy;
            let wide = reach * length / dy.abs() + 1.0;
            from = from.max(middle - wide);
            to = to.min(middle + wide);
        }
        let columns = |v: f32| (v.max(0.0) as u32).min(size.width);
        for x in columns(from.floor())..columns(to.ceil() + 1.0) {
            let (px, py) = (x as f32 + 0.5 - a.x, cy - a.y);
            let along = if length > 0.0 {
                ((px * dx + py * dy) / (length * length)).clamp(0.0, 1.0)
            } else {
                0.0
            };
            let away = (px - along * dx).hypot(py - along * dy);
            let cover = (reach - away).clamp(0.0, 1.0);
            if cover > 0.0 {
                paint(image, x, y, colour, cover);
            }
        }
    }
}

/// The inside of a polygon, by the even-odd rule at the pixels' centres.
pub(super) fn fill_polygon(image: &mut Image, points: &[Point], colour: [u8; 3], opacity: f32) {
    let corners: Option<Vec<Point>> = points.iter().map(|&point| near(point)).collect();
    let Some(corners) = corners.filter(|corners| corners.len() >= 3) else { return };
    let size = image.size();
    let mut crossings: Vec<f32> = Vec::new();
    for y in 0..size.height {
        let cy = y as f32 + 0.5;
        crossings.clear();
        let edges = corners.iter().zip(corners.iter().cycle().skip(1));
        for (a, b) in edges {
            if (a.y <= cy) != (b.y <= cy) {
                crossings.push(a.x + (cy - a.y) * (b.x - a.x) / (b.y - a.y));
            }
        }
        crossings.sort_by(f32::total_cmp);
        for pair in crossings.chunks_exact(2) {
            let column = |v: f32| ((v + 0.5).floor().max(0.0) as u32).min(size.width);
            for x in column(pair[0])..column(pair[1]) {
                paint(image, x, y, colour, opacity);
            }
        }
    }
}

/// Lays a colour over a pixel inside the picture.
pub(super) fn paint(image: &mut Image, x: u32, y: u32, colour: [u8; 3], opacity: f32) {
    if x >= image.width() {
        return;
    }
    let at = (y as usize * image.width() as usize + x as usize) * 3;
    if let Some(pixel) = image.data_mut().get_mut(at..at + 3) {
        blend(pixel, colour, opacity);
    }
}
