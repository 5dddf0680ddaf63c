//! What the sides of a benchmark suite share: lines of a file evenly chosen, processor time, answers written for
//! comparison, the last line that the harness reads (see CONTRIBUTING.md, "Benchmark suites").

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Result, Write};
use std::path::Path;
use std::time::{Instant, SystemTime};

use serde_json::{Map, Value};

/// The variable in which the harness says when it started this process, in seconds since 1970.
const STARTED: &str = "STRATA_BENCH_STARTED";

/// Lines of a text file (or a `.gz` of one) that are not blank.
///
/// # Errors
/// The file cannot be read.
pub fn lines(path: &Path) -> Result<Vec<String>> {
    let file = File::open(path)?;
    let reader: Box<dyn Read> = match path.extension().is_some_and(|end| end == "gz") {
        true => Box::new(flate2::read::MultiGzDecoder::new(file)),
        false => Box::new(file),
    };
    let lines = BufReader::new(reader).lines();
    lines.filter(|line| line.as_ref().map_or(true, |line| !line.trim().is_empty())).collect()
}

/// `count` items evenly spread over all of them: item `floor(i * len / count)`; they repeat where there are fewer.
/// The peers' programs choose by the same formula.
#[must_use]
pub fn spread<T: Clone>(all: &[T], count: usize) -> Vec<T> {
    let chosen = |at: usize| all.get(at * all.len() / count).cloned();
    if count <= all.len() {
        return (0..count).filter_map(chosen).collect();
    }
    all.iter().cycle().take(count).cloned().collect()
}

/// The first words of such lines: the SMILES of a `.smi` file.
///
/// # Errors
/// The file cannot be read.
pub fn first_words(path: &Path, count: usize) -> Result<Vec<String>> {
    let word = |line: &String| line.split_whitespace().next().map(str::to_owned);
    let all: Vec<String> = lines(path)?.iter().filter_map(word).collect();
    Ok(spread(&all, count))
}

/// Processor seconds that this process has taken, threads that ended included; where the system does not tell them, the
/// time since the first call.
#[must_use]
pub fn cpu_seconds() -> f64 {
    #[cfg(unix)]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
    }
    #[cfg(not(unix))]
    {
        static BEGAN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
        BEGAN.elapsed().as_secs_f64()
    }
}

/// Wall and processor time of a piece of work.
#[derive(Debug)]
pub struct Stopwatch {
    wall: Instant,
    cpu: f64,
}

impl Stopwatch {
    /// Starts both clocks.
    #[must_use]
    pub fn start() -> Self {
        let cpu = cpu_seconds();
        Self { wall: Instant::now(), cpu }
    }

    /// Seconds since the start: wall, processor.
    #[must_use]
    pub fn seconds(&self) -> (f64, f64) {
        (self.wall.elapsed().as_secs_f64(), cpu_seconds() - self.cpu)
    }
}

/// Seconds since the harness started this process; none without it.
#[must_use]
pub fn since_start() -> Option<f64> {
    let started: f64 = std::env::var(STARTED).ok()?.parse().ok()?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(now.as_secs_f64() - started)
}

/// Makes the folder `to` with a copy of every file of the folders `from`: a model's card from one, its files from another.
///
/// # Errors
/// A folder is missing, or a file cannot be copied.
pub fn gather(to: &Path, from: &[&Path]) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for folder in from {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                std::fs::copy(entry.path(), to.join(entry.file_name()))?;
            }
        }
    }
    Ok(())
}

/// Writes answers, one JSON value a line.
///
/// # Errors
/// The file cannot be written.
pub fn write_answers(path: &Path, answers: &[Value]) -> Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    for answer in answers {
        serde_json::to_writer(&mut out, answer)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Prints the line that the harness reads: items, seconds and processor seconds, and what else is measured.
pub fn report(items: usize, (seconds, cpu_seconds): (f64, f64), further: &[(&str, Value)]) {
    let mut line = Map::new();
    line.insert("items".to_owned(), items.into());
    line.insert("seconds".to_owned(), seconds.into());
    line.insert("cpu_seconds".to_owned(), cpu_seconds.into());
    line.extend(further.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    print(line);
}

/// [`report`] for a side whose whole process is what is measured, its start included.
pub fn report_process(items: usize, further: &[(&str, Value)]) {
    let mut line = Map::new();
    line.insert("items".to_owned(), items.into());
    line.extend(further.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    print(line);
}

#[allow(clippy::print_stdout, reason = "the harness reads it there")]
fn print(line: Map<String, Value>) {
    println!("{}", Value::Object(line));
}

/// The value below which this share of `values` lies, by nearest rank; 0 of none. Sorts them.
#[must_use]
pub fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (share * values.len() as f64).ceil() as usize;
    values.get(rank.max(1) - 1).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_spread_and_repeat() {
        let all: Vec<usize> = (0..10).collect();
        assert_eq!(spread(&all, 4), [0, 2, 5, 7]);
        assert_eq!(spread(&all, 10), all);
        assert_eq!(spread(&all, 12)[9..], [9, 0, 1]);
        assert!(spread::<usize>(&[], 3).is_empty());
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let mut values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(percentile(&mut values, 0.5), 2.0);
        assert_eq!(percentile(&mut values, 0.99), 4.0);
        assert_eq!(percentile(&mut values, 0.0), 1.0);
        assert_eq!(percentile(&mut [], 0.5), 0.0);
    }

    #[test]
    fn answers_and_lines_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.json");
        write_answers(&path, &[1.into(), Value::Null, "C C".into()]).unwrap();
        assert_eq!(lines(&path).unwrap(), ["1", "null", "\"C C\""]);
        assert_eq!(first_words(&path, 3).unwrap(), ["1", "null", "\"C"]);
        let copy = folder.path().join("copy");
        gather(&copy, &[folder.path()]).unwrap();
        assert_eq!(lines(&copy.join("answers.json")).unwrap().len(), 3);
        assert!(gather(&copy, &[&folder.path().join("none")]).is_err());
    }

    #[test]
    fn work_takes_processor_time() {
        let watch = Stopwatch::start();
        let mut sum = 0u64;
        while watch.wall.elapsed().as_millis() < 20 {
            sum = std::hint::black_box(sum + 1);
        }
        let thread = std::thread::spawn(move || {
            let start = Instant::now();
            let mut sum = 0u64;
            while start.elapsed().as_millis() < 20 {
                sum = std::hint::black_box(sum + 1);
            }
        });
        thread.join().unwrap();
        let (wall, cpu) = watch.seconds();
        assert!(wall >= 0.04 && cpu > 0.0, "{wall} {cpu}");
    }
}
