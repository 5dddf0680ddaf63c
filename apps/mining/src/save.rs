//! Copies of pictures with what was found drawn in.

use std::path::{Component, Path, PathBuf};

use strata_cli::atomic::write_whole;
use strata_core::stream::RecordError;
use strata_vision::belt::BeltReport;
use strata_vision::encode::{JpegOptions, jpeg};
use strata_vision::image::{Image, Plane};

use crate::detect::FoundObject;
use crate::inspect::Inspected;
use crate::overlay;

/// Draws into copies of pictures.
#[derive(Debug, Clone)]
pub struct Saver {
    folder: PathBuf,
}

impl Saver {
    /// Copies go into this folder, as JPEG, under the pictures' names.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Draws what a detector found.
    ///
    /// # Errors
    /// Where the copy cannot be written.
    pub fn detections(
        &self,
        name: &str,
        image: &Image,
        objects: &[FoundObject],
    ) -> Result<(), RecordError> {
        let mut copy = image.clone();
        overlay::detections(&mut copy, objects);
        self.write(name, &copy)
    }

    /// Draws a heat map.
    ///
    /// # Errors
    /// Where the copy cannot be written.
    pub fn anomaly(
        &self,
        name: &str,
        image: &Image,
        (row, heat): (&Inspected, &Plane<f32>),
    ) -> Result<(), RecordError> {
        let mut copy = image.clone();
        overlay::anomaly(&mut copy, row, heat);
        self.write(name, &copy)
    }

    /// Draws a belt's geometry.
    ///
    /// # Errors
    /// Where the copy cannot be written.
    pub fn belt(&self, name: &str, image: &Image, report: &BeltReport) -> Result<(), RecordError> {
        let mut copy = image.clone();
        overlay::belt(&mut copy, report);
        self.write(name, &copy)
    }

    fn write(&self, name: &str, image: &Image) -> Result<(), RecordError> {
        let path = self.path(name);
        let failed = |error: &dyn std::fmt::Display| {
            RecordError::new("save", format!("cannot write {}: {error}", path.display()))
        };
        let bytes = jpeg(image, JpegOptions::default()).map_err(|error| failed(&error))?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
        }
        write_whole(&path, &bytes).map_err(|error| failed(&error))
    }

    /// Where a picture's copy goes: below the folder, whatever the name says.
    fn path(&self, name: &str) -> PathBuf {
        let plain = |part: Component<'_>| match part {
            Component::Normal(part) => Some(part.to_owned()),
            _ => None,
        };
        let below: PathBuf = Path::new(name).components().filter_map(plain).collect();
        // a.png and a.jpg both have a copy.
        let mut file = below.into_os_string();
        if !Path::new(&file).extension().is_some_and(|e| e.eq_ignore_ascii_case("jpg")) {
            file.push(".jpg");
        }
        self.folder.join(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_stay_in_their_folder_and_apart() {
        let saver = Saver::new(PathBuf::from("out"));
        assert_eq!(saver.path("a/b.jpg"), Path::new("out/a/b.jpg"));
        assert_eq!(saver.path("a/b.png"), Path::new("out/a/b.png.jpg"));
        assert_eq!(saver.path("../../etc/x.jpg"), Path::new("out/etc/x.jpg"));
        assert_eq!(saver.path("/etc/x.jpg"), Path::new("out/etc/x.jpg"));
        assert_eq!(saver.path("clip.avi#000012"), Path::new("out/clip.avi#000012.jpg"));
    }
}
