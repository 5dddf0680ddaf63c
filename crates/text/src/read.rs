//! Files to [`Extract`]s: text, places of its parts, and what the file says of itself. A file gives one document or many
//! (records of JSON lines, rows of CSV, attachments of a mail). Everything is bounded by [`ReadLimits`]; whatever a
//! file's bytes are, reading ends with documents or with a reason.

mod archive;
mod build;
mod csv;
mod detect;
mod docx;
mod eml;
mod encoding;
mod fields;
mod guard;
mod html;
mod image;
mod json;
mod limits;
mod lines;
mod markdown;
mod pdf;
mod pptx;
mod problem;
mod table;
mod xlsx;
mod xml;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

pub use detect::{Format, HEAD, detect};
pub use image::{ImageFormat, PageImage, PageReader};
pub use limits::ReadLimits;
pub use problem::{ReadError, RecordProblem};

use crate::document::Extract;
use encoding::{Charset, SAMPLE, Utf8Reader};
use problem::Problem;

type Items<'a> = Box<dyn Iterator<Item = Result<Extract, Problem>> + Send + 'a>;

/// What a file gave.
#[derive(Debug)]
pub struct ReadOutcome {
    /// What it was.
    pub format: Format,
    /// Its documents.
    pub documents: Vec<Extract>,
    /// Documents of it that could not be read.
    pub problems: Vec<RecordProblem>,
}

/// What a reader of one format gets beside the bytes.
#[derive(Clone, Copy)]
struct Context<'a> {
    limits: &'a ReadLimits,
    pages: Option<&'a dyn PageReader>,
    nesting: usize,
}

/// The documents of a file one after the other, with bounded memory however long a stream of records is.
pub struct Records<'a> {
    format: Format,
    index: usize,
    items: Items<'a>,
}

impl std::fmt::Debug for Records<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records")
            .field("format", &self.format)
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

impl Records<'_> {
    /// What the file is.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Extract, RecordProblem>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.items.next()?;
        let index = self.index;
        self.index += 1;
        Some(item.map_err(|problem| problem.numbered(index)))
    }
}

/// The documents of a file in memory. `name` tells apart what the bytes do not (Markdown, CSV, plain text); `pages` reads
/// pages that are pictures.
///
/// # Errors
/// Nothing in it, too large for its format, or of a format that is not read. Documents that cannot be read are
/// problems of the outcome.
pub fn read(
    name: &str,
    bytes: &[u8],
    limits: &ReadLimits,
    pages: Option<&dyn PageReader>,
) -> Result<ReadOutcome, ReadError> {
    let context = Context { limits, pages, nesting: 0 };
    let records = from_bytes(name, bytes, context)?;
    let format = records.format;
    let (mut documents, mut problems) = (Vec::new(), Vec::new());
    for item in records {
        match item {
            Ok(document) => documents.push(document),
            Err(problem) => problems.push(problem),
        }
    }
    Ok(ReadOutcome { format, documents, problems })
}

/// The documents of a file, with the default limits and without a reader of pictures.
///
/// # Errors
/// As [`open_with`].
pub fn open(path: &Path) -> Result<Records<'static>, ReadError> {
    open_with(path, &ReadLimits::default(), None)
}

/// The documents of a file, one after the other.
///
/// # Errors
/// As [`read`], and what the file system says.
pub fn open_with<'a>(
    path: &Path,
    limits: &ReadLimits,
    pages: Option<&'a dyn PageReader>,
) -> Result<Records<'a>, ReadError> {
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    let name =
        path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let file = File::open(path).map_err(io)?;
    let about = file.metadata().map_err(io)?;
    if about.is_dir() {
        return Err(io(std::io::ErrorKind::IsADirectory.into()));
    }
    let reader = BufReader::with_capacity(1 << 16, file);
    let input = Input { name: &name, reader: Box::new(reader), length: Some(about.len()) };
    from_reader(input, limits, pages, 0)
}

fn from_bytes<'a>(
    name: &str,
    bytes: &'a [u8],
    context: Context<'a>,
) -> Result<Records<'a>, ReadError> {
    let format = refined(detect(name, bytes), bytes);
    check(name, format, bytes.is_empty(), bytes.len() as u64, context.limits)?;
    let items = match format {
        Format::Gzip | Format::Json | Format::JsonLines | Format::Csv | Format::Text => {
            let input = Input { name, reader: Box::new(bytes), length: Some(bytes.len() as u64) };
            return from_reader(input, context.limits, context.pages, context.nesting);
        }
        _ => whole(name, format, bytes, context),
    };
    Ok(Records { format, index: 0, items: Box::new(items.into_iter()) })
}

/// An archive says by its parts what it is.
fn refined(format: Format, bytes: &[u8]) -> Format {
    match format {
        Format::Zip | Format::Docx | Format::Xlsx | Format::Pptx => {
            archive::kind(bytes).unwrap_or(format)
        }
        other => other,
    }
}

fn check(
    name: &str,
    format: Format,
    empty: bool,
    bytes: u64,
    limits: &ReadLimits,
) -> Result<(), ReadError> {
    let name = || name.to_owned();
    if empty {
        return Err(ReadError::Empty { name: name() });
    }
    if let Some(remedy) = format.remedy() {
        return Err(ReadError::Unsupported { name: name(), format, remedy });
    }
    let limit = match format {
        Format::Gzip | Format::Json | Format::JsonLines | Format::Csv | Format::Text => {
            limits.stream_bytes
        }
        _ => limits.file_bytes,
    };
    if bytes > limit {
        return Err(ReadError::TooLarge { name: name(), format, bytes, limit });
    }
    Ok(())
}

/// A stream that has to end after so many bytes.
fn limited<'a>(inner: Box<dyn BufRead + Send + 'a>, limit: u64) -> Box<dyn BufRead + Send + 'a> {
    Box::new(BufReader::with_capacity(1 << 16, archive::Limited::new(inner, limit)))
}

/// A file as a stream, with its length where that is known before it is read.
struct Input<'n, 'a> {
    name: &'n str,
    reader: Box<dyn BufRead + Send + 'a>,
    length: Option<u64>,
}

fn from_reader<'a>(
    input: Input<'_, 'a>,
    limits: &ReadLimits,
    pages: Option<&'a dyn PageReader>,
    nesting: usize,
) -> Result<Records<'a>, ReadError> {
    let Input { name, mut reader, length } = input;
    let io = |source| ReadError::Io { path: name.into(), source };
    // The encoding needs a longer look than the format.
    let mut head = Vec::new();
    let mut failed = None;
    if let Err(error) = reader.by_ref().take(SAMPLE as u64).read_to_end(&mut head) {
        // What came before a cut is still read, then the reason is given.
        if head.is_empty() {
            return Err(io(error));
        }
        failed = Some(error);
    }
    let format = detect(name, &head);
    check(name, format, head.is_empty(), length.unwrap_or(head.len() as u64), limits)?;
    let charset = Charset::detect(&head);
    let mut rest: Box<dyn BufRead + Send + 'a> = match failed {
        Some(error) => {
            Box::new(BufReader::new(std::io::Cursor::new(head).chain(Failed(Some(error)))))
        }
        None => Box::new(std::io::Cursor::new(head).chain(reader)),
    };
    let items: Items<'a> = match format {
        Format::Gzip if nesting < limits.nesting => {
            let inner = name.strip_suffix(".gz").unwrap_or(name).to_owned();
            let unpacked = Box::new(BufReader::with_capacity(
                1 << 16,
                flate2::bufread::MultiGzDecoder::new(rest),
            ));
            let unpacked = limited(unpacked, limits.stream_bytes);
            let input = Input { name: &inner, reader: unpacked, length: None };
            return from_reader(input, limits, pages, nesting + 1);
        }
        Format::Gzip => one(Problem::new("bomb", "gzip within gzip, too deep; unpack it first")),
        Format::JsonLines if charset.has_byte_lines() => {
            skip(&mut rest, charset.mark()).map_err(io)?;
            Box::new(json::JsonLines::new(rest, charset, limits))
        }
        Format::JsonLines => {
            let utf8 = Charset::named("utf-8").unwrap_or(charset);
            Box::new(json::JsonLines::new(Utf8Reader::new(rest, charset), utf8, limits))
        }
        Format::Json => Box::new(json::Elements::new(Utf8Reader::new(rest, charset), limits)),
        Format::Csv => csv::read(name, Utf8Reader::new(rest, charset), limits),
        Format::Text if charset.has_byte_lines() => {
            skip(&mut rest, charset.mark()).map_err(io)?;
            Box::new(lines::Plain::new(rest, charset, limits))
        }
        Format::Text => {
            let utf8 = Charset::named("utf-8").unwrap_or(charset);
            Box::new(lines::Plain::new(Utf8Reader::new(rest, charset), utf8, limits))
        }
        _ => {
            let mut bytes = Vec::new();
            rest.by_ref().take(limits.file_bytes + 1).read_to_end(&mut bytes).map_err(io)?;
            let format = refined(format, &bytes);
            check(name, format, bytes.is_empty(), bytes.len() as u64, limits)?;
            let items = whole(name, format, &bytes, Context { limits, pages, nesting });
            return Ok(Records { format, index: 0, items: Box::new(items.into_iter()) });
        }
    };
    Ok(Records { format, index: 0, items })
}

/// A stream that only says why there is no more of it.
struct Failed(Option<std::io::Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

fn one<'a>(problem: Problem) -> Items<'a> {
    Box::new(std::iter::once(Err(problem)))
}

fn skip(reader: &mut dyn BufRead, bytes: usize) -> std::io::Result<()> {
    std::io::copy(&mut reader.take(bytes as u64), &mut std::io::sink()).map(drop)
}

/// Documents of a format that is read as a whole.
fn whole(
    name: &str,
    format: Format,
    bytes: &[u8],
    context: Context<'_>,
) -> Vec<Result<Extract, Problem>> {
    let read = guard::run(name, || match format {
        Format::Pdf => pdf::read(bytes, context).map(good),
        Format::Docx => docx::read(bytes, context.limits).map(good),
        Format::Xlsx => xlsx::read(bytes, context.limits).map(good),
        Format::Pptx => pptx::read(bytes, context.limits).map(good),
        Format::Html => html::read(bytes, context.limits).map(good),
        Format::Markdown => markdown::read(bytes, context.limits).map(good),
        Format::Image => image::read(bytes, context).map(good),
        Format::Eml => eml::read(bytes, context),
        other => Err(Problem::new("unsupported", format!("{other} is not read as a whole"))),
    });
    read.unwrap_or_else(|problem| vec![Err(problem)])
}

/// Documents that have something to say; a file without text and without a reason is a problem.
fn good(documents: Vec<Extract>) -> Vec<Result<Extract, Problem>> {
    let documents: Vec<_> = documents
        .into_iter()
        .filter(|d| !d.text.trim().is_empty() || !d.notes.is_empty())
        .map(Ok)
        .collect();
    if documents.is_empty() {
        return vec![Err(Problem::new(
            "no-text",
            "there is no text in it; is it a picture of a text?",
        ))];
    }
    documents
}

#[cfg(test)]
mod tests;
