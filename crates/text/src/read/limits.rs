//! What reading a file may cost: every size that a stranger's file could choose is bounded here.

/// Bounds of a reader. The defaults suit a workstation: no document of an office comes near them, and a file built to
/// exhaust memory is stopped well below a gigabyte or two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadLimits {
    /// Longest file, in bytes, of the formats that are read as a whole (PDF, office formats, mail, HTML, Markdown).
    pub file_bytes: u64,
    /// Most bytes, unpacked, of the formats that are read as a stream (JSON lines and arrays, CSV, plain text).
    pub stream_bytes: u64,
    /// Longest record of a stream (a JSON line, an element of an array, a row of CSV), in bytes; a longer one is
    /// reported and skipped.
    pub record_bytes: usize,
    /// Most text of one document, in bytes; a longer one is given in parts.
    pub document_bytes: usize,
    /// Most text of one file read as a whole, in bytes.
    pub text_bytes: usize,
    /// Most pages of a document; the rest is left out with a note.
    pub pages: usize,
    /// Most entries of an archive.
    pub entries: usize,
    /// Most bytes one entry of an archive, or one stream of a PDF, may unpack to.
    pub entry_bytes: u64,
    /// Most bytes that all entries, or all streams of a PDF, may unpack to.
    pub unpacked_bytes: u64,
    /// How many times its size an archive may unpack to, once 32 MiB are exceeded.
    pub ratio: u64,
    /// Deepest nesting of XML elements.
    pub depth: usize,
    /// Most cells of a file's tables.
    pub cells: usize,
    /// Most operations on the pages of a PDF.
    pub operations: usize,
    /// Deepest nesting of mails, attachments and gzip.
    pub nesting: usize,
    /// Most documents of one mail.
    pub documents: usize,
}

impl Default for ReadLimits {
    fn default() -> Self {
        const MIB: usize = 1 << 20;
        Self {
            file_bytes: 512 << 20,
            stream_bytes: 32 << 30,
            record_bytes: 32 * MIB,
            document_bytes: 16 * MIB,
            text_bytes: 256 * MIB,
            pages: 20_000,
            entries: 20_000,
            entry_bytes: 256 << 20,
            unpacked_bytes: 1 << 30,
            ratio: 300,
            depth: 256,
            cells: 10_000_000,
            operations: 30_000_000,
            nesting: 4,
            documents: 1_000,
        }
    }
}
