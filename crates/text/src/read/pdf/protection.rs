//! Opening files that are protected by an owner's password only. The library finds an encryption dictionary where the
//! trailer refers to it; where it stands in the trailer itself, as MuPDF writes it, it is put behind a reference by an
//! incremental update. ISO 32000-1, 7.5.6 and 7.6.1.

use lopdf::{Dictionary, Document, LoadOptions, Object};

/// The document opened, if its encryption dictionary stood in the trailer; `None` where that is not the matter.
pub(super) fn reopened(
    document: &Document,
    bytes: &[u8],
    options: &LoadOptions,
) -> Option<Document> {
    let encrypt = document.trailer.get(b"Encrypt").ok()?.as_dict().ok()?;
    let last = last_table(bytes)?;
    let number = document.max_id.checked_add(1)?;
    let mut out = bytes.to_vec();
    out.push(b'\n');
    let place = out.len();
    out.extend(format!("{number} 0 obj\n").bytes());
    write_dictionary(encrypt, 0, &mut out)?;
    out.extend(b"\nendobj\n");
    let table = out.len();
    out.extend(format!("xref\n{number} 1\n{place:010} 00000 n \ntrailer\n<<").bytes());
    for key in [b"Root".as_slice(), b"ID", b"Info"] {
        if let Ok(value) = document.trailer.get(key) {
            write(&Object::Name(key.to_vec()), 0, &mut out)?;
            write(value, 0, &mut out)?;
        }
    }
    let end = format!(
        "/Size {}/Prev {last}/Encrypt {number} 0 R>>\nstartxref\n{table}\n%%EOF\n",
        number.checked_add(1)?
    );
    out.extend(end.bytes());
    Document::load_mem_with_options(&out, options.clone()).ok()
}

/// Where the last cross-reference table is.
fn last_table(bytes: &[u8]) -> Option<usize> {
    let from = bytes.len().saturating_sub(2048);
    let tail = String::from_utf8_lossy(bytes.get(from..)?).into_owned();
    let (_, after) = tail.rsplit_once("startxref")?;
    after.split_whitespace().next()?.parse().ok()
}

fn write_dictionary(dictionary: &Dictionary, depth: usize, out: &mut Vec<u8>) -> Option<()> {
    out.extend(b"<<");
    for (key, value) in dictionary {
        write(&Object::Name(key.clone()), depth, out)?;
        write(value, depth + 1, out)?;
    }
    out.extend(b">>");
    Some(())
}

/// The few kinds of values that a trailer has.
fn write(object: &Object, depth: usize, out: &mut Vec<u8>) -> Option<()> {
    if depth > 8 {
        return None;
    }
    match object {
        Object::Null => out.extend(b" null"),
        Object::Boolean(yes) => out.extend(format!(" {yes}").bytes()),
        Object::Integer(number) => out.extend(format!(" {number}").bytes()),
        Object::Real(number) => out.extend(format!(" {number}").bytes()),
        Object::Reference((number, generation)) => {
            out.extend(format!(" {number} {generation} R").bytes());
        }
        Object::Name(name) => {
            out.push(b'/');
            for &byte in name {
                if byte.is_ascii_alphanumeric() {
                    out.push(byte);
                } else {
                    out.extend(format!("#{byte:02x}").bytes());
                }
            }
        }
        Object::String(bytes, _) => {
            out.push(b'<');
            bytes.iter().for_each(|byte| out.extend(format!("{byte:02x}").bytes()));
            out.push(b'>');
        }
        Object::Array(items) => {
            out.push(b'[');
            items.iter().try_for_each(|item| write(item, depth + 1, out))?;
            out.push(b']');
        }
        Object::Dictionary(dictionary) => write_dictionary(dictionary, depth + 1, out)?,
        Object::Stream(_) => return None,
    }
    Some(())
}
