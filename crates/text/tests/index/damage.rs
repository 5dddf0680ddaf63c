//! Files that are not what was written: an error that names the file, never a panic or a wrong answer in silence.

use std::fs;
use std::path::Path;

use strata_testkit::kill::Dice;
use strata_text::index::{Filter, Index, IndexError, Query, Viewer};

use super::support::{DIM, below, day, document, index_of, query, vector};

/// Everything an index can be asked.
fn use_all(dir: &Path, seed: u64) -> Result<(), IndexError> {
    let index = Index::open(dir)?;
    let snapshot = index.snapshot();
    let mut filter = Filter::new(Viewer::everything(), day(50));
    filter.include_not_in_force = true;
    let asked = vector(&mut Dice::new(seed));
    let all =
        Query { top: 1000, depth: 1000, ..query("劳动合同法规定", Some(&asked), &filter) };
    for hit in snapshot.search(&all)? {
        snapshot.document(&hit.doc, &Viewer::everything())?;
    }
    let mut writer = index.writer()?;
    writer.put(&document(500))?;
    writer.compact()?;
    Ok(())
}

fn segment(dir: &Path) -> std::path::PathBuf {
    let mut all = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    all.find(|path| path.extension().is_some_and(|e| e == "seg")).unwrap()
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(to).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_changed_byte_is_noticed_or_means_nothing() {
    let good = tempfile::tempdir().unwrap();
    drop(index_of(good.path(), 0..20));
    let wanted = {
        let dir = tempfile::tempdir().unwrap();
        copy(good.path(), dir.path());
        use_all(dir.path(), 1).unwrap();
        Index::open(dir.path()).unwrap().snapshot().digest()
    };
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice::new(31);
    let (mut noticed, rounds) = (0, 400);
    for _ in 0..rounds {
        copy(good.path(), dir.path());
        let path = segment(dir.path());
        let mut bytes = fs::read(&path).unwrap();
        let at = below(&mut dice, bytes.len() as u64) as usize;
        bytes[at] ^= 1 << below(&mut dice, 8);
        fs::write(&path, &bytes).unwrap();
        match use_all(dir.path(), 1) {
            Err(IndexError::Damaged { path: named, .. }) => {
                assert!(named.starts_with(dir.path()));
                noticed += 1;
            }
            Err(other) => panic!("byte {at}: {other}"),
            // Between sections.
            Ok(()) => assert_eq!(Index::open(dir.path()).unwrap().snapshot().digest(), wanted),
        }
    }
    assert!(noticed > rounds * 8 / 10, "{noticed} of {rounds}");
}

/// Vectors are not read when an index is opened; a wrong one that is used is noticed all the same.
#[test]
fn wrong_vectors_are_noticed_by_search() {
    let dir = tempfile::tempdir().unwrap();
    let index = index_of(dir.path(), 0..20);
    let units = index.snapshot().stats().units;
    drop(index);
    let path = segment(dir.path());
    let mut bytes = fs::read(&path).unwrap();
    // The 32-bit rows are the last section: behind them come padding, the table and the trailer.
    let first = document((0..20).find(|n| !document(*n).document.units.is_empty()).unwrap());
    let row: Vec<u8> =
        first.vectors.unwrap()[..DIM].iter().flat_map(|number| number.to_le_bytes()).collect();
    let at = bytes.windows(row.len()).position(|window| window == row).unwrap();
    for number in 0..units.min(5) * DIM {
        bytes[at + number * 4 + 3] ^= 0x80;
    }
    fs::write(&path, &bytes).unwrap();
    let index = Index::open(dir.path()).unwrap();
    let mut filter = Filter::new(Viewer::everything(), day(50));
    filter.include_not_in_force = true;
    let asked = vector(&mut Dice::new(1));
    let all = Query { top: 1000, depth: 1000, ..query("劳动", Some(&asked), &filter) };
    let found = index.snapshot().search(&all);
    assert!(matches!(found, Err(IndexError::Damaged { .. })), "{found:?}");
    assert!(index.snapshot().verify().is_err());
}

#[test]
fn missing_and_foreign_files_are_told() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Index::open(dir.path()), Err(IndexError::NotAnIndex(_))));
    assert!(matches!(Index::open(&dir.path().join("no")), Err(IndexError::NotAnIndex(_))));
    drop(index_of(dir.path(), 0..5));
    let path = segment(dir.path());
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(matches!(Index::open(dir.path()), Err(IndexError::Damaged { .. })));
    fs::write(&path, vec![b'x'; whole.len()]).unwrap();
    assert!(matches!(Index::open(dir.path()), Err(IndexError::Damaged { .. })));
    fs::remove_file(&path).unwrap();
    let missing = Index::open(dir.path());
    assert!(matches!(&missing, Err(IndexError::Io { path: named, .. }) if *named == path));
    fs::write(dir.path().join("index.manifest"), "hello").unwrap();
    assert!(matches!(Index::open(dir.path()), Err(IndexError::Damaged { .. })));
}
