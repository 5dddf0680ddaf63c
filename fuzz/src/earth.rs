//! Targets of `strata-earth`: GRIB, NetCDF, Zarr, plain arrays, cyclone tracks.

use std::path::{Component, Path};

use strata_earth::source::{Limits, Source};
use strata_earth::track::{Track, atcf, best, hurdat, write};
use strata_earth::{grib, netcdf, npy, zarr};

use crate::guard::{file, folder};

/// Fields whose values are read of a file, from its start.
const FIELDS: usize = 16;

fn limits() -> Limits {
    Limits { points: 1 << 20, fields: 1 << 12 }
}

/// GRIB, editions 1 and 2.
pub fn grib(data: &[u8]) {
    let file = file(data, "grib");
    if let Ok(source) = grib::open(file.path(), &limits()) {
        fields(&grib::Eastward::new(source));
    }
}

/// NetCDF: classic, 64-bit, CDF-5 and HDF5.
pub fn netcdf(data: &[u8]) {
    let file = file(data, "nc");
    if let Ok(source) = netcdf::open(file.path(), &limits()) {
        fields(&source);
    }
}

/// A Zarr store as one text: each file after a line `%% NAME`.
pub fn zarr(data: &[u8]) {
    let folder = folder();
    for (name, content) in parts(data) {
        let path = folder.path().join(name);
        let made = path.parent().is_some_and(|parent| std::fs::create_dir_all(parent).is_ok());
        if made {
            let _ = std::fs::write(path, content);
        }
    }
    if let Ok(source) = zarr::open(folder.path(), &limits()) {
        fields(&source);
    }
}

/// Files of a store: names that stay in its folder, and what follows each.
fn parts(data: &[u8]) -> Vec<(&str, &[u8])> {
    const MARK: &[u8] = b"%% ";
    let starts: Vec<usize> = data
        .windows(MARK.len())
        .enumerate()
        .filter(|(_, w)| *w == MARK)
        .map(|(at, _)| at)
        .collect();
    let ends = starts.iter().skip(1).copied().chain([data.len()]);
    let plain = |name: &str| {
        let mut parts = Path::new(name).components();
        name.len() < 100
            && !name.is_empty()
            && parts.all(|part| matches!(part, Component::Normal(_)))
    };
    let part = |(start, end): (&usize, usize)| {
        let part = &data[start + MARK.len()..end];
        let line = part.iter().position(|byte| *byte == b'\n')?;
        let name = std::str::from_utf8(&part[..line]).ok().filter(|name| plain(name))?;
        Some((name, &part[line + 1..]))
    };
    starts.iter().zip(ends).filter_map(part).take(40).collect()
}

/// NumPy's files and archives of them.
pub fn array(data: &[u8]) {
    let file = file(data, "npy");
    let limits = Limits { fields: 4, ..limits() };
    let one = npy::read(file.path(), &limits).into_iter();
    let many =
        npy::read_archive(file.path(), &limits).into_iter().flatten().map(|(_, array)| array);
    for array in one.chain(many) {
        let points = array.shape.iter().try_fold(1_usize, |points, side| points.checked_mul(*side));
        assert_eq!(points, Some(array.values.len()), "{:?}", array.shape);
    }
}

/// Every field has the points of its grid, or says why not.
fn fields(source: &dyn Source) {
    let limits = limits();
    assert!(source.headers().len() <= limits.fields, "{} fields", source.headers().len());
    for (index, header) in source.headers().iter().enumerate().take(FIELDS) {
        if let Ok(values) = source.values(index) {
            assert!(values.len() <= limits.points, "{} points", values.len());
            assert_eq!(values.len(), header.grid.len(), "field {index}");
        }
    }
}

/// Cyclone tracks: HURDAT2, ATCF decks, IBTrACS, our own CSV. What HURDAT2 and ours say is written as it was.
pub fn storms(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = best::read(text);
    if let Ok(storms) = hurdat::read(text) {
        let written = hurdat::write(&storms);
        let again = hurdat::read(&written);
        let again = again.unwrap_or_else(|error| panic!("{error}: written as\n{written}"));
        assert_eq!(hurdat::write(&again), written);
    }
    if let Ok(lines) = atcf::read(text) {
        let mut tracks: Vec<Track> = atcf::tracks(&lines);
        // A best track of more than a year is more than a forecast's hours can say.
        tracks.retain(|track| {
            let from = track.reference.or(track.fixes.first().map(|fix| fix.time));
            track.fixes.iter().all(|fix| from.is_some_and(|from| fix.time - from < 8_000 * 3_600))
        });
        let written = atcf::write(&tracks, "STRT");
        assert!(atcf::read(&written).is_ok(), "written as\n{written}");
    }
    if let Ok(tracks) = write::read_csv(text) {
        let written = write::csv(&tracks);
        let again = write::read_csv(&written);
        let again = again.unwrap_or_else(|error| panic!("{error}: written as\n{written}"));
        assert_eq!(write::csv(&again), written);
    }
}
