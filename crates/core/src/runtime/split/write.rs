//! Writing a part: pieces of the whole's bytes in a new order, hashed as they go to the disk.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::super::first_row::{write as write_field, write_bytes, write_number, write_varint};
use super::super::session::TensorPort;
use super::super::weights::{Field, Fields};
use super::cuts::PartPlan;
use super::graph::Graph;
use super::shapes::value;
use super::{PartFile, SplitError, Whole};
use crate::card::{Dim, Dtype};

const MODEL: &str = "model.onnx";
const DATA: &str = "model.data";

/// A file that is hashed while it is written.
struct Hashed {
    file: BufWriter<File>,
    digest: Sha256,
    bytes: u64,
}

impl Hashed {
    fn create(path: &Path) -> std::io::Result<Self> {
        let file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        Ok(Self { file, digest: Sha256::new(), bytes: 0 })
    }

    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    fn end(mut self, name: &str) -> std::io::Result<PartFile> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        let sha256 = self.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(PartFile { name: name.to_owned(), bytes: self.bytes, sha256 })
    }
}

/// A field of the part's graph: bytes of the whole, or made anew.
enum Piece<'a> {
    Of(u64, &'a [u8]),
    New(u64, Vec<u8>),
}

impl Piece<'_> {
    fn parts(&self) -> (u64, &[u8]) {
        match self {
            Self::Of(number, bytes) => (*number, bytes),
            Self::New(number, bytes) => (*number, bytes),
        }
    }

    fn head(&self) -> Vec<u8> {
        let (number, bytes) = self.parts();
        let mut head = Vec::new();
        write_varint(&mut head, number << 3 | 2);
        write_varint(&mut head, bytes.len() as u64);
        head
    }
}

/// Writes the ONNX file of a part, and its external data.
pub(super) fn write(
    whole: &Whole<'_>,
    graph: &Graph<'_>,
    plan: &PartPlan,
    (inputs, outputs): (&[TensorPort], &[TensorPort]),
    folder: &Path,
) -> Result<(PartFile, Option<PartFile>), SplitError> {
    let io = |name: &str| {
        let path = folder.join(name);
        move |source| SplitError::Io { path, source }
    };
    let mut pieces: Vec<Piece<'_>> =
        plan.nodes.iter().map(|at| Piece::Of(1, graph.nodes[*at].bytes)).collect();
    pieces.push(Piece::Of(2, graph.name));
    let mut data: Option<Hashed> = None;
    for name in &plan.initialisers {
        let Some(initialiser) = graph.initialisers.get(name.as_str()) else { continue };
        let Some((file, offset, length)) = initialiser.external else {
            pieces.push(Piece::Of(5, initialiser.bytes));
            continue;
        };
        let out = match &mut data {
            Some(data) => data,
            None => data.insert(Hashed::create(&folder.join(DATA)).map_err(io(DATA))?),
        };
        let at = out.bytes;
        copy(whole, file, (offset, length), out).map_err(io(file))?;
        pieces.push(Piece::New(5, moved(initialiser.bytes, at, length)?));
    }
    for port in inputs {
        let of_whole = graph.inputs.iter().find(|(name, _)| *name == port.name);
        pieces.push(
            of_whole.map_or_else(|| Piece::New(11, typed(port)), |(_, bytes)| Piece::Of(11, bytes)),
        );
    }
    for port in outputs {
        let of_whole = graph.outputs.iter().find(|(name, _)| *name == port.name);
        pieces.push(
            of_whole.map_or_else(|| Piece::New(12, typed(port)), |(_, bytes)| Piece::Of(12, bytes)),
        );
    }
    let mut out = Hashed::create(&folder.join(MODEL)).map_err(io(MODEL))?;
    model(whole.bytes, &pieces, &mut out)?.map_err(io(MODEL))?;
    let model = out.end(MODEL).map_err(io(MODEL))?;
    let data = data.map(|data| data.end(DATA)).transpose().map_err(io(DATA))?;
    Ok((model, data))
}

fn model(
    whole: &[u8],
    pieces: &[Piece<'_>],
    out: &mut Hashed,
) -> Result<std::io::Result<()>, SplitError> {
    let mut head = Vec::new();
    for (number, field) in Fields(whole).filter(|(number, _)| *number != 7) {
        write_field(&mut head, number, field)
            .ok_or_else(|| SplitError::Graph("a field is of an unknown kind".to_owned()))?;
    }
    let length: u64 =
        pieces.iter().map(|piece| (piece.head().len() + piece.parts().1.len()) as u64).sum();
    write_varint(&mut head, 7 << 3 | 2);
    write_varint(&mut head, length);
    let put = |out: &mut Hashed| {
        out.put(&head)?;
        pieces.iter().try_for_each(|piece| {
            out.put(&piece.head())?;
            out.put(piece.parts().1)
        })
    };
    Ok(put(out))
}

/// Copies a span of external data.
fn copy(
    whole: &Whole<'_>,
    file: &str,
    (offset, length): (u64, u64),
    out: &mut Hashed,
) -> std::io::Result<()> {
    let mut from = (whole.external)(file)?;
    from.seek(SeekFrom::Start(offset))?;
    let mut left = length;
    let mut block = vec![0; 1 << 20];
    while left > 0 {
        let some = block.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        from.read_exact(&mut block[..some])?;
        out.put(&block[..some])?;
        left -= some as u64;
    }
    Ok(())
}

/// A tensor whose data lie elsewhere now.
fn moved(tensor: &[u8], offset: u64, length: u64) -> Result<Vec<u8>, SplitError> {
    let mut made = Vec::new();
    for (number, field) in Fields(tensor).filter(|(number, _)| *number != 13) {
        write_field(&mut made, number, field).ok_or_else(|| {
            SplitError::Graph("a tensor has a field of an unknown kind".to_owned())
        })?;
    }
    for (key, value) in [
        ("location", DATA.to_owned()),
        ("offset", offset.to_string()),
        ("length", length.to_string()),
    ] {
        let mut entry = Vec::new();
        write_bytes(&mut entry, 1, key.as_bytes());
        write_bytes(&mut entry, 2, value.as_bytes());
        write_bytes(&mut made, 13, &entry);
    }
    if !Fields(&made).any(|(number, field)| number == 14 && matches!(field, Field::Number(1))) {
        write_number(&mut made, 14, 1);
    }
    Ok(made)
}

/// A tensor's name, type and shape.
fn typed(port: &TensorPort) -> Vec<u8> {
    let number = (1..=16).find(|number| Dtype::from_onnx(*number) == Some(port.dtype)).unwrap_or(1);
    let dims = port.shape.iter().map(|dim| match dim {
        Dim::Fixed(length) => Some(*length),
        Dim::Symbol(_) => None,
    });
    value(&port.name, number.unsigned_abs().into(), dims)
}
