//! A model's state in files of NumPy, one for each input: what they hold is told by the model's card.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::card::{Axis, Contract, GridSpecKind, Port};
use crate::field::Header;
use crate::grid::Grid;
use crate::level::Level;
use crate::source::{Limits, ReadError, Source};
use crate::time::Time;
use crate::variable;

use super::array::{Head, head};

/// A model's state in files, read as it is asked for.
#[derive(Debug)]
pub struct State {
    files: Vec<Lazy>,
    headers: Vec<Header>,
    /// File, first value, and values from one column and one row to the next, of each field.
    places: Vec<(usize, usize, usize, usize)>,
}

/// The fields of a state that holds at a time, from one file for each of the card's inputs. A file is known by its name (the
/// input's, as in `input_surface.npy`), else by its shape; an axis of one state that the card has may be left out of it.
///
/// # Errors
/// [`ReadError`] names the input that has no file, or the file that is no input.
pub fn state(
    contract: &Contract,
    paths: &[PathBuf],
    reference: Time,
    limits: &Limits,
) -> Result<State, ReadError> {
    let mut files: Vec<Option<Lazy>> =
        paths.iter().map(|path| Lazy::open(path).map(Some)).collect::<Result<_, _>>()?;
    let (rows, columns) = (contract.grid.latitudes, contract.grid.longitudes);
    let unfit =
        |why: String| ReadError::Format { path: paths.first().cloned().unwrap_or_default(), why };
    if rows.checked_mul(columns).is_none_or(|points| points == 0 || points > limits.points) {
        return Err(unfit(format!("the card's grid of {rows} x {columns} points is too large")));
    }
    let grid = Arc::new(match contract.grid.kind {
        GridSpecKind::Regular => Grid::regular(rows, columns),
        GridSpecKind::Gaussian => Grid::gaussian(rows, columns),
    });
    let mut state = State { files: vec![], headers: vec![], places: vec![] };
    for port in &contract.ports {
        let shape = shape_of(port, rows, columns);
        let at = find(&files, port, &shape).ok_or_else(|| {
            let given: Vec<String> = files
                .iter()
                .flatten()
                .map(|file| format!("{} {:?}", file.path.display(), file.head.shape))
                .collect();
            unfit(format!(
                "no file is the input {} of shape {shape:?}; given are {}",
                port.input,
                given.join(", ")
            ))
        })?;
        let Some(file) = files.get_mut(at).and_then(Option::take) else { continue };
        add(&mut state, port, file, (&grid, reference, &contract.planet));
    }
    match files.into_iter().flatten().next() {
        Some(left) => {
            let why = "it is none of the inputs of the card, or an input that another file gives"
                .to_owned();
            Err(ReadError::Format { path: left.path, why })
        }
        None => Ok(state),
    }
}

fn shape_of(port: &Port, rows: usize, columns: usize) -> Vec<usize> {
    let side = |axis: &Axis| match axis {
        Axis::Batch => 1,
        Axis::Variable => port.variables.len(),
        Axis::Level => port.levels.len(),
        Axis::Latitude => rows,
        Axis::Longitude => columns,
    };
    port.axes.iter().map(side).collect()
}

fn find(files: &[Option<Lazy>], port: &Port, shape: &[usize]) -> Option<usize> {
    let plain = |shape: &[usize]| {
        let first = shape.iter().position(|side| *side != 1).unwrap_or(shape.len());
        shape[first..].to_vec()
    };
    let fits = |file: &Lazy| plain(&file.head.shape) == plain(shape);
    let named = |file: &Lazy| file.path.file_stem().is_some_and(|stem| stem == port.input.as_str());
    let by = |test: &dyn Fn(&Lazy) -> bool| {
        let mut fitting = (0..files.len()).filter(|at| files[*at].as_ref().is_some_and(test));
        let first = fitting.next();
        first.filter(|_| fitting.next().is_none())
    };
    by(&|file| named(file) && fits(file)).or_else(|| by(&fits))
}

fn add(
    state: &mut State,
    port: &Port,
    file: Lazy,
    (grid, reference, planet): (&Arc<Grid>, Time, &str),
) {
    let shape = shape_of(port, grid.shape.0, grid.shape.1);
    // Values from one place to the next along each axis, in the file's order.
    let mut strides = vec![1; shape.len()];
    if file.head.fortran {
        for at in 1..shape.len() {
            strides[at] = strides[at - 1] * shape[at - 1];
        }
    } else {
        for at in (1..shape.len()).rev() {
            strides[at - 1] = strides[at] * shape[at];
        }
    }
    let stride =
        |axis: Axis| port.axes.iter().position(|one| *one == axis).map_or(0, |at| strides[at]);
    let levels: &[f64] = if port.levels.is_empty() { &[f64::NAN] } else { &port.levels };
    let attributes = BTreeMap::from([("planet".to_owned(), planet.to_owned())]);
    for (at, name) in port.variables.iter().enumerate() {
        let known = variable::known(name);
        for (height, hpa) in levels.iter().enumerate() {
            let implied = known.and_then(|known| known.at.level()).unwrap_or(Level::SURFACE);
            state.headers.push(Header {
                variable: name.clone(),
                level: if hpa.is_nan() { implied } else { Level::pressure(*hpa) },
                reference,
                step: 0,
                member: None,
                unit: known.map_or("", |known| known.unit).to_owned(),
                grid: Arc::clone(grid),
                attributes: attributes.clone(),
            });
            let first = at * stride(Axis::Variable) + height * stride(Axis::Level);
            let place = (state.files.len(), first, stride(Axis::Longitude), stride(Axis::Latitude));
            state.places.push(place);
        }
    }
    state.files.push(file);
}

impl Source for State {
    fn format(&self) -> &'static str {
        "npy"
    }

    fn headers(&self) -> &[Header] {
        &self.headers
    }

    fn notes(&self) -> &[String] {
        &[]
    }

    fn values(&self, index: usize) -> Result<Vec<f32>, ReadError> {
        let Some((file, first, column, row)) = self.places.get(index).copied() else {
            let why = format!("there is no field {index}");
            return Err(ReadError::Format { path: PathBuf::new(), why });
        };
        let (rows, columns) = self.headers[index].grid.shape;
        let file = &self.files[file];
        if column == 1 && row == columns {
            return file.values(first, rows * columns, 1);
        }
        // Columns far apart: each row is gathered, in the order that the file has it.
        if column <= row {
            let each = (0..rows).map(|at| file.values(first + at * row, columns, column));
            return Ok(each.collect::<Result<Vec<_>, _>>()?.concat());
        }
        let mut values = vec![0.0; rows * columns];
        for at in 0..columns {
            for (to, value) in file.values(first + at * column, rows, row)?.into_iter().enumerate()
            {
                values[to * columns + at] = value;
            }
        }
        Ok(values)
    }
}

/// A file whose blocks are read as they are asked for.
#[derive(Debug)]
struct Lazy {
    path: PathBuf,
    head: Head,
}

impl Lazy {
    /// Reads the header, and checks that the values are there.
    fn open(path: &Path) -> Result<Self, ReadError> {
        let io = |source| ReadError::Io { path: path.to_owned(), source };
        let wrong = |why: String| ReadError::Format { path: path.to_owned(), why };
        let mut file = File::open(path).map_err(io)?;
        let head = head(&mut file).map_err(wrong)?;
        let size =
            head.count().and_then(|count| count.checked_mul(head.size)).map(|size| size as u64);
        let end = size.and_then(|size| size.checked_add(head.start));
        if end.is_none_or(|end| file.metadata().is_ok_and(|metadata| metadata.len() < end)) {
            return Err(wrong(format!("it is cut short of {:?} values", head.shape)));
        }
        Ok(Self { path: path.to_owned(), head })
    }

    /// Values at `first`, `first + step` …, in the file's own order.
    fn values(&self, first: usize, count: usize, step: usize) -> Result<Vec<f32>, ReadError> {
        let io = |source| ReadError::Io { path: self.path.clone(), source };
        let mut file = File::open(&self.path).map_err(io)?;
        let size = self.head.size;
        file.seek(SeekFrom::Start(self.head.start + (first * size) as u64)).map_err(io)?;
        let span = count.saturating_sub(1) * step + 1;
        let mut bytes = vec![0; span * size];
        file.read_exact(&mut bytes).map_err(io)?;
        Ok(bytes.chunks(size * step).map(|one| self.head.value(&one[..size])).collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::card::GridSpec;

    fn contract() -> Contract {
        let port = |input: &str, axes: &[Axis], variables: &[&str], levels: &[f64]| Port {
            input: input.to_owned(),
            output: "output".to_owned(),
            axes: axes.to_vec(),
            variables: variables.iter().map(|name| (*name).to_owned()).collect(),
            levels: levels.to_vec(),
        };
        use Axis::{Batch, Latitude, Level, Longitude, Variable};
        Contract {
            kit: crate::card::KIT.to_owned(),
            family: "small".to_owned(),
            planet: "earth".to_owned(),
            step_hours: 24,
            grid: GridSpec { kind: GridSpecKind::Regular, latitudes: 3, longitudes: 4 },
            ports: vec![
                port(
                    "input",
                    &[Variable, Level, Latitude, Longitude],
                    &["z", "t"],
                    &[850.0, 500.0],
                ),
                port("input_surface", &[Batch, Variable, Latitude, Longitude], &["msl", "2t"], &[]),
            ],
            parts: Vec::new(),
        }
    }

    fn write(path: &Path, descr: &str, fortran: bool, shape: &str, values: &[f32]) {
        let fortran = if fortran { "True" } else { "False" };
        let text =
            format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
        let mut all = b"\x93NUMPY\x01\x00".to_vec();
        all.extend(u16::try_from(text.len()).unwrap().to_le_bytes());
        all.extend(text.as_bytes());
        all.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        std::fs::write(path, all).unwrap();
    }

    #[test]
    fn files_of_pangu_s_kind_are_fields_by_the_card() {
        let folder = tempfile::tempdir().unwrap();
        let upper = folder.path().join("input_upper.npy");
        let surface = folder.path().join("input_surface.npy");
        let values: Vec<f32> = (0..48).map(|at| at as f32).collect();
        write(&upper, "<f4", false, "(2, 2, 3, 4)", &values);
        // Stored first side fastest: value = variable + 2 (row + 3 column).
        write(&surface, "<f4", true, "(1, 2, 3, 4)", &values[..24]);
        let time = Time::parse("2018-09-27").unwrap();
        let paths = [surface, upper];
        let source = state(&contract(), &paths, time, &Limits::default()).unwrap();
        let told: Vec<String> = source
            .headers()
            .iter()
            .map(|one| format!("{} {} {}", one.variable, one.level, one.unit))
            .collect();
        assert_eq!(
            told,
            [
                "z 850 hPa m2 s-2",
                "z 500 hPa m2 s-2",
                "t 850 hPa K",
                "t 500 hPa K",
                "msl mean sea level Pa",
                "2t 2 m K"
            ]
        );
        assert_eq!(source.values(2).unwrap(), values[24..36]);
        let of_2t = source.values(5).unwrap();
        let expected = |row: usize, column: usize| (1 + 2 * (row + 3 * column)) as f32;
        assert!((0..12).all(|at| of_2t[at] == expected(at / 4, at % 4)), "{of_2t:?}");
        assert_eq!(source.headers()[0].reference, time);

        let error = state(&contract(), &paths[..1], time, &Limits::default()).unwrap_err();
        assert!(
            error.to_string().contains("no file is the input input of shape [2, 2, 3, 4]"),
            "{error}"
        );
        let other = folder.path().join("other.npy");
        write(&other, "<f4", false, "(2,)", &[0.0; 2]);
        let three = [paths[0].clone(), paths[1].clone(), other];
        let error = state(&contract(), &three, time, &Limits::default()).unwrap_err();
        assert!(error.to_string().contains("none of the inputs"), "{error}");
    }
}
