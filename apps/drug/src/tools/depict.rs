//! Drawings of molecules: one as SVG, many as a page.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use strata_chem::Mol;
use strata_chem::depict::svg;
use strata_chem::smarts::Pattern;
use strata_cli::atomic::AtomicFile;

use super::ToolError;
use crate::input::RecordReader;
use crate::report::escape;

/// A drawing as SVG; atoms that match `highlight` are marked.
///
/// # Errors
/// [`ToolError::Chem`] where the molecule cannot be laid out.
pub fn draw(mol: &Mol, highlight: Option<&Pattern>) -> Result<String, ToolError> {
    draw_atoms(mol, highlight.map(|pattern| matched_atoms(mol, pattern)).unwrap_or_default())
}

/// The atoms that match a pattern, as often as they do.
#[must_use]
pub fn matched_atoms(mol: &Mol, pattern: &Pattern) -> Vec<u32> {
    pattern.find(mol).concat()
}

/// A drawing as SVG; these atoms are marked.
///
/// # Errors
/// [`ToolError::Chem`] where the molecule cannot be laid out.
pub fn draw_atoms(mol: &Mol, mut atoms: Vec<u32>) -> Result<String, ToolError> {
    atoms.sort_unstable();
    atoms.dedup();
    Ok(svg(mol, &atoms)?)
}

/// What a page holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct PageSummary {
    /// Molecules drawn.
    pub drawn: u64,
    /// Rows that could not be drawn; each has its place on the page with the reason.
    pub failed: u64,
    /// Whether the input had more rows than were asked for.
    pub cut: bool,
}

const HEAD: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<style>
body { font: 14px/1.4 system-ui, sans-serif; margin: 1.5rem; background: #fff; color: #222 }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem }
figure { margin: 0; padding: .5rem; border: 1px solid #ddd; border-radius: 6px }
figure svg { width: 100%; height: 12rem }
figcaption { overflow-wrap: anywhere }
figcaption code { color: #666; font-size: 12px }
.error { color: #a00 }
</style>
";

/// Draws the first `limit` rows of an input on one page, which needs no network to be looked at.
///
/// # Errors
/// [`ToolError`] where the input cannot be read or the page not be written.
pub fn page(
    reader: &mut dyn RecordReader,
    out: &Path,
    highlight: Option<&Pattern>,
    limit: u64,
) -> Result<PageSummary, ToolError> {
    let layout = reader.layout().clone();
    let mut file = AtomicFile::create(out).map_err(ToolError::io(out))?;
    let title = escape(&out.file_stem().unwrap_or_default().to_string_lossy());
    let mut write = |text: &str| file.write_all(text.as_bytes()).map_err(ToolError::io(out));
    write(&format!("{HEAD}<title>{title}</title>\n<h1>{title}</h1>\n<main>\n"))?;
    let mut summary = PageSummary::default();
    let mut row = 0;
    while let Some(record) = reader.next_record()? {
        if row == limit {
            summary.cut = true;
            break;
        }
        let name = escape(&record.id(&layout, row));
        row += 1;
        let drawing = record.molecule(&layout).and_then(|mol| {
            let drawing = draw(&mol, highlight).map_err(|error| {
                strata_core::stream::RecordError::new("depict", error.to_string())
            })?;
            Ok((drawing, mol.canonical_smiles()))
        });
        let mut figure = String::from("<figure>");
        // Writing to a string cannot fail.
        let _ = match drawing {
            Ok((drawing, smiles)) => {
                summary.drawn += 1;
                let smiles = escape(&smiles);
                writeln!(
                    figure,
                    "{drawing}<figcaption>{name}<br><code>{smiles}</code></figcaption></figure>"
                )
            }
            Err(error) => {
                summary.failed += 1;
                let text = escape(&error.message);
                writeln!(
                    figure,
                    "<figcaption>{name}<br><span class=\"error\">{text}</span></figcaption></figure>"
                )
            }
        };
        write(&figure)?;
    }
    write("</main>\n</html>\n")?;
    file.commit().map_err(ToolError::io(out))?;
    Ok(summary)
}
