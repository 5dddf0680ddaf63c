//! What was found, drawn into a picture: the same on the command line, over HTTP and in an event's snapshot.

use strata_vision::belt::BeltReport;
use strata_vision::draw::{Canvas, class_colour};
use strata_vision::geometry::{BBox, Point};
use strata_vision::image::{Image, Plane};

use crate::detect::FoundObject;
use crate::inspect::Inspected;

const RED: [u8; 3] = [235, 50, 45];
const GREEN: [u8; 3] = [40, 190, 90];
const YELLOW: [u8; 3] = [250, 200, 40];
const BLUE: [u8; 3] = [60, 150, 255];
const WHITE: [u8; 3] = [255, 255, 255];

/// Draws what a detector found: boxes, names in both languages where there are two, scores.
pub fn detections(image: &mut Image, objects: &[FoundObject]) {
    let mut canvas = Canvas::new(image);
    // The surest last, over the others.
    for object in objects.iter().rev() {
        let colour = class_colour(object.class);
        let name = match &object.label_zh {
            Some(chinese) => format!("{} {chinese}", object.label),
            None => object.label.clone(),
        };
        let rect = object.rect();
        canvas.bbox(&rect, colour);
        canvas.label(&rect, &format!("{name} {:.0} %", object.score * 100.0), colour);
    }
}

/// Draws how unlike the normals each part is, the parts over the threshold, and the score.
pub fn anomaly(image: &mut Image, row: &Inspected, heat: &Plane<f32>) {
    let hottest = heat.data().iter().copied().fold(0.0_f32, f32::max);
    // Below half of the threshold all is as usual; well over it is as hot as it gets.
    let (low, high) = match row.threshold {
        Some(threshold) => (threshold * 0.5, (threshold * 1.5).max(hottest)),
        None => (hottest * 0.4, hottest),
    };
    let mut canvas = Canvas::new(image);
    canvas.heat(heat, low, high);
    for &[x1, y1, x2, y2] in &row.regions {
        canvas.bbox(&BBox { x1, y1, x2, y2 }, RED);
    }
    let score = row.score.unwrap_or_default();
    let (text, colour) = match (row.anomalous, row.threshold) {
        (Some(true), Some(limit)) => (format!("anomalous 异常 {score:.3} > {limit:.3}"), RED),
        (_, Some(limit)) => (format!("normal 正常 {score:.3} ≤ {limit:.3}"), GREEN),
        _ => (format!("score 得分 {score:.3}"), BLUE),
    };
    headline(&mut canvas, (row.width, row.height), &text, colour);
}

/// Draws the belt's edges, its deviation, load, overflow and tears.
pub fn belt(image: &mut Image, report: &BeltReport) {
    let size = (image.width(), image.height());
    let mut canvas = Canvas::new(image);
    if let Some(load) = &report.load {
        for outline in &load.outlines {
            canvas.polygon(outline, BLUE);
        }
    }
    for edge in [&report.left, &report.right].into_iter().flatten() {
        canvas.polyline(&[edge.from, edge.to], GREEN);
    }
    if let Some(expected) = report.hidden.and_then(|hidden| hidden.expected) {
        canvas.polyline(&expected, WHITE);
    }
    if let Some(deviation) = &report.deviation {
        canvas.polyline(&[deviation.expected, deviation.measured], YELLOW);
        marker(&mut canvas, deviation.expected, WHITE);
        marker(&mut canvas, deviation.measured, YELLOW);
    }
    for overflow in &report.overflow {
        canvas.bbox(&overflow.bbox, YELLOW);
        let free = below_headline(&canvas, overflow.bbox);
        canvas.label(&free, "overflow 溢料", YELLOW);
    }
    for tear in &report.tears {
        canvas.bbox(&tear.bbox, RED);
        let text = format!("tear? 疑似撕裂 {:.0} %", tear.confidence * 100.0);
        canvas.label(&below_headline(&canvas, tear.bbox), &text, RED);
    }
    let mut words = Vec::new();
    if report.hidden.is_some() {
        words.push("an edge under load 边缘被物料遮挡".to_owned());
    } else if !report.found {
        words.push("belt not found 未找到输送带".to_owned());
    }
    if let Some(deviation) = &report.deviation {
        words.push(format!(
            "deviation 跑偏 {:+.0} px ({:+.1} %)",
            without_minus_zero(deviation.px, 1.0),
            without_minus_zero(deviation.share * 100.0, 10.0)
        ));
    }
    if let Some(load) = &report.load {
        words.push(format!("load 载料 {:.0} %", load.filled * 100.0));
    }
    if !words.is_empty() {
        headline(&mut canvas, size, &words.join("  "), if report.found { GREEN } else { RED });
    }
}

/// Rounded to one part in so many, and never -0.
fn without_minus_zero(value: f32, parts: f32) -> f32 {
    (value * parts).round() / parts + 0.0
}

/// The box, for its label: lower where the label would come under the headline.
fn below_headline(canvas: &Canvas<'_>, bbox: BBox) -> BBox {
    BBox { y1: bbox.y1.max(canvas.style().text * 2.6), ..bbox }
}

/// A label in the picture's upper left corner.
fn headline(canvas: &mut Canvas<'_>, (width, height): (u32, u32), text: &str, colour: [u8; 3]) {
    let whole = BBox { x1: 0.0, y1: 0.0, x2: width as f32, y2: height as f32 };
    canvas.label(&whole, text, colour);
}

fn marker(canvas: &mut Canvas<'_>, at: Point, colour: [u8; 3]) {
    let reach = canvas.style().line * 4.0;
    let line = |dx: f32, dy: f32| {
        [Point { x: at.x - dx, y: at.y - dy }, Point { x: at.x + dx, y: at.y + dy }]
    };
    canvas.polyline(&line(reach, 0.0), colour);
    canvas.polyline(&line(0.0, reach), colour);
}
