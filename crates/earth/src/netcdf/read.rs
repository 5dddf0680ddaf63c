//! NetCDF files as named arrays.

use std::path::Path;
use std::sync::Arc;

use netcdf_reader::{
    NcAttrValue, NcFile, NcMetadataMode, NcOpenOptions, NcReadable, NcSliceInfo, NcSliceInfoElem,
    NcType, NcVariable,
};

use crate::cube::{Attribute, Attributes, Cube, Numbers, Store, Variable};
use crate::source::{Limits, ReadError, Source};

use super::{filters, seal};

/// Chunks that were read stay for fields that share them, up to this many bytes.
const CACHE: usize = 256 << 20;

/// Opens a file whose variables lie on latitudes and longitudes.
///
/// Times follow CF (calendars standard, proleptic_gregorian, noleap); pressures come in hPa. Read are files of the Climate Data
/// Store in both layouts, of cfgrib, WeatherBench, WRF (fields on two-dimensional latitudes and longitudes) and our own.
///
/// # Errors
/// [`ReadError`]: it is no NetCDF file, is broken, or holds no field.
pub fn open(path: &Path, limits: &Limits) -> Result<impl Source + use<>, ReadError> {
    Cube::new(NetCdf::open(path, limits)?, path, "netcdf", limits)
}

struct NetCdf {
    file: NcFile,
    /// The reader's variables, as it tells them.
    inner: Vec<NcVariable>,
    variables: Vec<Variable>,
    attributes: Attributes,
    limits: Limits,
}

impl NetCdf {
    fn open(path: &Path, limits: &Limits) -> Result<Self, ReadError> {
        let io = |source| ReadError::Io { path: path.to_owned(), source };
        let wrong = |error: netcdf_reader::Error| match error {
            netcdf_reader::Error::Io(source) => io(source),
            error => ReadError::Format { path: path.to_owned(), why: format!("NetCDF: {error}") },
        };
        let mut file = std::fs::File::open(path).map_err(io)?;
        if let Some(why) = seal::damage(&mut file).map_err(io)? {
            return Err(ReadError::Format { path: path.to_owned(), why });
        }
        let storage = netcdf_reader::FileStorage::from_file(file)
            .map_err(|error| wrong(netcdf_reader::Error::Hdf5(error)))?;
        let most = limits.points.saturating_mul(8);
        let options = NcOpenOptions {
            chunk_cache_bytes: CACHE,
            // Files by h5py or old libraries leave out what NetCDF-4 would add.
            metadata_mode: NcMetadataMode::Lossy,
            filter_registry: Some(filters::registry(most)),
            max_chunk_bytes: most,
            max_read_bytes: most,
            max_object_header_bytes: 16 << 20,
            ..NcOpenOptions::default()
        };
        let file = NcFile::from_storage_with_options(Arc::new(storage), options).map_err(wrong)?;
        let inner = file.variables().map_err(wrong)?.to_vec();
        let variables = inner.iter().map(variable).collect();
        let attributes = attributes(file.global_attributes().map_err(wrong)?);
        Ok(Self { file, inner, variables, attributes, limits: *limits })
    }

    fn block<T: NcReadable>(
        &self,
        name: &str,
        start: &[usize],
        count: &[usize],
    ) -> Result<Vec<T>, String> {
        let wide = |at: usize| u64::try_from(at).unwrap_or(u64::MAX);
        let side = |(start, count): (&usize, &usize)| NcSliceInfoElem::Slice {
            start: wide(*start),
            end: wide(start.saturating_add(*count)),
            step: 1,
        };
        let selections = start.iter().zip(count).map(side).collect();
        let selection = NcSliceInfo { selections };
        let array = self.file.read_variable_slice_parallel::<T>(name, &selection);
        let array = array.map_err(|error| error.to_string())?;
        let standard = array.is_standard_layout();
        match array.into_raw_vec_and_offset() {
            (values, None | Some(0)) if standard => Ok(values),
            _ => Err("the reader gave an array that is not row by row".to_owned()),
        }
    }
}

fn attributes(list: &[netcdf_reader::NcAttribute]) -> Attributes {
    let of = |value: &NcAttrValue| match value {
        NcAttrValue::Strings(texts) => Some(Attribute::Text(texts.join(" "))),
        NcAttrValue::Chars(text) => Some(Attribute::Text(text.trim_end_matches('\0').to_owned())),
        numbers => numbers.as_f64_vec().map(Attribute::Numbers),
    };
    list.iter().filter_map(|one| Some((one.name.clone(), of(&one.value)?))).collect()
}

fn variable(inner: &NcVariable) -> Variable {
    let size = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
    let mut dims: Vec<String> = inner.dimensions.iter().map(|dim| dim.name.clone()).collect();
    let mut shape: Vec<usize> = inner.dimensions.iter().map(|dim| size(dim.size)).collect();
    let text = matches!(inner.dtype, NcType::String | NcType::Char);
    if inner.dtype == NcType::Char {
        // A text is a row of characters.
        dims.pop();
        shape.pop();
    }
    Variable {
        name: inner.name.clone(),
        dims,
        shape,
        attributes: attributes(&inner.attributes),
        text,
    }
}

impl Store for NetCdf {
    fn variables(&self) -> &[Variable] {
        &self.variables
    }

    fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    fn read(&self, variable: usize, start: &[usize], count: &[usize]) -> Result<Numbers, String> {
        let inner = self.inner.get(variable).ok_or("there is no such variable")?;
        let size = count.iter().try_fold(1_usize, |size, side| size.checked_mul(*side));
        let most = self.limits.points.max(self.limits.fields);
        if size.is_none_or(|size| size > most) {
            return Err(format!("a block of {count:?} is more than {most} values"));
        }
        let name = inner.name.as_str();
        Ok(match &inner.dtype {
            NcType::Byte => Numbers::I8(self.block(name, start, count)?),
            NcType::UByte => Numbers::U8(self.block(name, start, count)?),
            NcType::Short => Numbers::I16(self.block(name, start, count)?),
            NcType::UShort => Numbers::U16(self.block(name, start, count)?),
            NcType::Int => Numbers::I32(self.block(name, start, count)?),
            NcType::UInt => Numbers::U32(self.block(name, start, count)?),
            NcType::Int64 => Numbers::I64(self.block(name, start, count)?),
            NcType::UInt64 => Numbers::U64(self.block(name, start, count)?),
            NcType::Float => Numbers::F32(self.block(name, start, count)?),
            NcType::Double => Numbers::F64(self.block(name, start, count)?),
            other => return Err(format!("values of type {other:?} are not read")),
        })
    }

    fn texts(&self, variable: usize) -> Result<Vec<String>, String> {
        let inner = self.inner.get(variable).ok_or("there is no such variable")?;
        let texts = self.file.read_variable_as_strings(&inner.name);
        texts.map_err(|error| error.to_string())
    }
}
