//! The server answers as Open-Meteo's clients expect it: values, members, units, days, refusals; and runs forecasts as jobs.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use strata_earth::field::Header;
use strata_earth::grid::Grid;
use strata_earth::level::Level;
use strata_earth::netcdf::Writer;
use strata_earth::sink::{Plan, Planned, Sink};
use strata_earth::time::{HOUR, Time};
use strata_testkit::serve::{Server, program, text};

const PLANET: &str = "idealised-dry-planet";

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/earth/tests/fixtures/models")
}

/// Writes a file whose values are `value(variable, member, step in hours, latitude, longitude)`.
fn write(path: &Path, plan: &Plan, value: impl Fn(&Planned, Level, u32, f64, (f64, f64)) -> f64) {
    let mut sink = Writer::create(path, plan, Default::default()).unwrap();
    for member in 0..plan.members.unwrap_or(1) {
        for step in &plan.steps {
            for planned in &plan.variables {
                for level in &planned.levels {
                    let hours = *step as f64 / HOUR as f64;
                    let at =
                        |point| value(planned, *level, member, hours, plan.grid.at(point)) as f32;
                    let values: Vec<f32> = (0..plan.grid.len()).map(at).collect();
                    let header = Header {
                        variable: planned.variable.clone(),
                        level: *level,
                        reference: plan.reference,
                        step: *step,
                        member: plan.members.map(|_| member),
                        unit: planned.unit.clone(),
                        grid: Arc::clone(&plan.grid),
                        attributes: BTreeMap::new(),
                    };
                    sink.write(&header, &values).unwrap();
                }
            }
        }
    }
    Box::new(sink).finish().unwrap();
}

fn plan(
    family: &str,
    planet: &str,
    members: Option<u32>,
    variables: &[(&str, &str, Level)],
) -> Plan {
    let planned = |(name, unit, level): &(&str, &str, Level)| Planned {
        variable: (*name).to_owned(),
        unit: (*unit).to_owned(),
        levels: vec![*level],
    };
    Plan {
        grid: Arc::new(Grid::regular(19, 36)),
        reference: Time::from_date(2024, 5, 1).unwrap(),
        steps: (0..=8).map(|step| step * 6 * HOUR).collect(),
        members,
        variables: variables.iter().map(planned).collect(),
        attributes: BTreeMap::from([
            ("planet".to_owned(), planet.to_owned()),
            ("model_family".to_owned(), family.to_owned()),
        ]),
    }
}

/// Linear in latitude and time, so that every value is known.
fn forecasts(folder: &Path) {
    let ground = Level::height(10.0);
    let earth = [
        ("2t", "K", Level::height(2.0)),
        ("msl", "Pa", Level::MEAN_SEA),
        ("10u", "m s-1", ground),
        ("10v", "m s-1", ground),
    ];
    let earth = plan("try-earth", "earth", Some(3), &earth);
    write(&folder.join("earth.nc"), &earth, |planned, _, member, hours, (lat, _)| {
        match planned.variable.as_str() {
            "2t" => 273.15 + lat / 10.0 + hours + f64::from(member) * 100.0,
            "msl" => 100_000.0 + hours * 10.0,
            "10u" => 3.0,
            _ => 4.0,
        }
    });
    let p500 = Level::pressure(500.0);
    let dry = plan("dry-planet", PLANET, None, &[("z", "m2 s-2", p500), ("t", "K", p500)]);
    write(&folder.join("dry.nc"), &dry, |planned, _, _, hours, _| {
        if planned.variable == "z" { 9.80665 * 5500.0 } else { 250.0 + hours }
    });
}

fn start(data: &Path, more: &[&str]) -> Server {
    let jobs = data.with_extension("jobs");
    let models = models();
    let args = [
        "--weather-data",
        text(data),
        "--models-dir",
        text(&models),
        "--jobs-dir",
        text(&jobs),
        "--weather-rescan-s",
        "1",
    ];
    Server::start(program(env!("CARGO_BIN_EXE_strata-weather")), &[&args, more].concat())
}

#[test]
fn values_are_those_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    forecasts(&data);
    let server = start(&data, &[]);
    let base = "/v1/forecast?latitude=35&longitude=116.4&models=try-earth";
    let reply = server.get(&format!(
        "{base}&hourly=temperature_2m,pressure_msl,wind_speed_10m&hourly=wind_direction_10m&daily=temperature_2m_max,wind_direction_10m_dominant&current=temperature_2m&timezone=Asia/Shanghai&forecast_days=3"
    ));
    let reply = reply.expect(200).json();
    assert_eq!(
        (&reply["utc_offset_seconds"], &reply["timezone_abbreviation"]),
        (&28_800.into(), &"GMT+8".into())
    );
    let hourly = &reply["hourly"];
    assert_eq!(hourly["time"].as_array().unwrap().len(), 72);
    assert_eq!(hourly["time"][8], "2024-05-01T08:00");
    assert!(hourly["temperature_2m"][7].is_null(), "before the run begins");
    // 00 UTC is 8 h of the day; 13 UTC lies between two steps.
    for (at, hours) in [(8, 0.0), (21, 13.0), (56, 48.0)] {
        let value = hourly["temperature_2m"][at].as_f64().unwrap();
        assert!((value - (3.5 + hours)).abs() < 1e-4, "{value}");
        let value = hourly["pressure_msl"][at].as_f64().unwrap();
        assert!((value - (1000.0 + hours / 10.0)).abs() < 1e-3, "{value}");
    }
    assert!(hourly["temperature_2m"][57].is_null(), "after its end");
    let near = |value: &serde_json::Value, to: f64| (value.as_f64().unwrap() - to).abs() < 1e-3;
    assert!(
        near(&hourly["wind_speed_10m"][8], 18.0)
            && near(&hourly["wind_direction_10m"][8], 216.8699)
    );
    assert_eq!(reply["hourly_units"]["wind_speed_10m"], "km/h");
    // The second day alone has all its hours.
    let max = &reply["daily"]["temperature_2m_max"];
    assert!(max[0].is_null() && max[2].is_null() && near(&max[1], 3.5 + 39.0), "{max}");
    assert!(near(&reply["daily"]["wind_direction_10m_dominant"][1], 216.8699));
    assert!(near(&reply["current"]["temperature_2m"], 3.5));

    let ensemble = base.replace("forecast", "ensemble");
    let reply = server.get(&format!("{ensemble}&hourly=temperature_2m&temperature_unit=fahrenheit&timeformat=unixtime&start_hour=2024-05-01T06:00&end_hour=2024-05-01T06:00"));
    let reply = reply.expect(200).json();
    assert_eq!(reply["hourly"]["time"][0], 1_714_543_200);
    assert!(near(&reply["hourly"]["temperature_2m"][0], 9.5 * 1.8 + 32.0));
    assert!(near(&reply["hourly"]["temperature_2m_member02"][0], 209.5 * 1.8 + 32.0));

    let several = "/v1/forecast?latitude=0,10&longitude=20,30&hourly=temperature_2m&models=try-earth&forecast_days=1";
    let reply = server.get(several).expect(200).json();
    assert_eq!((reply.as_array().unwrap().len(), &reply[1]["location_id"]), (2, &1.into()));
    let csv = server.get(&format!("{several}&format=csv")).expect(200);
    assert!(csv.content_type.starts_with("text/csv"));
    let csv = csv.text();
    assert!(csv.contains("location_id,time,temperature_2m (°C)\n0,2024-05-01T00:00,"), "{csv}");
    let flat = server.get(&format!("{several}&format=flatbuffers")).expect(200).body;
    let size = u32::from_le_bytes(flat[..4].try_into().unwrap()) as usize;
    let next = u32::from_le_bytes(flat[4 + size..8 + size].try_into().unwrap()) as usize;
    assert_eq!(flat.len(), 8 + size + next, "two messages, each after its size");
}

#[test]
fn refusals_and_the_other_planet() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let server = start(&data, &[]);
    let place = "/v1/forecast?latitude=1&longitude=2";
    let reply = server.get(&format!("{place}&hourly=temperature_2m")).expect(503).json();
    assert_eq!(reply["error"], true);
    // Files that come are served, without a restart.
    forecasts(&data);
    server.until("both models", |server| {
        server.get("/v1/models").json()["models"].as_array().unwrap().len() == 2
    });
    for (query, words) in [
        ("&hourly=rain&models=try-earth", "rain is no variable of try-earth"),
        (
            "&hourly=temperature_2m&models=dry-planet",
            "it has temperature_500hPa, geopotential_height_500hPa",
        ),
        ("&daily=sunrise&models=try-earth", "sunrise"),
        ("&hourly=temperature_2m&models=gfs_seamless", "there are dry-planet, try-earth"),
        ("&hourly=temperature_2m&models=try-earth&timezone=Mars/Base", "IANA"),
        ("&hourly=temperature_2m&models=try-earth&forecast_days=400", "forecast_days"),
        ("&hourly=temperature_2m&models=try-earth&start_date=2024-05-01", "end_date"),
        ("&hourly=temperature_2m&models=try-earth&wind_speed_unit=furlongs", "kmh, ms, mph, kn"),
        ("&hourly=temperature_2m&models=try-earth&colour=red", "colour"),
        ("&hourly=temperature_2m&latitude=99&longitude=0", "latitude"),
    ] {
        let reply = server.get(&format!("{place}{query}")).expect(400).json();
        let reason = reply["reason"].as_str().unwrap();
        assert!(reply["error"] == true && reason.contains(words), "{query}: {reason}");
    }
    let reply = server.get(&format!("{place}&hourly=temperature_500hPa,geopotential_height_500hPa&models=dry-planet&timezone=Asia/Shanghai")).expect(200).json();
    assert_eq!((&reply["planet"], &reply["timezone"]), (&PLANET.into(), &"GMT".into()));
    assert!(reply["note"].as_str().unwrap().contains("not Earth weather"));
    assert_eq!(reply["hourly"]["geopotential_height_500hPa"][0], 5500.0);

    let map = "/v1/fields?model=dry-planet&variable=temperature_500hPa&step=12&columns=36";
    let field = server.get(map).expect(200).json();
    assert_eq!(
        (&field["columns"], &field["rows"], &field["valid"]),
        (&36.into(), &19.into(), &"2024-05-01T12:00:00Z".into())
    );
    assert!((field["values"][5].as_f64().unwrap() - (262.0 - 273.15)).abs() < 1e-4);
    let bytes = server.get(&format!("{map}&format=bin")).expect(200).body;
    let head = u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
    assert_eq!(bytes.len(), 4 + head + 4 * 36 * 19);
    server.get(&map.replace("step=12", "step=13")).problem(422, "invalid-value");
    assert!(
        server.get("/").expect(200).text().contains("coastlines")
            || server.get("/coastlines.bin").expect(200).body.len() > 10_000
    );
}

#[test]
fn a_body_asks_for_what_an_address_does() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    forecasts(&data);
    let server = start(&data, &[]);
    let form = "application/x-www-form-urlencoded";
    let values = |reply: &serde_json::Value| -> Vec<serde_json::Value> {
        let one = |place: &serde_json::Value| {
            serde_json::json!([
                place["latitude"],
                place["longitude"],
                place["hourly"],
                place["hourly_units"]
            ])
        };
        reply.as_array().map_or_else(|| vec![one(reply)], |places| places.iter().map(one).collect())
    };
    for kind in ["forecast", "ensemble"] {
        let path = format!("/v1/{kind}");
        let query = "latitude=10,-20.5&longitude=20,30&hourly=temperature_2m,wind_speed_10m&models=try-earth&forecast_days=2&wind_speed_unit=ms";
        let wanted = values(&server.get(&format!("{path}?{query}")).expect(200).json());
        assert_eq!(wanted.len(), 2);
        // As requests and niquests encode lists: the name again and again.
        let repeated = "latitude=10&latitude=-20.5&longitude=20&longitude=30&hourly=temperature_2m&hourly=wind_speed_10m&models=try-earth&forecast_days=2&wind_speed_unit=ms";
        for body in [query, repeated] {
            let reply = server.post(&path, form, body.as_bytes()).expect(200).json();
            assert!(values(&reply) == wanted, "{kind}: {body}");
        }
        let object = serde_json::json!({
            "latitude": [10, -20.5], "longitude": [20, 30], "hourly": ["temperature_2m", "wind_speed_10m"],
            "models": "try-earth", "forecast_days": 2, "wind_speed_unit": "ms",
        });
        assert!(values(&server.json(&path, &object).expect(200).json()) == wanted, "{kind}: JSON");
        let mixed = "latitude=10,-20.5&longitude=20,30";
        let rest = &query[mixed.len() + 1..];
        let reply = server.post(&format!("{path}?{rest}"), form, mixed.as_bytes()).expect(200);
        assert!(values(&reply.json()) == wanted, "{kind}: places in the body alone");
    }
    // More places than any address holds.
    let count = 1000;
    let list = |from: f64| {
        (0..count)
            .map(|at| format!("{:.4}", from + f64::from(at) * 0.05))
            .collect::<Vec<_>>()
            .join("%2C")
    };
    let body = format!(
        "latitude={}&longitude={}&hourly=temperature_2m&models=try-earth&forecast_days=1&format=flatbuffers",
        list(-25.0),
        list(0.0)
    );
    let flat = server.post("/v1/forecast", form, body.as_bytes()).expect(200).body;
    let (mut at, mut messages) = (0, 0);
    while at < flat.len() {
        at += 4 + u32::from_le_bytes(flat[at..at + 4].try_into().unwrap()) as usize;
        messages += 1;
    }
    assert_eq!((at, messages), (flat.len(), count));
    let reply =
        server.post("/v1/forecast", form, b"latitude=1&longitude=2&hourly=rain").expect(400);
    assert!(reply.json()["reason"].as_str().unwrap().contains("rain is no variable"));
    server.post("/v1/forecast", "text/csv", b"1,2").expect(415);
    server.post("/v1/forecast", "application/json", br#"{"latitude": {"a": 1}}"#).expect(400);
    let document = server.get("/openapi.json").expect(200).json();
    let content = &document["paths"]["/v1/forecast"]["post"]["requestBody"]["content"];
    assert!(content[form]["schema"].is_object() && content["application/json"].is_object());
    assert!(document["paths"]["/v1/map"]["get"]["responses"]["304"].is_object());
}

#[test]
fn maps_are_pictures_that_clients_may_keep() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    forecasts(&data);
    let server = start(&data, &[]);
    let map = "/v1/map?model=try-earth&field=2t&contour=msl&barbs=10m&step=12&bbox=70,-30,190,60&width=640";
    let png = server.get(map).expect(200);
    assert_eq!(png.content_type, "image/png");
    let number = |at: usize| u32::from_be_bytes(png.body[at..at + 4].try_into().unwrap());
    assert!(png.body.starts_with(b"\x89PNG") && number(16) == 640, "its width");
    assert!(server.get(map).expect(200).body == png.body, "the same bytes again");
    let known = |tag: &str| server.send("GET", map, &[("if-none-match", tag)], b"");
    let unchanged = known(&png.etag).expect(304);
    assert!(unchanged.body.is_empty() && unchanged.etag == png.etag);
    known("\"other\"").expect(200);
    let other = server.get(&map.replace("step=12", "step=18")).expect(200);
    assert!(other.etag != png.etag && other.body != png.body);
    let svg = server.get(&format!("{map}&format=svg")).expect(200);
    assert_eq!(svg.content_type, "image/svg+xml");
    let text = svg.text();
    for wanted in ["Valid Wed 2024-05-01 12:00 UTC", "°C", "try-earth", "180°", "every 4"] {
        assert!(text.contains(wanted), "{wanted}");
    }
    assert!(!text.contains("not Earth weather"));
    let dry = server.get("/v1/map?model=dry-planet&field=t@500&format=svg&projection=globe");
    assert!(dry.expect(200).text().contains("not Earth weather"));
    for (query, words) in [
        ("field=q@500", "there is no q; there are"),
        ("field=2t&step=7", "not when it was asked for"),
        ("field=2t&member=9", "no member 9"),
        ("field=2t&bbox=1,2,3", "west,south,east,north"),
        ("field=2t&width=9", "200 to 4000"),
        ("field=2t&palette=rainbow", "sequential"),
        ("field=2t&projection=conic", "lambert"),
        ("field=2t&format=gif", "neither png nor svg"),
        ("step=12", "say what to draw"),
        ("field=2t&run=2020-01-01T00:00", "no run of that time"),
    ] {
        let reply = server.get(&format!("/v1/map?model=try-earth&{query}")).expect(422).text();
        assert!(reply.contains(words), "{query}: {reply}");
    }
    // A file that is changed is another picture.
    std::thread::sleep(Duration::from_millis(20));
    forecasts(&data);
    server.until("the file is read again", |server| server.get(map).etag != png.etag);
}

#[test]
fn a_forecast_runs_as_a_job_and_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let pressures = [850.0, 500.0, 250.0].map(Level::pressure).to_vec();
    let mut analysis = plan(
        "made",
        PLANET,
        None,
        &[
            ("z", "m2 s-2", pressures[0]),
            ("t", "K", pressures[0]),
            ("msl", "Pa", Level::MEAN_SEA),
            ("2t", "K", Level::height(2.0)),
        ],
    );
    analysis.variables[0].levels.clone_from(&pressures);
    analysis.variables[1].levels.clone_from(&pressures);
    analysis.grid = Arc::new(Grid::regular(9, 16));
    analysis.steps = vec![0];
    let path = folder.path().join("analysis.nc");
    write(&path, &analysis, |planned, level, _, _, (lat, lon)| {
        let base = match (planned.variable.as_str(), level.value as u32) {
            ("z", 850) => 14_000.0,
            ("z", 500) => 55_812.0,
            ("z", _) => 104_462.0,
            ("t", 850) => 281.0,
            ("t", 500) => 256.0,
            ("t", _) => 221.0,
            ("msl", _) => 100_500.0,
            _ => 285.0,
        };
        // A field that is the same everywhere is refused.
        base + (lat.abs() + lon / 22.5) % 11.0
    });
    let server = start(&data, &[]);
    let families = server.get("/v1/models").expect(200).json()["families"].to_string();
    assert!(families.contains("\"shift\""), "{families}");
    let bytes = std::fs::read(&path).unwrap();
    let kind = "application/octet-stream";
    server.post("/v1/jobs/forecast?model=none", kind, &bytes).problem(422, "invalid-value");
    let ask = "/v1/jobs/forecast?model=shift&lead_time=48&filename=analysis.nc";
    let job = server.post(ask, kind, &bytes).expect(202).json();
    let address = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
    let started = Instant::now();
    let job = loop {
        let job = server.get(&address).expect(200).json();
        match job["state"].as_str().unwrap() {
            "done" => break job,
            "failed" | "cancelled" => panic!("{job}"),
            _ => assert!(started.elapsed() < Duration::from_secs(120), "{job}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(job["summary"]["planet"], PLANET);
    let file = server.get(&format!("{address}/files/forecast.nc")).expect(200).body;
    assert!(file.starts_with(b"\x89HDF"));
    let reply = server
        .get("/v1/forecast?latitude=0&longitude=0&hourly=temperature_850hPa&models=shift")
        .expect(200)
        .json();
    // The model moves fields by a column an hour, and adds 1 K a day.
    let value = reply["hourly"]["temperature_850hPa"][24].as_f64().unwrap();
    assert!((value - (281.0 + 8.0 + 1.0 - 273.15)).abs() < 1e-3, "{reply}");
}
