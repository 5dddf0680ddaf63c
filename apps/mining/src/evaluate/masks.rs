//! Pictures with masks beside them. A mask is a PNG of the same name beside a picture of another kind (`a.jpg`, `a.png`),
//! or `a_mask.png` beside it or in `ground_truth/<folder>/` as MVTec AD has it. What is not 0 is anomalous.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use strata_vision::image::{DecodeError, DecodeLimits, Plane, decode_file};
use strata_vision::preprocess::Placement;

use crate::sources::{SourceError, SourceSpec, list_images};

/// A picture and its mask, where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled {
    /// The picture.
    pub picture: PathBuf,
    /// Its mask.
    pub mask: Option<PathBuf>,
}

/// The pictures of a folder with their masks; masks are no pictures.
///
/// # Errors
/// A folder that cannot be read.
pub fn labelled(folder: &Path) -> Result<Vec<Labelled>, SourceError> {
    let paths = list_images(&SourceSpec::parse(&folder.display().to_string())?)?;
    let names: HashSet<&PathBuf> = paths.iter().collect();
    let is_png = |path: &Path| path.extension().is_some_and(|e| e.eq_ignore_ascii_case("png"));
    let stem = |path: &Path| {
        path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
    };
    let others = |path: &Path| {
        ["jpg", "jpeg", "JPG", "bmp", "tif", "tiff", "webp"].map(|e| path.with_extension(e))
    };
    let is_mask = |path: &Path| {
        let beside = is_png(path) && others(path).iter().any(|other| names.contains(other));
        beside || stem(path).ends_with("_mask")
    };
    let mask_of = |path: &Path| {
        let named = path.with_file_name(format!("{}_mask.png", stem(path)));
        // test/<kind>/a.png of MVTec AD has its mask at ground_truth/<kind>/a_mask.png.
        let kind = path.parent().and_then(Path::file_name);
        let root = path.ancestors().nth(3);
        let mvtec = root.zip(kind).map(|(root, kind)| {
            root.join("ground_truth").join(kind).join(format!("{}_mask.png", stem(path)))
        });
        let same = (!is_png(path)).then(|| path.with_extension("png"));
        [same, Some(named), mvtec].into_iter().flatten().find(|mask| mask.is_file())
    };
    let pictures = paths.iter().filter(|path| !is_mask(path));
    Ok(pictures.map(|path| Labelled { picture: path.clone(), mask: mask_of(path) }).collect())
}

/// A mask as the model sees the picture: 1 where it is anomalous.
///
/// # Errors
/// A mask that cannot be read.
pub(super) fn read_mask(
    path: &Path,
    placement: impl FnOnce(&strata_vision::image::Image) -> Option<Placement>,
) -> Result<Option<Plane<u8>>, DecodeError> {
    let mask = decode_file(path, &DecodeLimits::default())?;
    let Some(placement) = placement(&mask) else { return Ok(None) };
    let (input, content) = (placement.input, placement.content());
    let mut plane = Plane::filled(input, 0_u8);
    for y in content.y1 as u32..content.y2 as u32 {
        for x in content.x1 as u32..content.x2 as u32 {
            let sx = (x as f32 + 0.5 - placement.pad_x) / placement.scale_x;
            let sy = (y as f32 + 0.5 - placement.pad_y) / placement.scale_y;
            let at = (y * input.width + x) as usize;
            let rgb = mask.pixel(sx.max(0.0) as u32, sy.max(0.0) as u32);
            // Masks that went through a lossy file have grey borders.
            plane.data_mut()[at] = u8::from(rgb.is_some_and(|[r, _, _]| r > 127));
        }
    }
    Ok(Some(plane))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_beside_and_in_mvtec_folders_are_found() {
        let dir = tempfile::tempdir().expect("a folder");
        let touch = |name: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().expect("inside")).expect("made");
            std::fs::write(&path, b"x").expect("written");
            path
        };
        let (jpg, png) = (touch("mt/a.jpg"), touch("mt/a.png"));
        let alone = touch("mt/b.png");
        let found = labelled(&dir.path().join("mt")).expect("listed");
        assert_eq!(
            found,
            [Labelled { picture: jpg, mask: Some(png) }, Labelled { picture: alone, mask: None }]
        );
        let (picture, mask) =
            (touch("mv/test/hole/000.png"), touch("mv/ground_truth/hole/000_mask.png"));
        let found = labelled(&dir.path().join("mv/test/hole")).expect("listed");
        assert_eq!(found, [Labelled { picture, mask: Some(mask) }]);
    }
}
