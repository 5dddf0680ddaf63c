//! Tests of keys and their file.

use std::fs;

use super::*;

fn new_key(name: &str) -> NewKey {
    NewKey {
        name: name.to_owned(),
        scopes: vec![Scope::Read, Scope::Infer],
        rate: Some(Rate { per_second: 50.0, burst: 100 }),
        priority: Priority::High,
        labels: Vec::new(),
    }
}

#[test]
fn labels_are_kept_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.toml");
    let labels = vec!["公安局".to_owned(), "a \"b\" \\".to_owned()];
    let token = create(&path, &NewKey { labels: labels.clone(), ..new_key("desk") }).unwrap();
    create(&path, &new_key("other")).unwrap();
    let ring = KeyRing::load(&path).unwrap();
    assert_eq!(ring.check(Some(&header(&token))).unwrap().labels, labels);
    for label in ["", " a", "a,b", "a\nb", "长".repeat(50).as_str()] {
        let key = NewKey { labels: vec![label.to_owned()], ..new_key("third") };
        assert!(matches!(create(&path, &key), Err(KeysError::Refused { .. })), "{label:?}");
    }
    remove(&path, "other").unwrap();
    assert_eq!(list(&path).unwrap()[0].labels, labels);
}

fn header(token: &str) -> String {
    format!("Bearer {token}")
}

#[test]
fn a_key_is_made_found_and_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.toml");
    let token = create(&path, &new_key("lab-1")).unwrap();
    let other = create(&path, &NewKey { rate: None, ..new_key("lab-2") }).unwrap();
    assert!(token.starts_with("strata_") && token.len() == 71 && token != other, "{token}");
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        !text.contains(&token[7..])
            && text.contains(&strata_core::verify::sha256_hex(token.as_bytes()))
    );

    let ring = KeyRing::load(&path).unwrap();
    let caller = ring.check(Some(&header(&token))).unwrap();
    assert_eq!((caller.name.as_str(), caller.priority), ("lab-1", Priority::High));
    assert_eq!(caller.rate, Some(Rate { per_second: 50.0, burst: 100 }));
    assert!(caller.has(Scope::Infer) && !caller.has(Scope::Admin));
    let second = ring.check(Some(&format!("bearer  {other}"))).unwrap();
    assert_eq!((second.name.as_str(), second.rate), ("lab-2", None));
    assert!(caller.id != second.id && caller.id != 0);
    assert_eq!(caller.id, KeyRing::load(&path).unwrap().check(Some(&header(&token))).unwrap().id);

    remove(&path, "lab-1").unwrap();
    let ring = KeyRing::load(&path).unwrap();
    assert_eq!(ring.check(Some(&header(&token))), Err(AuthError::Unknown));
    assert!(ring.check(Some(&header(&other))).is_ok());
    assert_eq!(list(&path).unwrap(), [second]);
    assert!(matches!(remove(&path, "lab-1"), Err(KeysError::Absent { .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside the file");
}

#[test]
fn absent_malformed_and_wrong_headers_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.toml");
    let token = create(&path, &new_key("lab")).unwrap();
    let ring = KeyRing::load(&path).unwrap();
    assert_eq!(ring.check(None), Err(AuthError::Missing));
    let long = header(&"a".repeat(5000));
    let bare = token.as_str();
    let basic = format!("Basic {token}");
    let two = format!("Bearer {token} {token}");
    for malformed in ["", "Bearer", "Bearer ", bare, &basic, &two, "Bearer ü", "Bearer a\tb", &long]
    {
        assert_eq!(ring.check(Some(malformed)), Err(AuthError::Malformed), "{malformed}");
    }
    let (upper, cut) = (header(&token.to_uppercase()), header(&token[..token.len() - 1]));
    for wrong in [&upper, &cut, &header(&token[7..]), "Bearer x"] {
        assert_eq!(ring.check(Some(wrong)), Err(AuthError::Unknown), "{wrong}");
    }
    assert!(AuthError::Unknown.challenge().contains("invalid_token"));
}

#[test]
fn without_a_file_of_keys_everybody_comes_in_but_only_with_control_as_admin() {
    for control in [false, true] {
        let caller = KeyRing::open(control).check(Some("Bearer whatever")).unwrap();
        assert_eq!((caller.id, caller.has(Scope::Admin)), (0, control));
        assert!(caller.has(Scope::Read) && caller.has(Scope::Jobs) && caller.rate.is_none());
    }
}

#[test]
fn a_file_of_no_keys_lets_nobody_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.toml");
    fs::write(&path, "").unwrap();
    let ring = KeyRing::load(&path).unwrap();
    assert_eq!(ring.check(None), Err(AuthError::Missing));
    assert_eq!(ring.check(Some("Bearer x")), Err(AuthError::Unknown));
    assert!(ring.is_empty() && ring.warnings().iter().any(|w| w.contains("holds no key")));
}

#[test]
fn what_cannot_be_a_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.toml");
    create(&path, &new_key("lab")).unwrap();
    let before = fs::read(&path).unwrap();
    let rate = Some(Rate { per_second: 0.0, burst: 1 });
    for key in [
        new_key("lab"),
        new_key(""),
        new_key("a b"),
        new_key("a\"\n[[key]]"),
        new_key(&"x".repeat(65)),
        NewKey { scopes: Vec::new(), ..new_key("other") },
        NewKey { rate, ..new_key("other") },
    ] {
        let refused = create(&path, &key);
        assert!(matches!(refused, Err(KeysError::Refused { .. })), "{key:?}: {refused:?}");
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_faulty_file_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.toml");
    let sha = "0".repeat(64);
    let key = format!("[[key]]\nname = \"a\"\nsha256 = \"{sha}\"\nscopes = [\"read\"]\n");
    for (text, line, told) in [
        (key.replace("\"read\"", "\"root\""), 4, "unknown variant `root`"),
        (key.replace(&sha, "00"), 3, "64 hexadecimal digits"),
        (key.replace('0', "g"), 3, "64 hexadecimal digits"),
        (format!("{key}{key}"), 6, "two keys \"a\""),
        (format!("{key}colour = 1\n"), 5, "unknown field `colour`"),
        (format!("{key}burst = 3\n"), 5, "burst needs per_second"),
        (format!("{key}per_second = -1.0\n"), 5, "above 0"),
        (key.replace("\"a\"", "\"a/b\""), 2, "a name is 1 to 64"),
        ("[[key]\n".to_owned(), 1, ""),
    ] {
        fs::write(&path, &text).unwrap();
        let message = KeyRing::load(&path).unwrap_err().to_string();
        assert!(message.starts_with(&format!("{}:{line}: ", path.display())), "{message}");
        assert!(message.contains(told), "{message}");
    }
    fs::write(&path, format!("{key}per_second = 7.5\n")).unwrap();
    assert_eq!(list(&path).unwrap()[0].rate, Some(Rate { per_second: 7.5, burst: 8 }));
    let missing = KeyRing::load(&folder.path().join("none.toml")).unwrap_err().to_string();
    assert!(missing.starts_with("cannot read the keys in "), "{missing}");
}

#[test]
fn comments_of_people_survive_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.toml");
    create(&path, &new_key("a")).unwrap();
    create(&path, &new_key("b")).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace("[[key]]\nname = \"b\"", "# The night shift.\n[[key]]\nname = \"b\"");
    fs::write(&path, &text).unwrap();
    create(&path, &new_key("c")).unwrap();
    remove(&path, "a").unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("# The night shift.\n[[key]]\nname = \"b\""), "{text}");
    let names = |path| list(path).unwrap().into_iter().map(|c| c.name).collect::<Vec<_>>();
    assert_eq!(names(&path), ["b", "c"]);
    // A file written another way is still changed rightly.
    let inline = format!(
        "key = [{{name = \"x\", sha256 = \"{0}\", scopes = []}},\n{{name = \"y\", sha256 = \"{0}\", \
         scopes = []}}]",
        "a".repeat(64)
    );
    fs::write(&path, inline).unwrap();
    create(&path, &new_key("z")).unwrap();
    remove(&path, "x").unwrap();
    assert_eq!(names(&path), ["y", "z"]);
}

#[test]
fn two_changes_at_a_time_lose_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = &folder.path().join("keys.toml");
    let made: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|n| scope.spawn(move || create(path, &new_key(&format!("k{n}"))).is_ok()))
            .collect();
        threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum()
    });
    assert!(made >= 1);
    assert_eq!(list(path).unwrap().len(), made);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_a_new_file_and_an_open_one_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.toml");
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    create(&path, &new_key("a")).unwrap();
    assert_eq!(mode(), 0o600);
    assert!(KeyRing::load(&path).unwrap().warnings().is_empty());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let warnings = KeyRing::load(&path).unwrap().warnings().join("");
    assert!(warnings.contains("mode 644") && warnings.contains("chmod 600"), "{warnings}");
    create(&path, &new_key("b")).unwrap();
    assert_eq!(mode(), 0o640, "the group keeps its access, others do not");
    let link = folder.path().join("link.toml");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    create(&link, &new_key("c")).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(list(&path).unwrap().len(), 3);
}
