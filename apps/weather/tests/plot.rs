//! Pictures as people order them: maps, panels, meteograms, animations and tracks of a short forecast by the model that ships.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn weather(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strata-weather"));
    command.current_dir(root()).args(arguments);
    command
}

fn succeeds(arguments: &[&str]) -> String {
    let output = weather(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn fails(arguments: &[&str]) -> String {
    let output = weather(arguments).output().unwrap();
    assert!(!output.status.success(), "{arguments:?} went through");
    String::from_utf8(output.stderr).unwrap()
}

/// One forecast and one ensemble of a day, made once.
struct Made {
    folder: tempfile::TempDir,
    one: String,
    ensemble: String,
}

impl Made {
    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Draws a picture of some arguments twice, which must have the same bytes, and gives them.
    fn drawn(&self, name: &str, arguments: &[&str]) -> Vec<u8> {
        let draw = |name: &str| {
            let out = self.path(name);
            succeeds(&[&["plot"], arguments, &["--out", &out]].concat());
            std::fs::read(out).unwrap()
        };
        let first = draw(name);
        assert!(first == draw(&format!("again-{name}")), "{name} differs from itself");
        first
    }

    fn svg(&self, name: &str, arguments: &[&str]) -> String {
        String::from_utf8(self.drawn(name, arguments)).unwrap()
    }
}

fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (one, ensemble) = (path("one.nc"), path("ensemble.nc"));
        let forecast = |lead: &str, out: &str, more: &[&str]| {
            let start = ["forecast", "--model", "dry-planet", "-q"];
            let file = ["--file", "datasets/weather/analysis.nc", "--lead-time", lead];
            succeeds(&[&start, &file[..], &["--path", out], more].concat());
        };
        forecast("48", &one, &[]);
        forecast("12", &ensemble, &["--members", "4", "--perturbation", "gaussian"]);
        Made { folder, one, ensemble }
    })
}

/// The texts of an SVG, in order, without their markup.
fn texts(svg: &str) -> Vec<String> {
    let parts = svg.split("<text").skip(1);
    let inner = |part: &str| {
        let (_, rest) = part.split_once('>')?;
        let (inner, _) = rest.split_once("</text>")?;
        let mut plain = String::new();
        let mut inside = true;
        for c in inner.chars() {
            match c {
                '<' => inside = false,
                '>' => inside = true,
                c if inside => plain.push(c),
                _ => {}
            }
        }
        Some(plain)
    };
    parts.filter_map(inner).collect()
}

fn has(texts: &[String], wanted: &str) -> bool {
    texts.iter().any(|text| text.contains(wanted))
}

/// Width and height of a PNG, from its head.
fn size(png: &[u8]) -> (u32, u32) {
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

/// Delays of a GIF's pictures, in hundredths of a second, and whether it begins again at its end.
fn delays(gif: &[u8]) -> (Vec<u16>, bool) {
    assert!(gif.starts_with(b"GIF89a"));
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let mut at = 13 + table(gif[10]);
    let (mut delays, mut pictures, mut again) = (Vec::new(), 0, false);
    loop {
        match gif[at] {
            0x21 => {
                if gif[at + 1] == 0xf9 {
                    delays.push(u16::from_le_bytes([gif[at + 4], gif[at + 5]]));
                }
                again |= gif[at + 1] == 0xff && gif[at + 3..].starts_with(b"NETSCAPE2.0");
                at += 2;
            }
            0x2c => {
                pictures += 1;
                at += 10 + table(gif[at + 9]) + 1;
            }
            0x3b => break,
            other => panic!("a block of kind {other:#x} at {at}"),
        }
        while gif[at] != 0 {
            at += usize::from(gif[at]) + 1;
        }
        at += 1;
    }
    assert_eq!(pictures, delays.len());
    (delays, again)
}

#[test]
fn a_map_says_what_it_shows() {
    let made = made();
    let arguments = [made.one.as_str(), "--field", "z", "--level", "500", "--step", "24"];
    let more = ["--contour", "t@850", "--barbs", "850", "--model", "the model"];
    let arguments = [&arguments[..], &more].concat();
    let words = texts(&made.svg("map.svg", &arguments));
    for wanted in [
        "500 hPa geopotential height (dam)",
        "850 hPa temperature (°C) every 4",
        "half 5, full 10, pennant 50 kt",
        "Init Mon 0001-01-01 00:00 UTC",
        "+24 h",
        "Valid Tue 0001-01-02 00:00 UTC",
        "the model",
        "not Earth weather",
        "60°N",
        "90°E",
    ] {
        assert!(has(&words, wanted), "{wanted:?} is not among {words:?}");
    }
    // The colour bar: its unit, and levels of 500 hPa.
    for wanted in ["dam", "504", "560", "600"] {
        assert!(words.iter().any(|text| text == wanted), "{wanted} of the colour bar");
    }
    let png = made.drawn("map.png", &[&arguments[..], &["--width", "900"]].concat());
    let (width, height) = size(&png);
    assert!(width == 900 && (300..900).contains(&height), "{width} x {height}");
    // The globe's pressure without mountains is shown finely enough to see its lows.
    let words = texts(&made.svg("sp.svg", &[&made.one, "--field", "sp", "--contour", "sp"]));
    let every = words.iter().find_map(|text| text.split_once(" every ")).unwrap().1;
    assert!(every.parse::<f64>().unwrap() <= 10.0, "{every}");
}

#[test]
fn projections_and_areas_are_labelled() {
    let made = made();
    let field = [made.one.as_str(), "--field", "t@850"];
    for (projection, area, wanted, not) in [
        ("equirectangular", "60/150/-10/220", vec!["180°", "170°W", "170°E"], "90°E"),
        ("mercator", "60/150/-10/220", vec!["180°", "160°W"], "90°E"),
        ("lambert", "55/70/15/140", vec!["100°E", "30°N"], "180°"),
        ("polar", "-30/-180/-90/180", vec!["60°S", "180°", "90°E"], "60°N"),
        ("globe", "90/-180/-90/180", vec![], "member"),
    ] {
        let name = format!("{projection}.svg");
        let more = ["--projection", projection];
        let area = format!("--area={area}");
        let svg = made.svg(&name, &[&field[..], &more, &[&area]].concat());
        let words = texts(&svg);
        for wanted in wanted {
            assert!(has(&words, wanted), "{projection}: {wanted} is not among {words:?}");
        }
        assert!(!has(&words, not), "{projection}: {not} in {words:?}");
        assert!(svg.contains("<image"), "{projection} has its colours");
    }
}

#[test]
fn members_stand_side_by_side_with_one_colour_bar() {
    let made = made();
    let arguments = [made.ensemble.as_str(), "--field", "z@500", "--step", "12", "--stamps"];
    let words = texts(&made.svg("stamps.svg", &arguments));
    for member in 0..4 {
        assert!(words.iter().any(|text| *text == format!("member {member}")), "{words:?}");
    }
    assert!(has(&words, "Valid Mon 0001-01-01 12:00 UTC"));
    assert_eq!(words.iter().filter(|text| *text == "dam").count(), 1, "one colour bar");
    let wide = size(&made.drawn("wide.png", &[&arguments[..], &["--columns", "4"]].concat()));
    let high = size(&made.drawn("high.png", &[&arguments[..], &["--columns", "1"]].concat()));
    assert!(wide.0 == high.0 && wide.1 < high.1, "{wide:?} {high:?}");
    let none = fails(&["plot", &made.one, "--field", "z@500", "--stamps", "--out", "x.png"]);
    assert!(none.contains("no members"), "{none}");
}

#[test]
fn a_meteogram_has_a_panel_for_what_is_there() {
    let made = made();
    let place = ["--point", "39.9,116.4", "--name", "Here"];
    let words = texts(&made.svg("point.svg", &[&[made.one.as_str()], &place[..]].concat()));
    for wanted in [
        "Here",
        "39.90°N 116.40°E",
        "Wind at 850 hPa (m/s)",
        "Surface pressure (hPa)",
        "Temperature at 850 hPa (°C)",
        "Height of 500 hPa (dam)",
        "Tue 01-02",
        "not Earth weather",
    ] {
        assert!(has(&words, wanted), "{wanted:?} is not among {words:?}");
    }
    assert!(!has(&words, "Precipitation"), "nothing is made up");
    let words = texts(&made.svg("fan.svg", &[&[made.ensemble.as_str()], &place[..]].concat()));
    assert!(has(&words, "median, 25–75 %, 10–90 %, range of 4"), "{words:?}");
}

#[test]
fn an_animation_has_a_picture_for_each_time() {
    let made = made();
    let field = [made.one.as_str(), "--field", "sp", "--width", "300"];
    let gif = made.drawn("sp.gif", &[&field[..], &["--delay", "250"]].concat());
    // The last stays on.
    assert_eq!(delays(&gif), (vec![25, 25, 25, 25, 25, 25, 25, 100], true));
    let names = made.path("sp-{step}.png");
    let said = succeeds(&[&["plot"], &field[..], &["--out", &names]].concat());
    assert_eq!(said.lines().count(), 8);
    let [first, last] =
        ["sp-6.png", "sp-48.png"].map(|name| std::fs::read(made.path(name)).unwrap());
    assert!(size(&first) == size(&last) && first != last);
}

#[test]
fn tracks_are_drawn_over_a_map() {
    let made = made();
    let csv = made.path("tracks.csv");
    // The dry planet has no mean sea level pressure, by which cyclones are found; a track over 180°, as `track` writes it.
    let fixes = [(0, 175.0, 1000.0), (6, 178.5, 994.0), (12, -178.0, 988.0), (18, -174.0, 991.0)];
    let line = |(hours, lon, pressure): &(u32, f64, f64)| {
        format!(
            "T001,,0001-01-01T00:00:00Z,0001-01-01T{hours:02}:00:00Z,{hours},20.0,{lon:.3},{pressure:.2},\n"
        )
    };
    let lines: String = fixes.iter().map(line).collect();
    std::fs::write(&csv, format!("{}\n{lines}", strata_earth::track::write::CSV_HEAD)).unwrap();
    let field = [made.one.as_str(), "--field", "sp", "--step", "24", "--tracks", &csv];
    let with = made.svg("tracks.svg", &field);
    let without = made.svg("plain.svg", &field[..5]);
    assert!(has(&texts(&with), "T001") && !has(&texts(&without), "T001"));
    assert!(with.matches("<path").count() > without.matches("<path").count());
    assert!(!made.drawn("tracks.png", &["--tracks", &csv]).is_empty(), "of tracks alone too");
}

#[test]
fn verification_draws_every_figure() {
    let made = made();
    let folder = made.path("charts");
    let truth = ["--truth", "datasets/weather/truth.nc", "--resamples", "50", "-q"];
    let more = ["--climatology", "datasets/weather/climatology.nc", "--spectra", "--plot", &folder];
    succeeds(&[&["verify", &made.ensemble], &truth[..], &more].concat());
    let read = |name: &str| std::fs::read_to_string(Path::new(&folder).join(name)).unwrap();
    let words = texts(&read("z-500_hPa-rmse.svg"));
    assert!(has(&words, "z 500 hPa: rmse") && has(&words, "lead time (h)"), "{words:?}");
    assert!(has(&texts(&read("t-850_hPa-spectrum-12h.svg")), "wavelength (km)"));
    let ranks = std::fs::read_dir(&folder).unwrap().filter_map(Result::ok);
    let ranks = ranks.filter(|entry| entry.file_name().to_string_lossy().contains("-ranks-"));
    assert!(ranks.count() > 0, "an ensemble has rank histograms");
    // One page shows them all.
    let page = read("index.html");
    assert!(page.contains("z-500_hPa-rmse.svg") && page.contains("<table"), "{page}");
    assert!(!page.contains("http"), "the page needs nothing from elsewhere");
}

#[test]
fn what_is_not_there_is_answered_with_what_is() {
    let made = made();
    let plot = |more: &[&str]| fails(&[&["plot", &made.one], more].concat());
    let out = made.path("never.png");
    for (more, wanted) in [
        (vec!["--field", "q@500"], "there are sp, t, u, v, z"),
        (vec!["--field", "t@123"], "t is at"),
        (vec!["--field", "t"], "say which with --level"),
        (vec!["--field", "t@850", "--step", "7"], "(+24 h)"),
        (vec!["--field", "t@850", "--palette", "rainbow"], "sequential"),
        (vec!["--field", "t@850", "--projection", "conic"], "lambert"),
        (vec!["--field", "t@850", "--area", "1/2/3"], "1/2/3"),
        (vec!["--field", "t@850", "--range", "5,1"], "-40,40"),
        (vec!["--field", "t@850", "--member", "3"], "no member 3"),
        (vec![], "--field"),
    ] {
        let said = plot(&[&more[..], &["--out", &out]].concat());
        assert!(said.contains(wanted), "{more:?}: {said}");
    }
    assert!(plot(&["--field", "t@850", "--out", "x.jpg"]).contains(".png, .svg or .gif"));
    assert!(!Path::new(&out).exists());
}
