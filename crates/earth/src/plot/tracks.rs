//! Cyclone tracks on a map: intensities by colour, days named, ensembles with their mean and spread.

use std::collections::BTreeMap;

use super::font::Font;
use super::frame::View;
use super::scene::{Anchor, Colour, INK, Path, Scene, Text};
use crate::time::{DAY, HOUR, Time};
use crate::track::sphere::wrapped;
use crate::track::{Fix, Place, Track};

/// Grades of tropical cyclones by the greatest wind at 10 m, in m/s (GB/T 19201-2006, whose first five limits are WMO's), short
/// name and colour.
pub const GRADES: [(f64, &str, Colour); 7] = [
    (0.0, "< 10.8 m/s", [130, 140, 150, 255]),
    (10.8, "TD", [70, 130, 200, 255]),
    (17.2, "TS", [50, 160, 110, 255]),
    (24.5, "STS", [225, 190, 40, 255]),
    (32.7, "TY", [240, 130, 30, 255]),
    (41.5, "STY", [215, 45, 45, 255]),
    (51.0, "SuperTY", [150, 25, 140, 255]),
];
/// Of fixes whose wind is not known.
const UNKNOWN: Colour = [60, 66, 76, 255];
const OBSERVED: Colour = [0, 0, 0, 255];

/// The colour of a wind.
#[must_use]
pub fn grade(wind: Option<f64>) -> Colour {
    let Some(wind) = wind else { return UNKNOWN };
    GRADES.iter().rev().find(|(limit, ..)| wind >= *limit).map_or(UNKNOWN, |(.., colour)| *colour)
}

/// Tracks to draw.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tracks {
    /// Forecast, or the only ones; several of one identifier are members of an ensemble.
    pub forecast: Vec<Track>,
    /// Observed, drawn dashed and black beneath.
    pub observed: Vec<Track>,
}

/// The mean of the members' places at each time of at least half of them, with their mean distance from it in km.
#[must_use]
pub fn mean(members: &[&Track]) -> Vec<(Fix, f64)> {
    let mut times: BTreeMap<Time, Vec<&Fix>> = BTreeMap::new();
    for fix in members.iter().flat_map(|track| &track.fixes) {
        times.entry(fix.time).or_default().push(fix);
    }
    times
        .into_iter()
        .filter(|(_, fixes)| fixes.len() * 2 >= members.len())
        .map(|(time, fixes)| {
            let mut sum = [0.0; 3];
            for fix in &fixes {
                let ((sl, cl), (so, co)) =
                    (fix.lat.to_radians().sin_cos(), fix.lon.to_radians().sin_cos());
                for (sum, part) in sum.iter_mut().zip([cl * co, cl * so, sl]) {
                    *sum += part;
                }
            }
            let lat = sum[2].atan2(sum[0].hypot(sum[1])).to_degrees();
            let place = Place::new(lat, wrapped(sum[1].atan2(sum[0]).to_degrees()));
            let average = |value: fn(&Fix) -> Option<f64>| {
                let values: Vec<f64> = fixes.iter().filter_map(|fix| value(fix)).collect();
                (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
            };
            let spread = fixes.iter().map(|fix| fix.place().distance(place)).sum::<f64>()
                / fixes.len() as f64;
            let (pressure, wind) = (average(|fix| fix.pressure), average(|fix| fix.wind));
            (Fix { time, lat: place.lat, lon: place.lon, pressure, wind }, spread)
        })
        .collect()
}

/// Draws tracks.
pub(super) fn draw(scene: &mut Scene, view: &View, tracks: &Tracks, font: &Font, size: f32) {
    for track in &tracks.observed {
        let mut path = Path::default();
        view.lines(&places(&track.fixes)).into_iter().for_each(|line| path.push(line));
        scene.dashed(path, OBSERVED, size * 0.14, [size * 0.5, size * 0.3]);
        marks(scene, view, (&track.fixes, Some(OBSERVED)), font, size);
    }
    let mut storms: BTreeMap<&str, Vec<&Track>> = BTreeMap::new();
    for track in &tracks.forecast {
        storms.entry(track.id.as_str()).or_default().push(track);
    }
    for (id, members) in storms {
        if let [track] = members[..] {
            one(scene, view, &track.fixes, size);
            marks(scene, view, (&track.fixes, None), font, size);
            name(scene, view, track, id, size);
            continue;
        }
        let mut thin = Path::default();
        for member in &members {
            view.lines(&places(&member.fixes)).into_iter().for_each(|line| thin.push(line));
        }
        scene.stroke(thin, [60, 70, 90, 110], size * 0.07);
        let mean = mean(&members);
        let fixes: Vec<Fix> = mean.iter().map(|(fix, _)| *fix).collect();
        let mut circles = Path::default();
        for (fix, spread) in mean.iter().filter(|(fix, _)| fix.time.0.rem_euclid(DAY) == 0) {
            let ring: Vec<(f64, f64)> = (0..=48)
                .map(|at| fix.place().step(f64::from(at) * 7.5, spread.max(1.0)))
                .map(|place| (place.lat, place.lon))
                .collect();
            view.lines(&ring).into_iter().for_each(|line| circles.push(line));
        }
        scene.dashed(circles, [40, 44, 54, 200], size * 0.08, [size * 0.25, size * 0.2]);
        one(scene, view, &fixes, size);
        marks(scene, view, (&fixes, None), font, size);
        if let Some(track) = members.first() {
            name(scene, view, track, id, size);
        }
    }
    legend(scene, view, !tracks.observed.is_empty(), font, size);
}

fn places(fixes: &[Fix]) -> Vec<(f64, f64)> {
    fixes.iter().map(|fix| (fix.lat, fix.lon)).collect()
}

/// A track, each step in the colour of the fix it leads to.
fn one(scene: &mut Scene, view: &View, fixes: &[Fix], size: f32) {
    let mut rim = Path::default();
    view.lines(&places(fixes)).into_iter().for_each(|line| rim.push(line));
    scene.stroke(rim, [255, 255, 255, 230], size * 0.32);
    for pair in fixes.windows(2) {
        let mut path = Path::default();
        view.lines(&places(pair)).into_iter().for_each(|line| path.push(line));
        scene.stroke(path, grade(pair[1].wind), size * 0.18);
    }
}

/// Fixes as dots; those at 00 UTC larger, with the day of the month.
fn marks(
    scene: &mut Scene,
    view: &View,
    (fixes, colour): (&[Fix], Option<Colour>),
    font: &Font,
    size: f32,
) {
    let mut last: Option<[f32; 4]> = None;
    for fix in fixes {
        let Some(at) = view.inside(fix.lat, fix.lon, 0.0) else { continue };
        let midnight = fix.time.0.rem_euclid(DAY) == 0;
        if !midnight && fix.time.0.rem_euclid(6 * HOUR) != 0 {
            continue;
        }
        let radius = size * if midnight { 0.34 } else { 0.2 };
        scene.fill(Path::circle(at, radius + size * 0.08), [255, 255, 255, 255]);
        scene.fill(Path::circle(at, radius), colour.unwrap_or_else(|| grade(fix.wind)));
        if midnight && colour.is_none() {
            let civil = fix.time.civil();
            let text = Text::new(
                (at.0 + size * 0.6, at.1 - size * 0.55),
                format!("{:02}", civil.day),
                size * 0.8,
                Anchor::Start,
            );
            let bounds = text.bounds(font, 0.0);
            let apart = last.is_none_or(|b| {
                bounds[0] > b[2] || bounds[2] < b[0] || bounds[1] > b[3] || bounds[3] < b[1]
            });
            if apart {
                last = Some(bounds);
                scene.text(text.halo([255, 255, 255, 230]));
            }
        }
    }
}

fn name(scene: &mut Scene, view: &View, track: &Track, id: &str, size: f32) {
    let text = if track.name.is_empty() { id } else { &track.name };
    let Some(at) = track.fixes.first().and_then(|fix| view.inside(fix.lat, fix.lon, size)) else {
        return;
    };
    let text = Text::new((at.0, at.1 + size * 1.1), text, size * 0.9, Anchor::Middle);
    scene.text(text.halo([255, 255, 255, 230]).bold());
}

fn legend(scene: &mut Scene, view: &View, observed: bool, font: &Font, size: f32) {
    let letters = size * 0.78;
    let rows = GRADES.len() + usize::from(observed);
    let wide = GRADES
        .iter()
        .map(|(_, name, _)| font.width(name, letters))
        .fold(font.width("observed", letters), f32::max);
    let row = letters * 1.35;
    let [left, _, _, bottom] = view.rect();
    let (width, height) = (wide + size * 2.2, row * rows as f32 + size * 0.6);
    let (x, y) = (left + size * 0.6, bottom - height - size * 0.6);
    scene.fill(Path::rect(x, y, width, height), [255, 255, 255, 225]);
    scene.stroke(Path::rect(x, y, width, height), [120, 126, 134, 255], size * 0.05);
    let names = GRADES
        .iter()
        .map(|(_, name, colour)| (*name, *colour))
        .chain(observed.then_some(("observed", OBSERVED)));
    for (at, (name, colour)) in names.enumerate() {
        let middle = y + size * 0.3 + row * (at as f32 + 0.5);
        let line = Path::line(vec![(x + size * 0.4, middle), (x + size * 1.4, middle)]);
        match colour {
            OBSERVED => scene.dashed(line, colour, size * 0.14, [size * 0.3, size * 0.2]),
            _ => scene.stroke(line, colour, size * 0.2),
        }
        scene.text(Text::new((x + size * 1.8, middle), name, letters, Anchor::Start).colour(INK));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fix(hours: i64, lat: f64, lon: f64, wind: f64) -> Fix {
        Fix { time: Time(hours * HOUR), lat, lon, pressure: None, wind: Some(wind) }
    }

    #[test]
    fn a_mean_crosses_180_e_and_knows_its_spread() {
        let track = |lon: f64| Track {
            fixes: vec![fix(0, 20.0, lon, 30.0), fix(6, 21.0, lon, 40.0)],
            ..Track::default()
        };
        let members = [track(179.0), track(-179.0), track(-179.0), track(179.0)];
        let found = mean(&members.iter().collect::<Vec<_>>());
        assert_eq!(found.len(), 2);
        assert!(
            (found[0].0.lon.abs() - 180.0).abs() < 1e-9 && (found[0].0.lat - 20.0).abs() < 0.01
        );
        assert!((found[0].1 - 104.5).abs() < 1.0, "{}", found[0].1);
        // A time that fewer than half have is none of the mean's.
        let mut short = members.to_vec();
        short.iter_mut().skip(1).for_each(|track| track.fixes.truncate(1));
        assert_eq!(mean(&short.iter().collect::<Vec<_>>()).len(), 1);
    }

    #[test]
    fn grades_follow_the_wind() {
        assert_eq!(grade(Some(17.2)), GRADES[2].2);
        assert_eq!(grade(Some(80.0)), GRADES[6].2);
        assert_eq!((grade(None), grade(Some(3.0))), (UNKNOWN, GRADES[0].2));
    }
}
