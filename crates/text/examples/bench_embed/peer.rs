//! Programs that are measured in turns: each loads once, then does its work whenever it is told, and says what it took.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::Failure;

/// Numbers of a vector.
pub(crate) const DIM: usize = 512;

/// A program that is ready.
pub(crate) struct Program {
    name: String,
    child: Child,
    out: BufReader<ChildStdout>,
    rounds: Vec<Value>,
}

impl Program {
    /// Starts it and waits until it has loaded.
    pub(crate) fn start(name: &str, command: &mut Command) -> Result<Self, Failure> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|e| format!("{command:?}: {e}"))?;
        let out = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut program = Self { name: name.to_owned(), child, out, rounds: Vec::new() };
        program.answer()?;
        Ok(program)
    }

    /// One measurement.
    pub(crate) fn round(&mut self) -> Result<(), Failure> {
        let input = self.child.stdin.as_mut().ok_or("no input")?;
        writeln!(input, "go")?;
        input.flush()?;
        let answer = self.answer()?;
        self.rounds.push(answer);
        Ok(())
    }

    /// The next line of JSON; libraries print other things too.
    fn answer(&mut self) -> Result<Value, Failure> {
        let mut line = String::new();
        while self.out.read_line(&mut line)? > 0 {
            if line.starts_with('{') {
                return Ok(serde_json::from_str(&line)?);
            }
            line.clear();
        }
        Err(format!("{} ended too early", self.name).into())
    }

    /// Lets it end, which writes its vectors.
    pub(crate) fn end(mut self) -> Result<(String, Vec<Value>), Failure> {
        drop(self.child.stdin.take());
        let status = self.child.wait()?;
        if !status.success() {
            return Err(format!("{}: {status}", self.name).into());
        }
        Ok((self.name, self.rounds))
    }
}

/// The median of what `of` finds in each round.
pub(crate) fn median(rounds: &[Value], of: impl Fn(&Value) -> Option<f64>) -> f64 {
    let mut values: Vec<f64> = rounds.iter().filter_map(of).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Vectors that a program wrote, as little-endian f32.
pub(crate) fn rows(path: &Path) -> Result<Vec<f32>, Failure> {
    let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(bytes.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
}

/// The least cosine between rows of the same number.
pub(crate) fn least_cosine(a: &[f32], b: &[f32]) -> Result<f64, Failure> {
    if a.len() != b.len() || a.is_empty() {
        return Err(format!("{} numbers here, {} there", a.len(), b.len()).into());
    }
    let pairs = a.chunks_exact(DIM).zip(b.chunks_exact(DIM));
    Ok(pairs.map(|(a, b)| cosine(a, b)).fold(f64::MAX, f64::min))
}

/// The mean cosine of each row and the next: near 1, agreement between programs would say little.
pub(crate) fn neighbours(a: &[f32]) -> f64 {
    let rows: Vec<&[f32]> = a.chunks_exact(DIM).collect();
    let sum: f64 = rows.windows(2).map(|pair| cosine(pair[0], pair[1])).sum();
    sum / rows.len().saturating_sub(1).max(1) as f64
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
