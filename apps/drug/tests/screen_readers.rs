//! Every reader: what is a row, what is a row error, what is no input at all.
#![allow(clippy::unwrap_used, reason = "a test's helpers stop the test as it does itself")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::{Compression, write::GzEncoder};
use strata_drug::input::{InputError, InputSpec, Record, RecordReader, open};

fn write(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    (dir, path)
}

fn reader(path: &Path) -> Result<Box<dyn RecordReader>, InputError> {
    open(&InputSpec { path: path.to_path_buf(), ..InputSpec::default() })
}

/// Column names, then the rows: their values, or the code of their error.
fn read(name: &str, bytes: &[u8]) -> (Vec<String>, Vec<Result<Vec<String>, String>>) {
    let (_dir, path) = write(name, bytes);
    let mut reader = reader(&path).unwrap();
    let columns: Vec<String> = reader.layout().columns.iter().map(|c| c.name.clone()).collect();
    let mut rows = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        assert_eq!(record.len(), columns.len(), "a value a column, broken or not");
        let values =
            |record: &Record| (0..record.len()).map(|at| record.value(at).to_owned()).collect();
        rows.push(match &record.error {
            Some(error) => Err(error.code.to_string()),
            None => Ok(values(&record)),
        });
    }
    (columns, rows)
}

fn row(values: &[&str]) -> Result<Vec<String>, String> {
    Ok(values.iter().map(|&value| value.to_owned()).collect())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn smi_lines_have_a_structure_and_the_rest_is_the_name() {
    let (columns, rows) = read("a.smi", b"CCO ethanol\n\n  c1ccccc1\tbenzene of old \r\nCC\n");
    assert_eq!(columns, ["smiles", "id"]);
    let expected =
        [row(&["CCO", "ethanol"]), row(&["c1ccccc1", "benzene of old"]), row(&["CC", ""])];
    assert_eq!(rows, expected);
}

#[test]
fn smi_headers_are_told_from_molecules() {
    let (columns, rows) = read("a.smi", b"SMILES Name\nCCO ethanol\n");
    assert_eq!((columns[0].as_str(), columns[1].as_str(), rows.len()), ("SMILES", "Name", 1));
    let (columns, rows) = read("a.smi", b"id\tsmiles\tactivity\n7\tCCO\t0.5\n");
    assert_eq!(columns, ["id", "smiles", "activity"]);
    assert_eq!(rows, [row(&["7", "CCO", "0.5"])]);
    assert_eq!(read("a.smi", b"C methane\n").1.len(), 1);
}

#[test]
fn csv_fields_may_hold_quotes_commas_line_breaks_and_any_script() {
    let text = "name,smiles,note\n\"a \"\"b\"\", c\",CCO,\"two\nlines\"\n阿司匹林,CC,ß\r\n";
    let (columns, rows) = read("a.csv", text.as_bytes());
    assert_eq!(columns, ["name", "smiles", "note"]);
    let expected = [row(&["a \"b\", c", "CCO", "two\nlines"]), row(&["阿司匹林", "CC", "ß"])];
    assert_eq!(rows, expected);
}

#[test]
fn broken_csv_rows_keep_their_place() {
    let mut text = b"smiles,id\nCCO,1\nCC\nC,3,x\nC\xff,4\nCCC,5\n".to_vec();
    let (_, rows) = read("a.csv", &text);
    let ragged = || Err("ragged".to_owned());
    let expected =
        [row(&["CCO", "1"]), ragged(), ragged(), Err("encoding".to_owned()), row(&["CCC", "5"])];
    assert_eq!(rows, expected);
    // A quote that is never closed swallows the rest, but neither memory nor the rows before it.
    text.extend_from_slice(b"\"CC,6\n");
    text.resize(text.len() + (3 << 20), b'x');
    let (_, rows) = read("a.csv", &text);
    assert_eq!(rows.len(), 6);
    assert_eq!(rows[5], Err("too_long".to_owned()));
}

#[test]
fn huge_lines_are_row_errors() {
    let mut text = b"CCO a\n".to_vec();
    text.resize(text.len() + (5 << 20), b'C');
    text.extend_from_slice(b"\nCC b\n");
    let (_, rows) = read("a.smi", &text);
    assert_eq!(rows, [row(&["CCO", "a"]), Err("too_long".to_owned()), row(&["CC", "b"])]);
}

#[test]
fn tables_are_read_whatever_separates_them() {
    for (name, text) in [
        ("a.tsv", "smiles\tid\nCCO\tx\n"),
        ("a.csv", "smiles;id\nCCO;x\n"),
        ("a.csv", "\u{feff}smiles,id\nCCO,x\n"),
        ("a", "smiles\tid\nCCO\tx\n"),
        ("a", "smiles,id\nCCO,x\n"),
    ] {
        let (columns, rows) = read(name, text.as_bytes());
        assert_eq!(columns, ["smiles", "id"], "{text:?}");
        assert_eq!(rows, [row(&["CCO", "x"])], "{text:?}");
    }
    let (columns, _) = read("a.csv", b"x,x,,Canonical SMILES\n1,2,3,C\n");
    assert_eq!(columns, ["x", "x_2", "column_3", "Canonical SMILES"]);
}

#[test]
fn gzip_is_read_whatever_its_name_and_all_of_its_members() {
    let mut two = gzip(b"CCO a\nCC");
    two.extend(gzip(b"C b\n"));
    for name in ["a.smi.gz", "a.smi"] {
        let (_, rows) = read(name, &two);
        assert_eq!(rows, [row(&["CCO", "a"]), row(&["CCC", "b"])], "{name}");
    }
    let mut cut = gzip(&b"CCO a\n".repeat(10_000));
    cut.truncate(cut.len() / 2);
    let (_dir, path) = write("a.smi.gz", &cut);
    // Rows of a damaged archive are not known: that ends a run instead of shortening it.
    let error = reader(&path).and_then(|mut reader| {
        while reader.next_record()?.is_some() {}
        Ok(())
    });
    assert!(matches!(error, Err(InputError::Io { .. })), "{error:?}");
}

const SDF: &str = "ethanol\n  test\n\n  3  2  0  0  0  0  0  0  0  0999 V2000
    0.0000    0.0000    0.0000 C   0  0
    1.5000    0.0000    0.0000 C   0  0
    2.2000    1.2000    0.0000 O   0  0
  1  2  1  0
  2  3  1  0
M  END
> <Activity> (1)
0.5

>  <Note>
two
lines

$$$$
broken
  test

  1  0  0  0
> <Later>
x

$$$$
";

#[test]
fn sdf_fields_become_columns_and_broken_records_keep_their_place() {
    let (columns, rows) = read("a.sdf", SDF.as_bytes());
    assert_eq!(columns, ["name", "Activity", "Note", "Later"]);
    assert_eq!(rows[0], row(&["ethanol", "0.5", "two\nlines", ""]));
    assert_eq!(rows[1], row(&["broken", "", "", "x"]));
    assert_eq!(rows.len(), 2);
    let (_dir, path) = write("a.sdf.gz", &gzip(SDF.as_bytes()));
    let mut reader = reader(&path).unwrap();
    let layout = reader.layout().clone();
    let first = reader.next_record().unwrap().unwrap();
    assert_eq!(first.molecule(&layout).unwrap().canonical_smiles(), "CCO");
    assert_eq!(first.id(&layout, 0), "ethanol");
    let second = reader.next_record().unwrap().unwrap();
    assert_eq!(second.molecule(&layout).unwrap_err().code, "parse");
}

#[test]
fn what_is_no_library_says_what_to_do() {
    let text = |name: &str, bytes: &[u8]| {
        let (_dir, path) = write(name, bytes);
        reader(&path).err().map(|error| error.to_string()).unwrap_or_default()
    };
    let error = text("a.csv", b"name,weight\nx,1\n");
    assert!(error.contains("--smiles-column") && error.contains("name, weight"), "{error}");
    let error = text("a.bin", b"\0\x01\x02");
    assert!(error.contains("--format"), "{error}");
    let error = text("a.csv", b"\xff\xfes\0m\0");
    assert!(error.contains("UTF-16"), "{error}");
    let error = text("a.parquet", b"PAR1 but no more");
    assert!(error.contains("parquet"), "{error}");
    let (_dir, path) = write("a.csv", b"smiles,id\n");
    let spec = |smiles: Option<&str>, id: Option<&str>| InputSpec {
        path: path.clone(),
        smiles_column: smiles.map(str::to_owned),
        id_column: id.map(str::to_owned),
        ..InputSpec::default()
    };
    let error = open(&spec(Some("SMI"), None)).err().unwrap().to_string();
    assert!(error.contains("\"SMI\"") && error.contains("smiles, id"), "{error}");
    let error = open(&spec(None, Some("key"))).err().unwrap().to_string();
    assert!(error.contains("--id-column"), "{error}");
    let error = reader(Path::new("/nowhere/at-all.smi")).err().unwrap().to_string();
    assert!(error.contains("/nowhere/at-all.smi"), "{error}");
}

#[test]
fn nothing_is_an_empty_library() {
    for name in ["a.smi", "a.csv", "a.tsv", "a.sdf", "a"] {
        assert!(read(name, b"").1.is_empty(), "{name}");
        assert!(read(name, b"\n\n").1.is_empty(), "{name}");
    }
    assert!(read("a.csv", b"smiles,id\n").1.is_empty());
}
