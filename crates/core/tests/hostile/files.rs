//! Files that aren't what the card says: links, other sizes, other bytes, absent ones.

use std::fs;
use std::path::PathBuf;

use strata_core::card::{CardError, ModelCard};
use strata_core::paths::SearchPath;
use strata_core::verify::{
    FileKind, Limits, VerifiedModel, VerifyError, read_file, verify, verify_all,
};
use strata_testkit::{CardSpec, models, write_card};
use tempfile::TempDir;

use crate::verify_in;

/// A good model with external data: its models folder, and its own folder.
fn good() -> (TempDir, PathBuf) {
    let models = tempfile::tempdir().unwrap();
    let model = models::linear_external(&[1.0, 2.0], &[0.5], "w.bin");
    let dir = write_card(models.path(), &CardSpec::new("m").golden("{}"), &model).unwrap();
    (models, dir)
}

#[track_caller]
fn file_kind(result: Result<VerifiedModel, VerifyError>) -> FileKind {
    match result {
        Err(VerifyError::File { source, .. }) => source.kind,
        Err(other) => panic!("refused for another reason: {other}"),
        Ok(_) => panic!("accepted"),
    }
}

#[test]
fn a_good_model_comes_back_as_the_bytes_that_were_hashed() {
    let (models, dir) = good();
    let verified = verify_in(models.path()).unwrap();
    assert_eq!(&*verified.file, fs::read(dir.join("m.onnx")).unwrap());
    assert_eq!(verified.file.sha256, strata_testkit::sha256_hex(&verified.file));
    assert_eq!(&*verified.external["w.bin"], fs::read(dir.join("w.bin")).unwrap());
    let names: Vec<_> = verified.tensors.iter().map(|t| (t.name.as_str(), t.offset)).collect();
    assert_eq!(names, [("W", 0), ("b", 8)]);
    assert_eq!(verified.tensor_data(&verified.tensors[1]).unwrap(), 0.5_f32.to_le_bytes());
}

#[test]
#[cfg(unix)]
fn symbolic_links_are_refused() {
    for name in ["m.onnx", "w.bin"] {
        let (models, dir) = good();
        let elsewhere = models.path().join("elsewhere");
        fs::rename(dir.join(name), &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, dir.join(name)).unwrap();
        assert!(matches!(file_kind(verify_in(models.path())), FileKind::SymbolicLink), "{name}");
        fs::remove_file(&elsewhere).unwrap();
        let dangling = file_kind(verify_in(models.path()));
        assert!(matches!(dangling, FileKind::SymbolicLink), "{name}");
    }
}

#[test]
#[cfg(unix)]
fn hard_links_are_refused_and_the_remedy_works() {
    for name in ["m.onnx", "w.bin"] {
        let (models, dir) = good();
        let file = dir.join(name);
        fs::hard_link(&file, models.path().join("other name")).unwrap();
        let error = verify_in(models.path()).unwrap_err();
        assert!(error.to_string().contains("cp FILE FILE.copy"), "{error}");
        assert!(matches!(file_kind(Err(error)), FileKind::HardLink { names: 2 }), "{name}");
        let copy = dir.join("copy");
        fs::copy(&file, &copy).unwrap();
        fs::rename(&copy, &file).unwrap();
        verify_in(models.path()).unwrap();
    }
}

#[test]
#[cfg(unix)]
fn pipes_and_folders_are_refused_without_waiting() {
    let (models, dir) = good();
    let file = dir.join("m.onnx");
    fs::remove_file(&file).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&file).status().unwrap();
    assert!(made.success());
    assert!(matches!(file_kind(verify_in(models.path())), FileKind::NotRegular));
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert!(matches!(file_kind(verify_in(models.path())), FileKind::NotRegular));
}

#[test]
fn another_size_is_refused() {
    for name in ["m.onnx", "w.bin"] {
        let (models, dir) = good();
        let mut bytes = fs::read(dir.join(name)).unwrap();
        let expected = bytes.len() as u64;
        bytes.push(0);
        fs::write(dir.join(name), &bytes).unwrap();
        let kind = file_kind(verify_in(models.path()));
        assert!(
            matches!(kind, FileKind::Size { expected: e, found } if e == expected && found == e + 1),
            "{name}: {kind}"
        );
    }
}

#[test]
fn one_other_bit_is_refused() {
    for name in ["m.onnx", "w.bin"] {
        let (models, dir) = good();
        let mut bytes = fs::read(dir.join(name)).unwrap();
        bytes[3] ^= 0x10;
        fs::write(dir.join(name), &bytes).unwrap();
        let kind = file_kind(verify_in(models.path()));
        let right = strata_testkit::sha256_hex(&bytes);
        assert!(matches!(kind, FileKind::Digest { found, .. } if found == right), "{name}");
    }
}

#[test]
fn a_size_beyond_the_cap_is_refused_before_reading() {
    let (models, _) = good();
    let search = SearchPath::only(models.path());
    let card = ModelCard::find("m", &search).unwrap();
    let limits = Limits { model_bytes: 16, ..Limits::default() };
    let kind = file_kind(verify(&card, &card.variants[0], &search, &limits));
    assert!(matches!(kind, FileKind::TooLarge { limit: 16, .. }), "{kind}");
    let limits = Limits { external_bytes: 4, ..Limits::default() };
    let kind = file_kind(verify(&card, &card.variants[0], &search, &limits));
    assert!(matches!(kind, FileKind::TooLarge { bytes: 12, limit: 4 }), "{kind}");
}

#[test]
fn an_absent_file_says_how_to_fetch_it() {
    for name in ["m.onnx", "w.bin"] {
        let (models, dir) = good();
        fs::remove_file(dir.join(name)).unwrap();
        let error = verify_in(models.path()).unwrap_err();
        assert!(error.to_string().contains("models fetch m"), "{error}");
        assert!(
            matches!(&error, VerifyError::Card(CardError::FileAbsent { file, .. }) if file == name),
            "{error}"
        );
    }
}

#[test]
fn fetched_files_are_found_in_the_cache_by_digest() {
    let (models, dir) = good();
    let cache = tempfile::tempdir().unwrap();
    let search =
        SearchPath { models: vec![models.path().to_owned()], cache: Some(cache.path().to_owned()) };
    let card = ModelCard::find("m", &search).unwrap();
    for file in &card.files {
        let cached = search.cached_file(&file.sha256, &file.path).unwrap();
        fs::create_dir_all(cached.parent().unwrap()).unwrap();
        fs::rename(dir.join(&file.path), &cached).unwrap();
    }
    let verified = verify(&card, &card.variants[0], &search, &Limits::default()).unwrap();
    assert_eq!(verified.external.len(), 1);
    assert_eq!(&*read_file(&card, "golden.json", &search, &Limits::default()).unwrap(), b"{}");
}

#[test]
fn every_file_of_a_card_is_judged_by_itself() {
    let (models, dir) = good();
    fs::write(dir.join("golden.json"), "[]").unwrap();
    let search = SearchPath::only(models.path());
    let card = ModelCard::find("m", &search).unwrap();
    let results: Vec<(String, bool)> = verify_all(&card, &search, &Limits::default())
        .map(|(file, result)| (file.path.clone(), result.is_ok()))
        .collect();
    let expected = [("m.onnx", true), ("w.bin", true), ("golden.json", false)];
    assert_eq!(results, expected.map(|(name, ok)| (name.to_owned(), ok)));
}
