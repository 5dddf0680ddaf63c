//! Taking a file from a folder: the same part file and checks as a download.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::digest::CHUNK;
use crate::part::Part;
use crate::progress::{Meter, Progress, Snapshot};
use crate::{FetchError, Request, Result};

/// Copies `path` into the part from its start. `Ok(false)` when there is no such file.
pub(crate) fn copy(
    path: &Path,
    request: &Request,
    part: &mut Part,
    progress: &mut dyn Progress,
) -> Result<bool> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(FetchError::io("read", path)(error)),
    };
    let meta = file.metadata().map_err(FetchError::io("read", path))?;
    let origin = path.display().to_string();
    if let Some(expected) = request.bytes.filter(|&b| b != meta.len()) {
        return Err(FetchError::Length { url: origin, expected, got: meta.len() });
    }
    part.restart()?;
    let mut meter = Meter::new();
    let mut buffer = vec![0_u8; CHUNK];
    loop {
        let n = file.read(&mut buffer).map_err(FetchError::io("read", path))?;
        if n == 0 {
            return Ok(true);
        }
        // The file may grow while it is read; the limit holds all the same.
        if part.len() + n as u64 > request.limit() {
            part.restart()?;
            return Err(FetchError::TooLong { url: origin, limit: request.limit() });
        }
        part.write(&buffer[..n])?;
        if meter.add(n) {
            let snapshot = Snapshot {
                origin: &origin,
                bytes: part.len(),
                total: Some(meta.len()),
                rate: meter.rate(),
                resumed_from: 0,
            };
            if progress.update(&snapshot).is_break() {
                return Err(FetchError::Cancelled {
                    dest: request.dest.clone(),
                    received: part.len(),
                });
            }
        }
    }
}
