//! A writer that is killed (SIGKILL) at random moments and started again: what was committed is there, whole; what was
//! not is lost; and in the end the index is the one that an undisturbed writer makes.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use strata_testkit::kill::{Dice, Ended, kill_after};
use strata_text::index::{Filter, Index, Viewer};

use super::support::{config, day, document, index_of, query, tight};

/// Tells this binary that it is the writer, and which folder is its own.
const FOLDER: &str = "STRATA_TEST_INDEX_FOLDER";
const DOCUMENTS: u64 = 400;
const KILLS: usize = 12;

/// The writer under test: puts documents in small commits, and tells of each commit when it is through.
#[test]
#[ignore = "started by a_killed_writer_loses_only_what_it_did_not_commit"]
fn the_writer() {
    let folder = std::env::var_os(FOLDER).expect("the folder is given in the environment");
    let folder = Path::new(&folder);
    let dir = folder.join("index");
    let index = match Index::open(&dir) {
        Ok(index) => index,
        Err(_) => Index::create(&dir, &config()).unwrap(),
    };
    let mut told =
        std::fs::File::options().create(true).append(true).open(folder.join("told")).unwrap();
    let mut writer = index.writer_with(tight()).unwrap();
    let mut since = Vec::new();
    for number in 0..DOCUMENTS {
        let prepared = document(number);
        let id = prepared.document.id.clone();
        if writer.source_digest(&id) == Some(prepared.digest) {
            continue;
        }
        // Something that must not be left over.
        let mut passing = document(number + 10_000);
        passing.document.id = format!("过客-{number}");
        writer.put(&passing).unwrap();
        writer.put(&prepared).unwrap();
        since.push(id);
        if number % 7 == 0 {
            writer.commit().unwrap();
            writer.delete(&[passing.document.id]);
            writeln!(told, "{}", since.join("\n")).unwrap();
            since.clear();
        } else {
            writer.delete(&[passing.document.id]);
        }
    }
    let leftover: Vec<String> = (0..DOCUMENTS).map(|number| format!("过客-{number}")).collect();
    writer.delete(&leftover);
    writer.commit().unwrap();
}

#[test]
fn a_killed_writer_loses_only_what_it_did_not_commit() {
    let (mut dice, seed) = Dice::from_clock();
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("index");
    let run = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "crash::the_writer", "--ignored"]).env(FOLDER, folder.path());
        command.stdout(Stdio::null());
        command
    };
    let (mut kills, mut early) = (0, 0);
    let mut most = Duration::from_millis(300);
    while kills < KILLS && early < 40 {
        match kill_after(&mut run(), dice.moment(most)).unwrap() {
            Ended::ByItself(status) => {
                assert!(status.success(), "seed {seed}: {status}");
                // Through before it was killed: once more from the beginning, and sooner.
                std::fs::remove_dir_all(&dir).unwrap();
                std::fs::remove_file(folder.path().join("told")).unwrap();
                (most, early) = (most / 2, early + 1);
                continue;
            }
            Ended::Killed => kills += 1,
        }
        let Ok(index) = Index::open(&dir) else {
            assert!(!dir.join("index.manifest").exists(), "seed {seed}");
            continue;
        };
        let snapshot = index.snapshot();
        snapshot.verify().unwrap();
        let told = std::fs::read_to_string(folder.path().join("told")).unwrap_or_default();
        let whole = told.rfind('\n').map_or("", |end| &told[..end]);
        let everything = Viewer::everything();
        for id in whole.lines().collect::<BTreeSet<_>>() {
            let read = snapshot.document(id, &everything).unwrap();
            assert!(read.is_some(), "seed {seed}: {id} was committed and is lost");
        }
        let mut filter = Filter::new(everything, day(50));
        filter.include_not_in_force = true;
        let asked = vec![0.1; super::support::DIM];
        snapshot.search(&query("劳动合同", Some(&asked), &filter)).unwrap();
    }
    assert_eq!(kills, KILLS, "seed {seed}");
    let status = run().status().unwrap();
    assert!(status.success(), "seed {seed}: {status}");
    let plain = tempfile::tempdir().unwrap();
    let wanted = index_of(plain.path(), 0..DOCUMENTS).snapshot();
    let found = Index::open(&dir).unwrap().snapshot();
    assert_eq!(found.stats().documents, DOCUMENTS as usize, "seed {seed}");
    assert_eq!(found.digest(), wanted.digest(), "seed {seed}");
    // Nothing of the killed is left in the folder.
    let files = std::fs::read_dir(&dir).unwrap().count();
    assert_eq!(files, found.stats().segments + 2, "seed {seed}");
}
