//! Turning and mirroring a picture as its EXIF orientation asks.

use super::Image;
use crate::geometry::Size;

/// Side of the squares in which a picture is transposed: 32 rows of 32 pixels stay in the first
/// cache, both where they are read and where they are written.
const BLOCK: usize = 32;

/// Brings a picture upright. `orientation` is the EXIF number, 1 to 8; any other leaves the picture.
pub(super) fn apply(image: &mut Image, orientation: u8) {
    let (w, h) = (image.size.width as usize, image.size.height as usize);
    if !(2..=8).contains(&orientation) || w == 0 || h == 0 {
        return;
    }
    let transposed = orientation >= 5;
    let (new_w, new_h) = if transposed { (h, w) } else { (w, h) };
    // Where the first pixel of the result lies, and how far it is to its right and lower neighbour,
    // in pixels of the source.
    let (right, down) = (1_isize, w as isize);
    let last_column = w as isize - 1;
    let last_row = down * (h as isize - 1);
    let (start, step_x, step_y) = match orientation {
        2 => (last_column, -right, down),
        3 => (last_row + last_column, -right, -down),
        4 => (last_row, right, -down),
        5 => (0, down, right),
        6 => (last_row, -down, right),
        7 => (last_row + last_column, -down, -right),
        _ => (last_column, down, -right),
    };
    let mut turned = vec![0_u8; image.data.len()];
    for block_y in (0..new_h).step_by(BLOCK) {
        for block_x in (0..new_w).step_by(BLOCK) {
            for y in block_y..(block_y + BLOCK).min(new_h) {
                let end_x = (block_x + BLOCK).min(new_w);
                let row = &mut turned[(y * new_w + block_x) * 3..(y * new_w + end_x) * 3];
                let mut from = start + step_y * y as isize + step_x * block_x as isize;
                for pixel in row.chunks_exact_mut(3) {
                    let at = from as usize * 3;
                    pixel.copy_from_slice(&image.data[at..at + 3]);
                    from += step_x;
                }
            }
        }
    }
    image.data = turned;
    image.size = Size::new(new_w as u32, new_h as u32);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture whose pixels carry their number in the first channel.
    fn numbered(width: u32, height: u32) -> Image {
        let data = (0..width * height).flat_map(|n| [n as u8, 0, 0]).collect();
        Image::new(Size::new(width, height), data).expect("three bytes a pixel")
    }

    fn numbers(image: &Image) -> Vec<u8> {
        image.data().iter().copied().step_by(3).collect()
    }

    #[test]
    fn the_eight_orientations_of_a_2_by_3() {
        // Stored rows: 0 1 / 2 3 / 4 5. EXIF says where the stored row 0 and column 0 belong.
        let expected: [(u8, &[u8]); 8] = [
            (1, &[0, 1, 2, 3, 4, 5]),
            (2, &[1, 0, 3, 2, 5, 4]),
            (3, &[5, 4, 3, 2, 1, 0]),
            (4, &[4, 5, 2, 3, 0, 1]),
            (5, &[0, 2, 4, 1, 3, 5]),
            (6, &[4, 2, 0, 5, 3, 1]),
            (7, &[5, 3, 1, 4, 2, 0]),
            (8, &[1, 3, 5, 0, 2, 4]),
        ];
        for (orientation, pixels) in expected {
            let mut image = numbered(2, 3);
            apply(&mut image, orientation);
            assert_eq!(numbers(&image), pixels, "orientation {orientation}");
            let size = if orientation < 5 { Size::new(2, 3) } else { Size::new(3, 2) };
            assert_eq!(image.size(), size, "orientation {orientation}");
        }
    }

    #[test]
    fn turned_back_it_is_the_same_beyond_a_block() {
        let original = numbered(70, 45);
        for (there, back) in [(2, 2), (3, 3), (4, 4), (5, 5), (6, 8), (7, 7), (8, 6)] {
            let mut image = original.clone();
            apply(&mut image, there);
            apply(&mut image, back);
            assert_eq!(image, original, "orientations {there} and {back}");
        }
    }
}
