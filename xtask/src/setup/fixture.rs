//! A small wheel and its pin, for the tests of `setup`.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use strata_fetch::hash_file;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::pins::{Library, Pin};

/// Stands for ONNX Runtime.
pub(crate) const RUNTIME: &[u8] = b"not a library, but bytes whose digest is known";
const SHARED: &[u8] = b"a companion library";

/// Writes a wheel with `runtime` as its library (left out when `complete` is false) and an entry that would escape.
pub(crate) fn write_wheel(path: &Path, runtime: &[u8], complete: bool) {
    let mut zip = ZipWriter::new(File::create(path).unwrap());
    let options = SimpleFileOptions::default();
    let mut add = |name: &str, bytes: &[u8]| {
        zip.start_file(name, options).unwrap();
        zip.write_all(bytes).unwrap();
    };
    add("../escaped", b"must not be written");
    add("onnxruntime/capi/libshared.so", SHARED);
    if complete {
        add("onnxruntime/capi/libfixture.so.1.2.3", runtime);
    }
    zip.finish().unwrap();
}

/// Adds the texts that a published wheel has.
pub(crate) fn add_notices(path: &Path) {
    let file = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut zip = ZipWriter::new_append(file).unwrap();
    for (name, text) in
        [("LICENSE", "licence of ONNX Runtime"), ("ThirdPartyNotices.txt", "others")]
    {
        zip.start_file(format!("onnxruntime/{name}"), SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
}

fn leaked(bytes: &[u8]) -> &'static str {
    strata_fetch::Digest::of(bytes).to_string().leak()
}

/// The pin of the wheel at `path`, for a library of the bytes [`RUNTIME`].
pub(crate) fn pin(path: &Path) -> Pin {
    let (bytes, sha256) = hash_file(path).unwrap();
    let libraries = vec![
        Library {
            entry: "onnxruntime/capi/libfixture.so.1.2.3",
            name: "libfixture.so",
            bytes: RUNTIME.len() as u64,
            sha256: leaked(RUNTIME),
        },
        Library {
            entry: "onnxruntime/capi/libshared.so",
            name: "libshared.so",
            bytes: SHARED.len() as u64,
            sha256: leaked(SHARED),
        },
    ];
    Pin {
        os: "linux",
        arch: "x86_64",
        platform: "any",
        wheel: "fixture-1.2.3-any.whl",
        bytes,
        sha256: sha256.to_string().leak(),
        libraries: libraries.leak(),
    }
}
