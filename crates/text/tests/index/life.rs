//! Documents come, change and go; commits, merges, other processes' readers; what does not depend on how it came about.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use strata_testkit::kill::Dice;
use strata_text::index::{Filter, Index, IndexConfig, IndexError, Prepared, Viewer};

use super::support::{below, config, day, document, index_of, query, tight, vector, words};

fn everything() -> Filter {
    let mut filter = Filter::new(Viewer::everything(), day(50));
    filter.include_not_in_force = true;
    filter
}

/// The order, the commits, what was there before and the merges leave no trace.
#[test]
fn the_same_documents_are_the_same_index() {
    let dir = tempfile::tempdir().unwrap();
    let plain = index_of(dir.path(), 0..80).snapshot();
    for seed in 1..6 {
        let mut dice = Dice::new(seed);
        let dir = tempfile::tempdir().unwrap();
        let index = Index::create(dir.path(), &config()).unwrap();
        let mut numbers: Vec<u64> = (0..80).collect();
        for at in (1..80).rev() {
            numbers.swap(at, below(&mut dice, at as u64 + 1) as usize);
        }
        let mut writer = index.writer_with(tight()).unwrap();
        for number in numbers {
            // Something else under the same identifier first, and something that goes again.
            if below(&mut dice, 3) == 0 {
                let mut other = document(number + 1000);
                other.document.id = document(number).document.id;
                writer.put(&other).unwrap();
            }
            if below(&mut dice, 4) == 0 {
                writer.commit().unwrap();
            }
            if below(&mut dice, 20) == 0 {
                drop(writer);
                // What was not committed is put again, as a caller would who looks at the digests.
                writer = index.writer_with(tight()).unwrap();
            }
            writer.put(&document(number + 500)).unwrap();
            writer.put(&document(number)).unwrap();
            assert_eq!(writer.delete(&[document(number + 500).document.id]), 1);
        }
        for number in 0..80 {
            let prepared = document(number);
            if writer.source_digest(&prepared.document.id) != Some(prepared.digest) {
                writer.put(&prepared).unwrap();
            }
        }
        writer.delete(&(500..580).map(|n| document(n).document.id).collect::<Vec<_>>());
        writer.commit().unwrap();
        let snapshot = index.snapshot();
        assert_eq!(snapshot.digest(), plain.digest(), "seed {seed}");
        let (text, asked) = (words(&mut dice, 8), vector(&mut dice));
        let query = query(&text, Some(&asked), &everything());
        assert_eq!(snapshot.search(&query).unwrap(), plain.search(&query).unwrap());
        writer.compact().unwrap();
        let compact = index.snapshot();
        assert_eq!(compact.digest(), plain.digest(), "seed {seed}");
        assert_eq!((compact.stats().segments, compact.stats().deleted), (1, 0));
        assert_eq!(compact.search(&query).unwrap(), plain.search(&query).unwrap());
        compact.verify().unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    assert_ne!(index_of(dir.path(), 0..79).snapshot().digest(), plain.digest());
}

#[test]
fn digests_see_every_change() {
    let digest = |change: &dyn Fn(&mut Prepared)| {
        let dir = tempfile::tempdir().unwrap();
        let index = Index::create(dir.path(), &config()).unwrap();
        let mut writer = index.writer().unwrap();
        let number = (0..).find(|n| document(*n).document.units.len() > 2).unwrap();
        let mut prepared = document(number);
        change(&mut prepared);
        writer.put(&prepared).unwrap();
        writer.commit().unwrap();
        index.snapshot().digest()
    };
    let plain = digest(&|_| ());
    assert_eq!(plain, digest(&|_| ()));
    let changes: [&dyn Fn(&mut Prepared); 6] = [
        &|p| p.document.labels.push("x".into()),
        &|p| p.document.units[1].validity = Some(Default::default()),
        &|p| p.document.text.push('x'),
        &|p| p.document.title.push('x'),
        &|p| p.vectors.as_mut().unwrap()[3] += 1e-6,
        &|p| p.document.validity.from = Some(day(1)),
    ];
    for (at, change) in changes.iter().enumerate() {
        assert_ne!(digest(change), plain, "change {at}");
    }
}

#[test]
fn what_is_deleted_is_gone_at_once_and_its_bytes_when_compacted() {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::create(dir.path(), &config()).unwrap();
    let mut writer = index.writer().unwrap();
    for number in 0..40 {
        writer.put(&document(number)).unwrap();
    }
    // Text that deflating leaves as it is would be found in the file.
    let mut secret = document(41);
    secret.document.id = "秘密文件".into();
    writer.put(&secret).unwrap();
    writer.commit().unwrap();
    let before = index.snapshot();
    assert_eq!(writer.delete(&["秘密文件", "没有"]), 1);
    assert!(index.snapshot().summary("秘密文件", &Viewer::everything()).is_some());
    writer.commit().unwrap();
    let after = index.snapshot();
    assert_eq!(after.document("秘密文件", &Viewer::everything()).unwrap(), None);
    assert_eq!((after.stats().documents, after.stats().deleted), (40, 1));
    let all = |id: &str| id == "秘密文件";
    let mut query = query("劳动合同", None, &everything());
    query.top = 1000;
    assert!(after.search(&query).unwrap().iter().all(|hit| !all(&hit.doc)));
    // A snapshot that someone holds stays whole.
    assert!(before.document("秘密文件", &Viewer::everything()).unwrap().is_some());
    writer.compact().unwrap();
    assert_eq!(index.snapshot().stats().deleted, 0);
    let row: Vec<u8> =
        secret.vectors.unwrap().iter().flat_map(|number| number.to_le_bytes()).collect();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(row.is_empty() || !bytes.windows(row.len()).any(|window| window == row));
    }
    assert_eq!(after.digest(), index.snapshot().digest());
}

#[test]
fn one_writer_and_readers_of_other_processes() {
    let dir = tempfile::tempdir().unwrap();
    let index = index_of(dir.path(), 0..10);
    assert!(matches!(Index::create(dir.path(), &config()), Err(IndexError::Exists(_))));
    let other = Index::open(dir.path()).unwrap();
    let mut writer = index.writer().unwrap();
    assert!(matches!(other.writer(), Err(IndexError::Locked(_))));
    writer.put(&document(20)).unwrap();
    assert!(!other.refresh().unwrap());
    let generation = writer.commit().unwrap();
    assert_eq!(writer.commit().unwrap(), generation);
    assert_eq!(other.snapshot().generation() + 1, generation);
    assert!(other.refresh().unwrap() && !other.refresh().unwrap());
    assert_eq!(other.snapshot().digest(), index.snapshot().digest());
    drop(writer);
    // The other's writer begins at the newest commit.
    let mut writer = other.writer().unwrap();
    writer.put(&document(21)).unwrap();
    writer.commit().unwrap();
    assert_eq!(other.snapshot().stats().documents, 12);
}

#[test]
fn readers_go_on_while_a_writer_commits() {
    let dir = tempfile::tempdir().unwrap();
    let index = index_of(dir.path(), 0..30);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let other = Index::open(dir.path()).unwrap();
            let mut rounds = 0;
            while !stop.load(Ordering::Relaxed) || rounds == 0 {
                other.refresh().unwrap();
                for snapshot in [index.snapshot(), other.snapshot()] {
                    let hits = snapshot.search(&query("劳动合同法", None, &everything())).unwrap();
                    for hit in hits {
                        let read = snapshot.document(&hit.doc, &Viewer::everything()).unwrap();
                        assert!(read.unwrap().units.len() > hit.unit);
                    }
                }
                rounds += 1;
            }
        });
        let mut writer = index.writer_with(tight()).unwrap();
        for number in 0..120 {
            writer.put(&document(number)).unwrap();
            writer.delete(&[document(number / 2).document.id]);
            writer.commit().unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
}

#[test]
fn documents_that_cannot_be_taken_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::create(dir.path(), &config()).unwrap();
    let mut writer = index.writer().unwrap();
    let suits = |n: &u64| {
        let document = document(*n).document;
        document.units.len() > 1 && !document.text.is_char_boundary(1)
    };
    let number = (0..).find(suits).unwrap();
    let wrong: [&dyn Fn(&mut Prepared); 6] = [
        &|p| p.document.id.clear(),
        &|p| p.document.units[1].span.end += 10_000,
        &|p| p.document.units[0].span.start = 1,
        &|p| p.vectors = None,
        &|p| p.vectors.as_mut().unwrap().push(0.0),
        &|p| p.vectors.as_mut().unwrap()[0] = f32::NAN,
    ];
    for (at, change) in wrong.iter().enumerate() {
        let mut prepared = document(number);
        change(&mut prepared);
        assert!(matches!(writer.put(&prepared), Err(IndexError::Document { .. })), "{at}");
    }
    writer.put(&document(number)).unwrap();
    writer.commit().unwrap();
    assert_eq!(index.snapshot().stats().documents, 1);
    let dir = tempfile::tempdir().unwrap();
    let index = Index::create(dir.path(), &IndexConfig::default()).unwrap();
    let mut writer = index.writer().unwrap();
    assert!(writer.put(&document(number)).is_err());
    writer.put(&Prepared { vectors: None, ..document(number) }).unwrap();
    writer.commit().unwrap();
}

#[test]
fn a_few_documents_more_do_not_rewrite_all() {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::create(dir.path(), &config()).unwrap();
    let mut writer = index.writer().unwrap();
    for number in 0..3000 {
        writer.put(&document(number)).unwrap();
    }
    writer.commit().unwrap();
    let names = || -> Vec<_> {
        let all = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
        all.filter(|path| path.extension().is_some_and(|e| e == "seg")).collect()
    };
    let first = names();
    assert_eq!(first.len(), 1);
    let start = Instant::now();
    for number in 3000..3010 {
        writer.put(&document(number)).unwrap();
    }
    writer.delete(&[document(5).document.id]);
    writer.commit().unwrap();
    assert!(start.elapsed().as_secs_f64() < 1.0);
    let second = names();
    assert!(second.len() == 2 && second.contains(&first[0]));
}
