//! A text file of many megabytes is taken in with bounded memory, whatever its encoding.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use strata_testkit::kill::Dice;
use support::*;

/// Memory the whole program may take, in MB.
const MOST: u64 = 400;

const WORDS: [&str; 24] = [
    "劳动", "合同", "单位", "职工", "工资", "期限", "部门", "规定", "条例", "责任", "申请", "材料",
    "办理", "机关", "应当", "依法", "许可", "检查", "登记", "备案", "公告", "补贴", "标准", "程序",
];

/// Articles, a line each, no two of them alike: so many bytes of UTF-8.
fn articles(path: &Path, bytes: usize, gb18030: bool) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let (mut dice, mut written, mut number) = (Dice::new(7), 0, 0_u32);
    let mut line = String::new();
    while written < bytes {
        number += 1;
        line.clear();
        write!(line, "第{}条　", number % 9999 + 1).unwrap();
        for _ in 0..3 + dice.roll() % 3 {
            for _ in 0..6 + dice.roll() % 12 {
                line.push_str(WORDS[dice.roll() as usize % WORDS.len()]);
            }
            let odd = char::from_u32(0x4e00 + (dice.roll() % 6000) as u32).unwrap();
            write!(line, "{odd}，{number}。").unwrap();
        }
        line.push('\n');
        written += line.len();
        match gb18030 {
            true => file.write_all(&encoding_rs::GB18030.encode(&line).0).unwrap(),
            false => file.write_all(line.as_bytes()).unwrap(),
        }
    }
    file.flush().unwrap();
}

/// Most memory that a process has had until now, in MB, mapped files included; `None` where the system does not tell, or the
/// process is gone.
fn peak(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kb| kb / 1024)
}

fn ingested_within_bounds(bytes: usize, gb18030: bool) {
    if !Path::new("/proc/self/status").exists() {
        strata_testkit::skip("this system does not tell how much memory a process had");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (file, index) = (dir.path().join("articles.txt"), dir.path().join("index"));
    articles(&file, bytes, gb18030);
    let retriever = if has_models() { "gov-retriever" } else { "none" };
    let mut command = program();
    command.args(["ingest", "--quiet", "--threads", "2", "--retriever", retriever]);
    command.args(["--index", text(&index), text(&file)]);
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let mut most = 0;
    let status = loop {
        // The system's own maximum: looking now and then misses only what comes after the last look.
        most = most.max(peak(&child).unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(status.success());
    let documents = json(0, &["documents", "--index", text(&index), "--json", "--top", "1000"]);
    assert_eq!(documents.as_array().unwrap().len(), expected(&file));
    eprintln!("{} MB of text: at most {most} MB of memory", bytes / 1_000_000);
    assert!(most > 10 && most <= MOST, "{most} MB");
}

/// Parts of a file: a line that would go beyond a part begins the next.
fn expected(file: &Path) -> usize {
    let bytes = std::fs::metadata(file).unwrap().len() as usize;
    bytes.div_ceil(strata_gov::ingest::PART)
}

#[test]
fn a_large_text_takes_little_memory() {
    ingested_within_bounds(60_000_000, false);
}

#[test]
fn a_large_text_in_gb18030_takes_little_memory() {
    ingested_within_bounds(30_000_000, true);
}
