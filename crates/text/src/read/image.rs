//! Pages that are pictures. What is on them is read by whoever the caller gives ([`PageReader`]); no such model comes
//! with the kit.

use super::Context;
use super::build::Builder;
use super::problem::{Problem, note};
use crate::document::Extract;

/// Reads the text on a picture of a page.
pub trait PageReader: Send + Sync {
    /// The text, lines separated by `\n`, in order of reading.
    ///
    /// # Errors
    /// Why it cannot be read; it becomes a note of the page.
    fn read(&self, page: &PageImage<'_>) -> Result<String, String>;
}

/// A picture of a page, or of a part of it.
#[derive(Debug, Clone, Copy)]
pub struct PageImage<'a> {
    /// Page it is on, from 1.
    pub page: u32,
    /// Columns and rows, where the file states them.
    pub size: Option<(u32, u32)>,
    /// How `data` is encoded.
    pub format: ImageFormat,
    /// The picture.
    pub data: &'a [u8],
}

/// How a picture is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageFormat {
    /// A whole file: JPEG, PNG, BMP, TIFF, WebP, GIF or JPEG 2000, as its first bytes say.
    File,
    /// 8-bit samples, rows from the top without padding; 1 (grey) or 3 (RGB) a pixel.
    Raw {
        /// Samples a pixel.
        channels: u8,
    },
    /// One bit a pixel, rows from the top, each filled up to whole bytes; a set bit is white.
    Bits,
    /// A CCITT fax or JBIG2 stream as it stands in a PDF.
    Fax,
}

/// Reads a picture file, the only page of its document.
pub(super) fn read(bytes: &[u8], context: Context<'_>) -> Result<Vec<Extract>, Problem> {
    let mut builder = Builder::new(context.limits);
    builder.page(1);
    page(
        &PageImage { page: 1, size: None, format: ImageFormat::File, data: bytes },
        context,
        &mut builder,
    )?;
    Ok(builder.finish())
}

/// Reads a page that is a picture into the document, or says that nobody can.
pub(super) fn page(
    image: &PageImage<'_>,
    context: Context<'_>,
    builder: &mut Builder,
) -> Result<(), Problem> {
    let read = context.pages.map(|reader| reader.read(image));
    let message = match read {
        Some(Ok(text)) => return builder.paragraph(&text),
        Some(Err(reason)) => {
            format!("page {} is a picture and could not be read: {reason}", image.page)
        }
        None => format!(
            "page {} is a picture; recognise its text with an OCR program and read the PDF or text that it makes",
            image.page
        ),
    };
    builder.note(note(Some(image.page), "scanned-page", message));
    Ok(())
}
