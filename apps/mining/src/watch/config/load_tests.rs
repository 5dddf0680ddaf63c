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
