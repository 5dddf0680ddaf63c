//! Writes feature rows: `featurize FEATURISER_ID < smiles > rows.npy`.
//!
//! One SMILES a line in (what follows white space is ignored); out comes a NumPy array of float32,
//! one row for each line in the same order, rows that fail filled with NaN. With `--hash` in place
//! of input it prints the featuriser's hash and dimension; then the id may name a graph too.

use std::io::{BufWriter, Read, Write};

use strata_chem::Mol;
use strata_chem::features::{Featuriser, ModelFeaturiser};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let id =
        arguments.next().ok_or("usage: featurize FEATURISER_ID [--hash] < smiles > rows.npy")?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    if arguments.next().as_deref() == Some("--hash") {
        let featuriser = ModelFeaturiser::from_id(&id)?;
        let columns = featuriser.rows.as_ref().map_or(0, Featuriser::dim);
        writeln!(out, "{} {columns}", featuriser.hash())?;
        return Ok(());
    }
    let featuriser = Featuriser::from_id(&id)?;
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text)?;
    let lines: Vec<&str> = text.lines().collect();
    out.write_all(&npy_header(lines.len(), featuriser.dim()))?;
    let mut row = vec![0.0f32; featuriser.dim()];
    let mut failed = 0usize;
    for (index, line) in lines.iter().enumerate() {
        match Mol::from_smiles(line.split_whitespace().next().unwrap_or("")) {
            Ok(mol) => featuriser.write(&mol, &mut row),
            Err(error) => {
                failed += 1;
                eprintln!("line {}: {error}", index + 1);
                row.fill(f32::NAN);
            }
        }
        for value in &row {
            out.write_all(&value.to_le_bytes())?;
        }
    }
    out.flush()?;
    eprintln!("{} rows of {}, {failed} failed", lines.len(), featuriser.dim());
    Ok(())
}

/// Header of the NPY format, version 1.0, padded to a multiple of 64 bytes.
fn npy_header(rows: usize, columns: usize) -> Vec<u8> {
    let mut text =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    while (10 + text.len() + 1) % 64 != 0 {
        text.push(' ');
    }
    text.push('\n');
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend((text.len() as u16).to_le_bytes());
    header.extend(text.as_bytes());
    header
}
