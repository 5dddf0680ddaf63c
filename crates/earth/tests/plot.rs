//! Pictures whole: files that are what they say, lettering that is not cut, the same bytes each time.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Arc;

use strata_earth::field::{Field, Header};
use strata_earth::grid::{Grid, GridKind};
use strata_earth::level::Level;
use strata_earth::plot::barb::Unit;
use strata_earth::plot::map::{Filling, Frame, WindKind};
use strata_earth::plot::projection::Projection;
use strata_earth::plot::scene::Item;
use strata_earth::plot::tracks::Tracks;
use strata_earth::plot::{Font, Map, Scene, panels, png, raster, svg};
use strata_earth::regrid::crop::Area;
use strata_earth::time::Time;
use strata_earth::track::{Fix, Track};

fn field(
    grid: &Arc<Grid>,
    name: &str,
    level: Level,
    unit: &str,
    value: impl Fn(f64, f64) -> f64,
) -> Field {
    let place = |at| grid.at(at);
    let values = (0..grid.len()).map(|at| value(place(at).0, place(at).1) as f32).collect();
    let header = Header {
        variable: name.to_owned(),
        level,
        reference: Time::parse("2024-05-01T00").unwrap(),
        step: 86_400,
        member: None,
        unit: unit.to_owned(),
        grid: Arc::clone(grid),
        attributes: BTreeMap::new(),
    };
    Field { header, values }
}

fn height(grid: &Arc<Grid>) -> Field {
    field(grid, "z", Level::pressure(500.0), "m2 s-2", |lat, lon| {
        9.80665 * (5000.0 + 800.0 * lat.to_radians().cos() + 120.0 * (4.0 * lon.to_radians()).cos())
    })
}

fn frame(projection: Projection, area: Option<Area>) -> Frame {
    Frame { projection, area, width: 500, height: 500 }
}

const FLAT: Projection = Projection::Equirectangular { centre: 0.0, true_lat: 0.0 };
const PROJECTIONS: [Projection; 5] = [
    FLAT,
    Projection::Mercator { centre: 110.0 },
    Projection::PolarStereographic { south: true, meridian: 0.0 },
    Projection::Lambert { meridian: 105.0, cuts: (25.0, 47.0) },
    Projection::Orthographic { lat: 35.0, lon: 110.0 },
];

fn whole(grid: &Arc<Grid>, frame: Frame) -> Map {
    let wind = |name: &str, speed: f64| {
        field(grid, name, Level::height(10.0), "m s-1", move |lat, _| {
            speed * lat.to_radians().cos()
        })
    };
    let map = Map::new(frame).fill(&height(grid), Filling::default()).unwrap();
    let map = map.contours(&height(grid), Some(4.0)).unwrap();
    map.wind(&wind("10u", 15.0), &wind("10v", 8.0), WindKind::Barbs(Unit::Knots))
        .unwrap()
        .borders(true)
        .model("a & <model>")
}

/// Elements open and close in order and the document ends with them.
fn is_well_formed(text: &str) {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut open: i32 = 0;
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Start(_) => open += 1,
            quick_xml::events::Event::End(_) => open -= 1,
            quick_xml::events::Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(open, 0);
}

fn lettering_is_within(scene: &Scene, font: &Font) {
    for text in scene.texts() {
        let [left, top, right, bottom] = text.bounds(font, 0.0);
        let (width, height) = (scene.width as f32 + 0.5, scene.height as f32 + 0.5);
        assert!(
            left >= -0.5 && top >= -0.5 && right <= width && bottom <= height,
            "{text:?} in {width} x {height}"
        );
    }
}

#[test]
fn every_projection_gives_whole_files_the_same_each_time() {
    let font = Font::builtin().unwrap();
    let grid = Arc::new(Grid::regular(37, 72));
    for projection in PROJECTIONS {
        let draw = || whole(&grid, frame(projection, None)).scene(&font).unwrap();
        let scene = draw();
        lettering_is_within(&scene, &font);
        let bytes = png(&scene, &font).unwrap();
        let mut decoder = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
        let mut pixels = vec![0; decoder.output_buffer_size().unwrap()];
        let info = decoder.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height), (scene.width, scene.height));
        assert_eq!(pixels[..info.buffer_size()], raster(&scene, &font).unwrap().rgb);
        let text = svg(&scene, &font).unwrap();
        is_well_formed(&text);
        assert!(text.contains("a &amp; &lt;model&gt;"));
        let again = draw();
        assert_eq!(scene, again);
        assert_eq!((bytes, text), (png(&again, &font).unwrap(), svg(&again, &font).unwrap()));
        // There are numbers in the contours, at least where a hemisphere is seen.
        assert!(
            scene.texts().any(|text| text.angle != 0.0 && text.text.len() == 3),
            "{projection:?}"
        );
    }
}

#[test]
fn an_area_across_180_e_is_one_map() {
    let font = Font::builtin().unwrap();
    // Columns from 0 E: the area's are 160..179 and 181..200.
    let grid = Arc::new(Grid::regular(181, 360));
    let area = Area { north: 60.0, west: 150.0, south: 20.0, east: -150.0 };
    let scene = whole(&grid, frame(FLAT, Some(area))).scene(&font).unwrap();
    let Some(Item::Image { rgba, width, height, .. }) =
        scene.items.iter().find(|item| matches!(item, Item::Image { .. }))
    else {
        panic!("no colours")
    };
    assert!(rgba.chunks_exact(4).all(|pixel| pixel[3] == 255), "{width} x {height} has holes");
    let has = |name: &str| scene.texts().any(|text| text.text == name);
    assert!(
        has("180°") && has("160°E") && has("160°W"),
        "{:?}",
        scene.texts().map(|t| &t.text).collect::<Vec<_>>()
    );
}

#[test]
fn a_gap_is_left_bare_and_other_planets_have_no_coasts() {
    let font = Font::builtin().unwrap();
    let grid = Arc::new(Grid::regular(37, 72));
    let mut z = height(&grid);
    (0..z.values.len()).filter(|at| grid.at(*at).0 > 30.0).for_each(|at| z.values[at] = f32::NAN);
    z.header.attributes.insert("planet".to_owned(), "idealised-dry-planet".to_owned());
    let scene =
        Map::new(frame(FLAT, None)).fill(&z, Filling::default()).unwrap().scene(&font).unwrap();
    let bare = scene.items.iter().find_map(|item| match item {
        Item::Image { rgba, .. } => Some(
            rgba.chunks_exact(4).filter(|pixel| pixel[3] == 0).count() as f64 / rgba.len() as f64
                * 4.0,
        ),
        _ => None,
    });
    assert!((bare.unwrap() - 1.0 / 3.0).abs() < 0.02, "{bare:?}");
    assert!(scene.texts().any(|text| text.text == "idealised-dry-planet, not Earth weather"));
    let lines = |scene: &Scene| {
        scene.items.iter().filter(|item| matches!(item, Item::Stroke { dash: None, .. })).count()
    };
    z.header.attributes.clear();
    let earth =
        Map::new(frame(FLAT, None)).fill(&z, Filling::default()).unwrap().scene(&font).unwrap();
    assert!(lines(&earth) > lines(&scene));
}

#[test]
fn panels_share_a_bar_and_scattered_points_are_drawn() {
    let font = Font::builtin().unwrap();
    let (mut lats, mut lons) = (Vec::new(), Vec::new());
    for at in 0..30 * 40 {
        lats.push(20.0 + f64::from(at / 40) + 0.01 * f64::from(at % 40));
        lons.push(100.0 + f64::from(at % 40) + 0.02 * f64::from(at / 40));
    }
    let kind = GridKind::Projected { projection: "lambert".to_owned() };
    let grid = Arc::new(Grid::scattered(kind, (30, 40), lats, lons).unwrap());
    let map = || Map::new(frame(FLAT, None)).fill(&height(&grid), Filling::default()).unwrap();
    let maps: Vec<(String, Map)> =
        (0..5).map(|member| (format!("member {member}"), map())).collect();
    let scene = panels(&maps, (3, 600), "members", &font).unwrap();
    lettering_is_within(&scene, &font);
    assert_eq!(scene.items.iter().filter(|item| matches!(item, Item::Image { .. })).count(), 5);
    assert_eq!(scene.texts().filter(|text| text.text == "dam").count(), 1);
    assert!(panels(&[], (3, 600), "none", &font).is_err());
}

#[test]
fn tracks_are_drawn_on_land_and_sea() {
    let font = Font::builtin().unwrap();
    let fix = |at: i32| Fix {
        time: Time::parse("2024-08-01T00").unwrap().plus_hours(i64::from(at) * 6),
        lat: 15.0 + 0.5 * f64::from(at),
        lon: 178.0 + 0.4 * f64::from(at) - if at > 5 { 360.0 } else { 0.0 },
        pressure: None,
        wind: Some(15.0 + 2.0 * f64::from(at)),
    };
    let track = Track {
        id: "WP01".to_owned(),
        name: "TEST".to_owned(),
        reference: None,
        fixes: (0..16).map(fix).collect(),
    };
    let mut other = track.clone();
    other.fixes.iter_mut().for_each(|fix| fix.lat += 1.0);
    let area = Area { north: 35.0, west: 165.0, south: 5.0, east: -165.0 };
    for forecast in [vec![track.clone()], vec![track.clone(), other]] {
        let tracks = Tracks { forecast, observed: vec![track.clone()] };
        let scene = Map::new(frame(FLAT, Some(area))).tracks(tracks).scene(&font).unwrap();
        lettering_is_within(&scene, &font);
        let has = |name: &str| scene.texts().any(|text| text.text == name);
        assert!(has("TEST") && has("02") && has("STS") && has("observed"));
        // No step of a track leaps across the map.
        for item in &scene.items {
            let Item::Stroke { path, .. } = item else { continue };
            for pair in path
                .lines
                .iter()
                .filter(|(line, closed)| !closed && line.len() > 4)
                .flat_map(|(line, _)| line.windows(2))
            {
                assert!((pair[0].0 - pair[1].0).abs() < 60.0, "{pair:?}");
            }
        }
    }
}

#[test]
fn what_cannot_be_shown_is_refused() {
    let font = Font::builtin().unwrap();
    let grid = Arc::new(Grid::regular(37, 72));
    let narrow = Area { north: 10.0, west: 0.0, south: 10.0, east: 90.0 };
    assert!(whole(&grid, frame(FLAT, Some(narrow))).scene(&font).is_err());
    let back = Area { north: -10.0, west: -80.0, south: -40.0, east: -60.0 };
    let globe = Projection::Orthographic { lat: 35.0, lon: 110.0 };
    assert!(whole(&grid, frame(globe, Some(back))).scene(&font).is_err());
    let line = Arc::new(Grid::rectilinear(vec![10.0], vec![0.0, 1.0]).unwrap());
    assert!(Map::new(frame(FLAT, None)).fill(&height(&line), Filling::default()).is_err());
}
