//! What a configuration is refused for, and in what words.

use super::*;

const GOOD: &str = r#"
[[camera]]
name = "north"
source = "belt.mp4"

[[scene]]
name = "belt"
model = "belt-damage"
rules = ["hole"]

[[rule]]
name = "hole"
classes = ["hole"]
zone = "belt"

[[zone]]
name = "belt"
polygon = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]
"#;

fn refusal(text: &str) -> String {
    let path = Path::new("watch.toml");
    match WatchConfig::parse(path, text).and_then(|config| config.checked(path)) {
        Ok(_) => panic!("taken: {text}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_small_configuration_is_enough() {
    let path = Path::new("watch.toml");
    let config = WatchConfig::parse(path, GOOD).unwrap().checked(path).unwrap();
    assert_eq!((config.cameras[0].fps, config.cameras[0].stall_seconds), (5.0, 20.0));
    assert_eq!(config.cameras_of(&config.scenes[0]), ["north"]);
    assert_eq!(config.outputs.journal.path, Path::new("events.sqlite"));
}

#[test]
fn unknown_keys_are_refused_with_place_and_the_name_meant() {
    let text = GOOD.replace("classes =", "clases =");
    let refused = refusal(&text);
    assert_eq!(refused, "watch.toml:13:1: there is no key `clases`; did you mean `classes`?");
    let refused =
        refusal(&format!("{GOOD}\n[outputs.mqtt]\nurl = \"mqtt://a\"\npassword = \"x\"\n"));
    assert!(
        refused.starts_with("watch.toml:22:1: ") && refused.contains("password_env"),
        "{refused}"
    );
    let refused =
        refusal(&format!("{GOOD}\n[[outputs.webhook]]\nurl = \"http://a\"\ntimout = 3\n"));
    assert!(refused.contains("did you mean `timeout`?"), "{refused}");
    let refused = refusal(&GOOD.replace("zone = \"belt\"", "when = \"dwel\""));
    assert!(refused.contains("did you mean `dwell`?"), "{refused}");
}

#[test]
fn contradictions_are_told_all_at_once() {
    let text = GOOD
        .replace("rules = [\"hole\"]", "rules = [\"holes\"]\ncameras = [\"nort\"]\nbank = \"b\"")
        .replace("zone = \"belt\"", "min_score = 1.5");
    let refused = refusal(&text);
    for part in [
        "there is no camera \"nort\"; did you mean \"north\"?",
        "there is no rule \"holes\"; did you mean \"hole\"?",
        "needs one of scenario, model, bank",
        "min_score is 1.5; it takes 0 to 1",
    ] {
        assert!(refused.contains(part), "{part} in {refused}");
    }
    let refused = refusal(&GOOD.replace("zone = \"belt\"", "zone = \"belt\"\nwhen = \"crossing\""));
    assert!(refused.contains("needs a line"), "{refused}");
    let refused = refusal(&GOOD.replace("zone = \"belt\"", "when = \"dwell\""));
    assert!(refused.contains("needs dwell"), "{refused}");
    let refused = refusal(&GOOD.replace("name = \"north\"", "name = \"a/b\""));
    assert!(refused.contains("letters, digits"), "{refused}");
}

#[test]
fn a_table_and_an_array_of_webhooks_are_the_same() {
    let path = Path::new("watch.toml");
    let one = format!("{GOOD}\n[outputs.webhook]\nurl = \"http://a\"\n");
    let many = format!("{GOOD}\n[[outputs.webhook]]\nurl = \"http://a\"\n");
    assert_eq!(WatchConfig::parse(path, &one).unwrap(), WatchConfig::parse(path, &many).unwrap());
}

#[test]
fn distance_is_levenshteins() {
    for (a, b, distance) in [("kitten", "sitting", 3), ("", "abc", 3), ("zone", "zone", 0)] {
        assert_eq!((edits(a, b), edits(b, a)), (distance, distance));
    }
    assert_eq!(nearest("colour", ["camera", "scene"]), None);
}

const EXAMPLE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/watch.example.toml"));

#[test]
fn the_example_is_taken() {
    let path = Path::new("watch.example.toml");
    let config = WatchConfig::parse(path, EXAMPLE).unwrap().checked(path).unwrap();
    assert_eq!((config.cameras.len(), config.scenes.len(), config.rules.len()), (2, 4, 8));
    // What it says of defaults is what they are.
    let bare = WatchConfig::parse(path, GOOD).unwrap();
    let (shown, real) = (&config.rules[0], &bare.rules[0]);
    assert_eq!((shown.min_score, shown.min_duration), (real.min_score, real.min_duration));
    assert_eq!((shown.cooldown, shown.end_after), (real.cooldown, real.end_after));
    assert_eq!((shown.update, shown.min_frames), (real.update, real.min_frames));
    assert_eq!(config.outputs.journal, bare.outputs.journal);
    assert_eq!(config.engine, bare.engine);
    assert_eq!(config.cameras[0].stall_seconds, bare.cameras[0].stall_seconds);
}

#[test]
fn the_example_shows_every_key() {
    let path = Path::new("watch.toml");
    let tables = [
        ("[engine]", ""),
        ("[[camera]]", "name = \"a\"\nsource = \"a\""),
        ("[[zone]]", "name = \"a\""),
        ("[[rule]]", "name = \"a\""),
        ("[[scene]]", "name = \"a\""),
        ("[scene.track]", ""),
        ("[outputs]", ""),
        ("[outputs.journal]", ""),
        ("[outputs.snapshots]", "dir = \"a\""),
        ("[outputs.clips]", "dir = \"a\""),
        ("[outputs.mqtt]", "url = \"a\""),
        ("[outputs.webhook]", "url = \"a\""),
    ];
    let mut keys = 0;
    for (table, needed) in tables {
        let table = table.replace("[scene.track]", "[[scene]]\nname = \"a\"\n[scene.track]");
        // A name so far from all that the refusal lists them.
        let text = format!("{table}\nzzzzzzzzzzzz_zzzzzzzzzzzz = 1\n{needed}\n");
        let refused = WatchConfig::parse(path, &text).unwrap_err().to_string();
        let known: Vec<&str> = refused.split('`').skip(3).step_by(2).collect();
        assert!(!known.is_empty(), "{table}: {refused}");
        for key in known {
            let shown = EXAMPLE.lines().any(|line| {
                let line = line.trim_start_matches("# ");
                line.starts_with(&format!("{key} ="))
                    || line.contains(&format!("{key} = "))
                    || line.contains(&format!("outputs.{key}]"))
            });
            assert!(shown, "{table}: {key} is not in the example");
            keys += 1;
        }
    }
    assert!(keys > 70, "{keys}");
}

#[test]
fn paths_start_from_the_files_folder() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("watch.toml");
    let outputs = "[outputs]\njsonl = \"e.jsonl\"\nclips = { dir = \"/clips\" }\n\
        [[camera]]\nname = \"far\"\nsource = \"rtsp://host/1\"\n";
    std::fs::write(&path, format!("{GOOD}\n{outputs}")).unwrap();
    let zone = "[[zone]]\nname = \"belt\"\npolygon = [[0.0, 0.0], [0.5, 0.0], [0.5, 0.5]]\n";
    std::fs::write(dir.path().join("watch.zones.toml"), zone).unwrap();
    let config = WatchConfig::read(&path).unwrap();
    assert_eq!(config.outputs.jsonl, Some(dir.path().join("e.jsonl")));
    assert_eq!(config.outputs.journal.path, dir.path().join("events.sqlite"));
    assert_eq!(config.outputs.clips.unwrap().dir, Path::new("/clips"));
    assert_eq!(Path::new(&config.cameras[0].source), dir.path().join("belt.mp4"));
    assert_eq!(config.cameras[1].source, "rtsp://host/1");
    // The zone drawn on the page is the one that counts.
    assert_eq!((config.zones.len(), config.zones[0].polygon.as_ref().unwrap()[1][0]), (1, 0.5));
}
