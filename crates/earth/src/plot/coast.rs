//! Coastlines and borders: Natural Earth 1:50 million, simplified (see `datasets/weather/coastlines`).

use std::io::Read;
use std::sync::OnceLock;

use super::frame::View;
use super::scene::{Path, Pixel};

static PACKED: &[u8] = include_bytes!("../../../../datasets/weather/coastlines/coastlines.bin");

/// Latitude and longitude.
type Place = (f64, f64);

/// Lines of a map.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Coasts {
    /// Land and, within it, inner seas; closed.
    pub rings: Vec<Vec<Place>>,
    /// Borders between countries.
    pub borders: Vec<Vec<Place>>,
}

/// Those that are part of the program. It is tested that they are read.
#[must_use]
pub fn coasts() -> &'static Coasts {
    static READ: OnceLock<Coasts> = OnceLock::new();
    READ.get_or_init(|| read(PACKED).unwrap_or_default())
}

fn read(packed: &[u8]) -> Option<Coasts> {
    let mut bytes = Vec::new();
    flate2::read::ZlibDecoder::new(packed).take(1 << 24).read_to_end(&mut bytes).ok()?;
    let mut rest = bytes.strip_prefix(b"STRCOAST\x01")?;
    let (rings, borders) = (varint(&mut rest)?, varint(&mut rest)?);
    let mut lines = |count: u64| (0..count).map(|_| line(&mut rest)).collect::<Option<Vec<_>>>();
    Some(Coasts { rings: lines(rings)?, borders: lines(borders)? })
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 127) << shift;
        if first & 128 == 0 {
            return Some(value);
        }
    }
    None
}

fn line(bytes: &mut &[u8]) -> Option<Vec<Place>> {
    let count = varint(bytes)?;
    let (mut lon, mut lat) = (0_i64, 0_i64);
    (0..count)
        .map(|_| {
            let mut step = || varint(bytes).map(|v| (v >> 1) as i64 ^ -((v & 1) as i64));
            lon += step()?;
            lat += step()?;
            Some((lat as f64 / 100.0, lon as f64 / 100.0))
        })
        .collect()
}

/// Whether an edge of a ring is only where the map's sheet ends.
fn is_sheet_edge(a: Place, b: Place) -> bool {
    let both = |test: fn(Place) -> bool| test(a) && test(b);
    both(|p| p.1 >= 179.985) || both(|p| p.1 <= -179.985) || both(|p| p.0 <= -89.9)
}

/// Lines of the globe in a view, without steps too small to be seen.
fn drawn<'a>(view: &View, lines: impl Iterator<Item = &'a [Place]>) -> Path {
    let mut path = Path::default();
    let [left, top, right, bottom] = view.rect();
    for line in lines {
        // Most of the world lies outside of a region's map: a line none of whose every eighth point is near needs no cutting.
        let margin = 0.25 * (right - left).max(bottom - top) + 50.0;
        let near = |place: &Place| {
            view.pixel(place.0, place.1).is_some_and(|(x, y)| {
                x > left - margin && x < right + margin && y > top - margin && y < bottom + margin
            })
        };
        if view.area.is_some() && !line.iter().step_by(8).chain(line.last()).any(near) {
            continue;
        }
        for part in view.lines(line) {
            path.push(thinned(part));
        }
    }
    path
}

fn thinned(line: Vec<Pixel>) -> Vec<Pixel> {
    let last = line.len() - 1;
    let mut kept: Vec<Pixel> = Vec::with_capacity(line.len());
    for (at, point) in line.into_iter().enumerate() {
        let far = kept
            .last()
            .is_none_or(|before: &Pixel| (before.0 - point.0).hypot(before.1 - point.1) > 0.6);
        if far || at == last {
            kept.push(point);
        }
    }
    kept
}

impl Coasts {
    /// The coasts in a view.
    #[must_use]
    pub fn shores(&self, view: &View) -> Path {
        let parts = self.rings.iter().flat_map(|ring| {
            // A ring without the edges of the sheet, in pieces.
            let mut cuts = vec![0];
            cuts.extend(
                ring.windows(2)
                    .enumerate()
                    .filter(|(_, p)| is_sheet_edge(p[0], p[1]))
                    .map(|(at, _)| at + 1),
            );
            cuts.push(ring.len());
            cuts.windows(2)
                .map(|cut| &ring[cut[0]..cut[1]])
                .filter(|part| part.len() > 1)
                .collect::<Vec<_>>()
        });
        drawn(view, parts)
    }

    /// The borders in a view.
    #[must_use]
    pub fn frontiers(&self, view: &View) -> Path {
        drawn(view, self.borders.iter().map(Vec::as_slice))
    }

    /// Whether a place is on land, by the crossings of its parallel west of it.
    #[must_use]
    pub fn is_land(&self, lat: f64, lon: f64) -> bool {
        let lon = (lon + 180.0).rem_euclid(360.0) - 180.0;
        // Rings across 180 E have longitudes beyond it.
        let turns = [lon - 360.0, lon, lon + 360.0];
        let crossings = self.rings.iter().flat_map(|ring| ring.windows(2)).flat_map(|pair| {
            let ((lat0, lon0), (lat1, lon1)) = (pair[0], pair[1]);
            let crossed = (lat0 > lat) != (lat1 > lat);
            let at = lon0 + (lat - lat0) / (lat1 - lat0) * (lon1 - lon0);
            turns.into_iter().filter(move |turn| crossed && at < *turn)
        });
        crossings.count() % 2 == 1
    }

    /// For each pixel of a row of places at one latitude or many, whether it is land: runs along parallels, found once a row of
    /// `rows` latitudes from −90 to 90.
    #[must_use]
    pub fn mask(&self, rows: usize, columns: usize) -> Vec<bool> {
        let mut mask = vec![false; rows * columns];
        let mut crossings: Vec<Vec<f64>> = vec![Vec::new(); rows];
        let step = 180.0 / rows as f64;
        for pair in self.rings.iter().flat_map(|ring| ring.windows(2)) {
            let ((lat0, lon0), (lat1, lon1)) = (pair[0], pair[1]);
            let (low, high) = (lat0.min(lat1), lat0.max(lat1));
            let row = |lat: f64| (((lat + 90.0) / step - 0.5).ceil().max(0.0) as usize).min(rows);
            let (first, end) = (row(low), row(high));
            let crossed = crossings.iter_mut().enumerate().take(end).skip(first);
            for (at, crossings) in crossed {
                let lat = (at as f64 + 0.5) * step - 90.0;
                crossings.push(lon0 + (lat - lat0) / (lat1 - lat0) * (lon1 - lon0));
            }
        }
        let column = |lon: f64| ((lon + 180.0) / 360.0 * columns as f64 - 0.5).ceil() as i64;
        for (row, crossings) in crossings.iter_mut().enumerate() {
            crossings.sort_by(f64::total_cmp);
            for run in crossings.chunks_exact(2) {
                for at in column(run[0])..column(run[1]) {
                    mask[row * columns + at.rem_euclid(columns as i64) as usize] = true;
                }
            }
        }
        mask
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::projection::Projection;
    use super::*;
    use crate::regrid::crop::Area;

    #[test]
    fn land_is_where_it_is() {
        let coasts = coasts();
        assert!(coasts.rings.len() > 500 && coasts.borders.len() > 200);
        let mask = coasts.mask(720, 1440);
        for (lat, lon, land) in [
            (39.9, 116.4, true),
            (20.0, -160.0, false),
            (-25.0, 135.0, true),
            (-85.0, 10.0, true),
            (42.0, 50.5, false),
            (66.0, -179.0, false),
            (66.5, -176.0, true),
            (67.5, 178.0, true),
            (0.0, 0.0, false),
            (19.6, -155.5, true),
            (51.5, 0.0, true),
        ] {
            // The Caspian Sea is an inner ring; Chukotka lies across 180 E.
            assert_eq!(coasts.is_land(lat, lon), land, "{lat} {lon}");
            let at = ((lat + 90.0) * 4.0) as usize * 1440 + ((lon + 180.0) * 4.0) as usize;
            assert_eq!(mask[at], land, "mask {lat} {lon}");
        }
        let share = mask.iter().enumerate().map(|(at, land)| {
            let weight = ((at / 1440) as f64 * 0.25 - 89.875).to_radians().cos();
            (if *land { weight } else { 0.0 }, weight)
        });
        let (land, all) = share.fold((0.0, 0.0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
        assert!((land / all - 0.292).abs() < 0.01, "{}", land / all);
    }

    #[test]
    fn coasts_cross_180_e_whole_and_the_sheet_s_edges_are_none() {
        let area = Area { north: 75.0, west: 160.0, south: 60.0, east: -160.0 };
        let view = View::new(
            Projection::Equirectangular { centre: 180.0, true_lat: 65.0 },
            Some(area),
            900,
            900,
        )
        .unwrap();
        let shores = coasts().shores(&view);
        let at = view.pixel(65.0, 180.0).unwrap().0;
        // No line runs along the meridian through Chukotka and Wrangel Island, where Natural Earth's sheet ends.
        let along = shores.lines.iter().flat_map(|(line, _)| line.windows(2)).filter(|pair| {
            (pair[0].0 - at).abs() < 0.5
                && (pair[1].0 - at).abs() < 0.5
                && (pair[0].1 - pair[1].1).abs() > 3.0
        });
        assert_eq!(along.count(), 0);
        let count = |side: fn(f32, f32) -> bool| {
            shores.lines.iter().flat_map(|(l, _)| l).filter(|p| side(p.0, at)).count()
        };
        assert!(count(|x, at| x < at) > 100 && count(|x, at| x > at) > 100);
        let world =
            View::new(Projection::Equirectangular { centre: 0.0, true_lat: 0.0 }, None, 1000, 1000)
                .unwrap();
        for pair in coasts().shores(&world).lines.iter().flat_map(|(line, _)| line.windows(2)) {
            assert!((pair[0].0 - pair[1].0).abs() < 12.0, "{pair:?}");
        }
    }
}
