//! An ingestion of three thousand documents is killed ten times or more at random moments: the index opens each time with whole
//! documents alone, and the ingestion that is simply run again ends in the very index of one that nothing stopped.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use strata_testkit::kill::{Dice, Ended, kill_after};
use strata_text::index::{Index, Viewer};
use support::*;

const RECORDS: usize = 2900;
const FILES: usize = 100;
const KILLS: usize = 10;
/// Kills that must find an ingestion halfway: some of its documents in the index, and not all.
const HALFWAY: usize = 3;
/// Kills after which that is given up. A moment is halfway only between the first commit and the last, which may be a small
/// part of a run where starting takes long.
const MOST_KILLS: usize = 60;

/// Three thousand documents: laws of which some are versions of each other, and notices that repeal.
fn corpus(dir: &Path) {
    std::fs::create_dir(dir).unwrap();
    let mut lines = String::new();
    for number in 0..RECORDS {
        let (work, year) = (number / 3, 2015 + number % 3);
        let title = format!("临江市第{work}号事项管理办法");
        let text = format!(
            "{title}\\n（{year}年修订　自{year}年3月1日起施行）\\n第一条　为了规范第{work}号事项，制定本办法。\\n\
             第二条　第{number}件申请的期限为{}日。\\n第三条　违反本办法第二条的，处{}元罚款。\\n",
            number % 30 + 1,
            number * 10
        );
        let record = format!(
            "{{\"id\": \"law-{number}\", \"title\": \"{title}\", \"text\": \"{text}\", \"version\": \"{year}修订\"}}"
        );
        writeln!(lines, "{record}").unwrap();
    }
    std::fs::write(dir.join("laws.jsonl"), lines).unwrap();
    for number in 0..FILES {
        let text = format!(
            "# 关于第{number}项工作的通知\n\n临办〔2024〕{}号\n\n一、第{number}项工作自2024年5月1日起开展。\n\n\
             二、《临江市第{number}号事项管理办法》同时废止。\n",
            number + 1
        );
        std::fs::write(dir.join(format!("notice-{number:03}.md")), text).unwrap();
    }
}

fn ingestion(index: &Path, corpus: &Path, retriever: &str) -> Command {
    let mut command = program();
    command.args(["ingest", "--quiet", "--retriever", retriever, "--commit-every", "400"]);
    command.args(["--index", text(index), text(corpus)]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// What the index has: its digest, and how many documents.
fn state(index: &Path) -> (String, usize) {
    let index = Index::open(index).expect("the index opens");
    let snapshot = index.snapshot();
    snapshot.verify().expect("the index is whole");
    (snapshot.digest(), snapshot.counts(&Viewer::everything()).0)
}

#[test]
fn a_killed_ingestion_is_run_again_and_nothing_is_lost_or_doubled() {
    let dir = tempfile::tempdir().unwrap();
    let corpus_dir = dir.path().join("corpus");
    corpus(&corpus_dir);
    let retriever = if has_models() { "gov-retriever" } else { "none" };
    let whole = dir.path().join("whole");
    let started = Instant::now();
    assert!(ingestion(&whole, &corpus_dir, retriever).status().unwrap().success());
    let took = started.elapsed();
    let (wanted, documents) = state(&whole);
    assert_eq!(documents, RECORDS + FILES);

    let (mut dice, seed) = Dice::from_clock();
    let mut index = dir.path().join("killed");
    let (mut kills, mut halfway, mut before, mut whole_ones) = (0, 0, 0, 0);
    // Moments are drawn from what runs take here and now: one that was killed before it committed anything moves the earliest
    // moment towards its own, one that was through the latest.
    let (mut earliest, mut latest) = (Duration::ZERO, took);
    while kills < KILLS || halfway < HALFWAY {
        assert!(
            kills < MOST_KILLS,
            "only {halfway} of {kills} kills hit an ingestion halfway, seed {seed}"
        );
        let delay = earliest + dice.moment(latest.saturating_sub(earliest).max(took / 10));
        match kill_after(&mut ingestion(&index, &corpus_dir, retriever), delay).unwrap() {
            Ended::Killed => kills += 1,
            Ended::ByItself(status) => {
                assert!(status.success(), "seed {seed}");
                assert_eq!(state(&index).0, wanted, "seed {seed}");
                whole_ones += 1;
                assert!(whole_ones < MOST_KILLS, "no run is slow enough to be killed, seed {seed}");
                // What is run again has less to do.
                latest = (latest + delay) / 2;
                earliest = earliest.min(latest / 2);
                (index, before) = (dir.path().join(format!("killed-{whole_ones}")), 0);
                continue;
            }
        }
        // Killed before there was an index: there is nothing to open, and nothing in the way.
        if !Index::exists(&index) {
            earliest = (earliest + delay.min(latest)) / 2;
            continue;
        }
        let (_, now) = state(&index);
        assert!(now >= before, "{now} documents after {before}, seed {seed}");
        halfway += usize::from(now > 0 && now < documents);
        if now == before {
            earliest = (earliest + delay.min(latest)) / 2;
        }
        before = now;
    }
    assert!(ingestion(&index, &corpus_dir, retriever).status().unwrap().success());
    assert_eq!(state(&index), (wanted.clone(), documents), "seed {seed}");
    // Once more changes nothing.
    assert!(ingestion(&index, &corpus_dir, retriever).status().unwrap().success());
    assert_eq!(state(&index).0, wanted);
    eprintln!("an ingestion takes {took:.1?}; {halfway} kills of {kills} hit it halfway");
    assert!(took < Duration::from_secs(300));
}
