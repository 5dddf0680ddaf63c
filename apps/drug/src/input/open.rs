//! Opens an input: its format by name or content, decompressed, from a file or standard input.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;

use flate2::bufread::MultiGzDecoder;

use super::columns::{Wanted, names_smiles};
use super::delimited::DelimitedReader;
use super::line::{Counted, Meter};
use super::parquet::ParquetReader;
use super::sdf::{SdfReader, field_names};
use super::smi::SmiReader;
use super::{InputError, RecordReader};

/// How an input is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A SMILES and an optional name a line.
    Smi,
    /// Comma-separated with a header (also `;` and tab, whichever its header has).
    Csv,
    /// Tab-separated with a header.
    Tsv,
    /// SD file.
    Sdf,
    /// Apache Parquet.
    Parquet,
}

/// What to read, and what the user said about it.
#[derive(Debug, Clone, Default)]
pub struct InputSpec {
    /// A file, or `-` for standard input.
    pub path: PathBuf,
    /// Given format; otherwise by name, then by content.
    pub format: Option<Format>,
    /// Given SMILES column; otherwise by the names in use in the field.
    pub smiles_column: Option<String>,
    /// Given identifier column; otherwise by the names in use in the field.
    pub id_column: Option<String>,
}

/// How much of the start is looked at to tell the format.
const SNIFF_BYTES: usize = 1 << 16;

/// Opens an input for reading.
///
/// # Errors
/// [`InputError`] where it cannot be read, its format told, or its columns found.
pub fn open(spec: &InputSpec) -> Result<Box<dyn RecordReader>, InputError> {
    let wanted = Wanted {
        input: spec.path.display().to_string(),
        smiles: spec.smiles_column.clone(),
        id: spec.id_column.clone(),
    };
    let io = |source| InputError::Io { name: wanted.input.clone(), source };
    let format = spec.format.or_else(|| by_name(&wanted.input));
    if wanted.input == "-" {
        return open_stdin(format, &wanted);
    }
    let mut file = File::open(&spec.path).map_err(io)?;
    let meta = file.metadata().map_err(io)?;
    if meta.is_dir() {
        return Err(io(std::io::Error::from(std::io::ErrorKind::IsADirectory)));
    }
    if !meta.is_file() {
        // A pipe cannot be read twice, or from its end.
        return open_stream(Box::new(file), format, &wanted);
    }
    let mut start = [0; 4];
    let read = file.read(&mut start).map_err(io)?;
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    if format == Some(Format::Parquet) || &start[..read] == b"PAR1" {
        return Ok(Box::new(ParquetReader::new(file, &wanted)?));
    }
    let meter = Meter { total: Some(meta.len()), ..Meter::default() };
    let mut text = plain_text(file, &meter, &wanted)?;
    let format = format.or_else(|| by_content(&text.start));
    let format = format.ok_or(InputError::UnknownFormat { name: wanted.input.clone() })?;
    if format == Format::Sdf {
        let fields = field_names(&mut text.input, &wanted.input)?;
        let meter = Meter { total: meter.total, ..Meter::default() };
        let text = plain_text(File::open(&spec.path).map_err(io)?, &meter, &wanted)?;
        return Ok(Box::new(SdfReader::new(text.input, fields, meter, &wanted)?));
    }
    open_text(text, format, meter, &wanted)
}

/// Standard input; kept in a temporary file where the format needs to be read twice.
fn open_stdin(
    format: Option<Format>,
    wanted: &Wanted,
) -> Result<Box<dyn RecordReader>, InputError> {
    open_stream(Box::new(std::io::stdin()), format, wanted)
}

fn open_stream(
    mut stream: Box<dyn Read + Send>,
    format: Option<Format>,
    wanted: &Wanted,
) -> Result<Box<dyn RecordReader>, InputError> {
    let io = |source| InputError::Io { name: wanted.input.clone(), source };
    let mut start = Vec::new();
    (&mut stream).take(4).read_to_end(&mut start).map_err(io)?;
    let parquet = format == Some(Format::Parquet) || start == b"PAR1";
    let stream: Box<dyn Read + Send> = Box::new(Cursor::new(start).chain(stream));
    if parquet {
        return Ok(Box::new(ParquetReader::new(spool(stream).map_err(io)?, wanted)?));
    }
    let text = plain_text(stream, &Meter::default(), wanted)?;
    let format = format.or_else(|| by_content(&text.start));
    let format = format.ok_or(InputError::UnknownFormat { name: wanted.input.clone() })?;
    if format == Format::Sdf {
        let mut file = spool(text.input).map_err(io)?;
        let fields = field_names(&mut BufReader::new(&file), &wanted.input)?;
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        let input = Box::new(BufReader::with_capacity(1 << 16, file));
        return Ok(Box::new(SdfReader::new(input, fields, Meter::default(), wanted)?));
    }
    open_text(text, format, Meter::default(), wanted)
}

fn open_text(
    text: Text,
    format: Format,
    meter: Meter,
    wanted: &Wanted,
) -> Result<Box<dyn RecordReader>, InputError> {
    Ok(match format {
        Format::Tsv => Box::new(DelimitedReader::new(text.input, b'\t', meter, wanted)?),
        Format::Csv => {
            let delimiter = delimiter(&text.start);
            Box::new(DelimitedReader::new(text.input, delimiter, meter, wanted)?)
        }
        Format::Smi if tabbed_header(&text.start) => {
            Box::new(DelimitedReader::new(text.input, b'\t', meter, wanted)?)
        }
        _ => Box::new(SmiReader::new(text.input, meter, wanted)?),
    })
}

/// A whole stream in an unnamed temporary file, at its start.
fn spool(mut stream: impl Read) -> std::io::Result<File> {
    let mut file = tempfile::tempfile()?;
    std::io::copy(&mut stream, &mut file)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// Decompressed text and a look at its start.
struct Text {
    input: Box<dyn BufRead + Send>,
    start: Vec<u8>,
}

/// Decompresses where the content says so (a `.gz` of several members is read whole), and takes a
/// byte-order mark away.
fn plain_text(
    stream: impl Read + Send + 'static,
    meter: &Meter,
    wanted: &Wanted,
) -> Result<Text, InputError> {
    let io = |source| InputError::Io { name: wanted.input.clone(), source };
    let counted = Counted::new(stream, meter.read.clone());
    let mut input = BufReader::with_capacity(1 << 16, counted);
    let zipped = input.fill_buf().map_err(io)?.starts_with(&[0x1f, 0x8b]);
    let mut input: Box<dyn Read + Send> = match zipped {
        true => Box::new(MultiGzDecoder::new(input)),
        false => Box::new(input),
    };
    let mut start = Vec::new();
    (&mut input).take(SNIFF_BYTES as u64).read_to_end(&mut start).map_err(io)?;
    if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
        let why = "it is UTF-16: convert it to UTF-8, e.g. with iconv".to_owned();
        return Err(InputError::Malformed { name: wanted.input.clone(), format: "text", why });
    }
    if start.starts_with(&[0xef, 0xbb, 0xbf]) {
        start.drain(..3);
    }
    let whole = Cursor::new(start.clone()).chain(input);
    Ok(Text { input: Box::new(BufReader::with_capacity(1 << 16, whole)), start })
}

fn by_name(name: &str) -> Option<Format> {
    let name = name.to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    match name.rsplit_once('.')?.1 {
        "smi" | "smiles" | "ism" | "can" => Some(Format::Smi),
        "csv" => Some(Format::Csv),
        "tsv" | "tab" => Some(Format::Tsv),
        "sdf" | "sd" | "mol" => Some(Format::Sdf),
        "parquet" | "pq" => Some(Format::Parquet),
        _ => None,
    }
}

/// The first line with something in it.
fn first_line(start: &[u8]) -> &[u8] {
    start
        .split(|&byte| byte == b'\n')
        .find(|line| !line.trim_ascii().is_empty())
        .unwrap_or_default()
}

fn by_content(start: &[u8]) -> Option<Format> {
    // Nothing at all is a list of no molecules.
    if start.trim_ascii().is_empty() {
        return Some(Format::Smi);
    }
    let has = |needle: &[u8]| start.windows(needle.len()).any(|window| window == needle);
    if start.contains(&0) {
        return None;
    }
    if has(b"V2000") || has(b"V3000") || has(b"$$$$") {
        return Some(Format::Sdf);
    }
    let header = String::from_utf8_lossy(first_line(start)).into_owned();
    let header = header.trim_end();
    for (delimiter, format) in [('\t', Format::Tsv), (',', Format::Csv), (';', Format::Csv)] {
        let mut names = header.split(delimiter).map(|name| name.trim_matches('"'));
        if header.contains(delimiter) && names.any(names_smiles) {
            return Some(format);
        }
    }
    (!header.contains(',')).then_some(Format::Smi)
}

/// Whichever of `,`, tab and `;` the header has most of.
fn delimiter(start: &[u8]) -> u8 {
    let header = first_line(start);
    let count = |delimiter: u8| header.iter().filter(|&&byte| byte == delimiter).count();
    [b';', b'\t', b','].into_iter().max_by_key(|&delimiter| count(delimiter)).unwrap_or(b',')
}

/// A `.smi` that is a table: a header with tabs and a SMILES column.
fn tabbed_header(start: &[u8]) -> bool {
    let header = String::from_utf8_lossy(first_line(start)).into_owned();
    header.trim_end().split('\t').count() > 1 && header.split('\t').any(names_smiles)
}
