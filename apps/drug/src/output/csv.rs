//! CSV as in RFC 4180, with a header, `\n` line ends and quotes only where needed.

use std::io::Write;
use std::path::Path;

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use strata_cli::atomic::AtomicFile;

use super::{Cell, OutputError, Schema, TableWriter};

/// Where the bytes go.
enum Target {
    Plain(AtomicFile),
    Zipped(Box<GzEncoder<AtomicFile>>),
}

impl Write for Target {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(buffer),
            Self::Zipped(file) => file.write(buffer),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            // Flushing a compressor costs size; `commit` ends it.
            Self::Zipped(_) => Ok(()),
        }
    }
}

impl Target {
    fn commit(self) -> std::io::Result<()> {
        match self {
            Self::Plain(file) => file.commit(),
            Self::Zipped(file) => file.finish()?.commit(),
        }
    }
}

/// Writes a table as CSV.
pub(super) struct CsvTable {
    writer: ::csv::Writer<Target>,
    name: String,
    text: String,
}

impl CsvTable {
    pub(super) fn plain(path: &Path, schema: &Schema) -> Result<Self, OutputError> {
        Self::new(path, schema, Target::Plain)
    }

    pub(super) fn zipped(path: &Path, schema: &Schema) -> Result<Self, OutputError> {
        // No time and no name in the head: the same rows give the same bytes.
        let zipped = |file| GzBuilder::new().mtime(0).write(file, Compression::new(6));
        Self::new(path, schema, |file| Target::Zipped(Box::new(zipped(file))))
    }

    fn new(
        path: &Path,
        schema: &Schema,
        target: impl FnOnce(AtomicFile) -> Target,
    ) -> Result<Self, OutputError> {
        let name = path.display().to_string();
        let io = |source| OutputError::Io { name: name.clone(), source };
        let file = AtomicFile::create(path).map_err(io)?;
        let mut writer = ::csv::Writer::from_writer(target(file));
        let header = schema.columns.iter().map(|column| column.name.as_str());
        writer.write_record(header).map_err(|error| io(error.into()))?;
        Ok(Self { writer, name, text: String::new() })
    }

    fn io(&self) -> impl FnOnce(std::io::Error) -> OutputError + use<> {
        let name = self.name.clone();
        move |source| OutputError::Io { name, source }
    }
}

impl TableWriter for CsvTable {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), OutputError> {
        use std::fmt::Write as _;
        let mut wrote = Ok(());
        for cell in cells {
            wrote = wrote.and_then(|()| match cell {
                Cell::Text(text) => self.writer.write_field(text),
                cell => {
                    self.text.clear();
                    // Writing to a string cannot fail.
                    let _ = write!(self.text, "{cell}");
                    self.writer.write_field(&self.text)
                }
            });
        }
        wrote
            .and_then(|()| self.writer.write_record(None::<&[u8]>))
            .map_err(|error| self.io()(error.into()))
    }

    fn finish(self: Box<Self>, _: &[(String, String)]) -> Result<(), OutputError> {
        let io = self.io();
        match self.writer.into_inner() {
            Ok(target) => target.commit().map_err(io),
            Err(error) => Err(io(error.into_error())),
        }
    }
}
