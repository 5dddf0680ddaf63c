//! Animations: pictures one after another as GIF, with one palette for all, so that colours do not flicker.

use super::PlotError;
use super::raster::Picture;

/// Bits of each channel by which colours are told apart.
const BITS: u32 = 5;

/// Pictures as a GIF that goes on without end, each shown for so many hundredths of a second, the last four times as long.
///
/// # Errors
/// [`PlotError::Unfit`] where there is none, or they differ in size.
pub fn gif(pictures: &[Picture], hundredths: u16) -> Result<Vec<u8>, PlotError> {
    let first = pictures
        .first()
        .ok_or_else(|| PlotError::Unfit("an animation needs a picture".to_owned()))?;
    let failed = |error: gif::EncodingError| PlotError::Encode(error.to_string());
    let sides = u16::try_from(first.width).ok().zip(u16::try_from(first.height).ok());
    let (width, height) =
        sides.ok_or(PlotError::Size { width: first.width.into(), height: first.height.into() })?;
    if pictures.iter().any(|picture| (picture.width, picture.height) != (first.width, first.height))
    {
        return Err(PlotError::Unfit("the pictures of an animation differ in size".to_owned()));
    }
    let (palette, places) = palette(pictures);
    let mut out = Vec::new();
    let mut encoder = gif::Encoder::new(&mut out, width, height, &palette).map_err(failed)?;
    encoder.set_repeat(gif::Repeat::Infinite).map_err(failed)?;
    for (at, picture) in pictures.iter().enumerate() {
        let indices: Vec<u8> = picture.rgb.chunks_exact(3).map(|rgb| places[bin(rgb)]).collect();
        let mut frame = gif::Frame::from_indexed_pixels(width, height, indices, None);
        frame.delay =
            if at + 1 == pictures.len() { hundredths.saturating_mul(4) } else { hundredths };
        encoder.write_frame(&frame).map_err(failed)?;
    }
    drop(encoder);
    Ok(out)
}

/// The cell of a colour.
fn bin(rgb: &[u8]) -> usize {
    rgb.iter().fold(0, |bin, value| bin << BITS | usize::from(*value) >> (8 - BITS))
}

/// Pixels of a cell, and their sums.
#[derive(Clone, Copy, Default)]
struct Cell {
    count: u64,
    sum: [u64; 3],
}

/// Up to 256 colours by median cut, and for each cell which of them it gets.
fn palette(pictures: &[Picture]) -> (Vec<u8>, Vec<u8>) {
    let mut cells = vec![Cell::default(); 1 << (3 * BITS)];
    for rgb in pictures.iter().flat_map(|picture| picture.rgb.chunks_exact(3)) {
        let cell = &mut cells[bin(rgb)];
        cell.count += 1;
        for (sum, value) in cell.sum.iter_mut().zip(rgb) {
            *sum += u64::from(*value);
        }
    }
    let used: Vec<usize> = (0..cells.len()).filter(|at| cells[*at].count > 0).collect();
    let channel = |at: usize, k: usize| (at >> (BITS as usize * (2 - k))) & ((1 << BITS) - 1);
    let mut boxes = vec![used];
    while boxes.len() < 256 {
        // The box that is widest, weighed by how often its colours are seen, is cut where half of its pixels lie on each side.
        let widest = boxes
            .iter()
            .enumerate()
            .filter(|(_, cells_of)| cells_of.len() > 1)
            .map(|(number, members)| {
                let span = |k: usize| {
                    let values = members.iter().map(|at| channel(*at, k));
                    values.clone().max().unwrap_or(0) - values.min().unwrap_or(0)
                };
                let k = (0..3).max_by_key(|k| (span(*k), *k)).unwrap_or(0);
                let seen: u64 = members.iter().map(|at| cells[*at].count).sum();
                (number, k, span(k) as f64 * (seen as f64).sqrt())
            })
            .max_by(|a, b| a.2.total_cmp(&b.2));
        let Some((number, k, _)) = widest else { break };
        let mut members = std::mem::take(&mut boxes[number]);
        members.sort_by_key(|at| (channel(*at, k), *at));
        let half = members.iter().map(|at| cells[*at].count).sum::<u64>() / 2;
        let mut seen = 0;
        let cut = members.iter().take_while(|at| {
            seen += cells[**at].count;
            seen <= half
        });
        let cut = cut.count().clamp(1, members.len() - 1);
        boxes.push(members.split_off(cut));
        boxes[number] = members;
    }
    let mut colours = Vec::new();
    let mut places = vec![0; cells.len()];
    for (number, members) in boxes.iter().enumerate() {
        let mut whole = Cell::default();
        for at in members {
            whole.count += cells[*at].count;
            (0..3).for_each(|k| whole.sum[k] += cells[*at].sum[k]);
            places[*at] = number as u8;
        }
        colours.extend(whole.sum.map(|sum| (sum / whole.count.max(1)) as u8));
    }
    (colours, places)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_in_their_colours() {
        let picture = |rgb: [u8; 3]| Picture { width: 70, height: 64, rgb: rgb.repeat(70 * 64) };
        let bytes = gif(&[picture([250, 10, 10]), picture([10, 10, 250])], 40).unwrap();
        let mut options = gif::DecodeOptions::new();
        options.set_color_output(gif::ColorOutput::RGBA);
        let mut decoder = options.read_info(&bytes[..]).unwrap();
        let first = decoder.read_next_frame().unwrap().unwrap().clone();
        assert_eq!((first.delay, &first.buffer[..4]), (40, &[250, 10, 10, 255][..]));
        let second = decoder.read_next_frame().unwrap().unwrap();
        assert_eq!((second.delay, &second.buffer[..4]), (160, &[10, 10, 250, 255][..]));
        assert!(decoder.read_next_frame().unwrap().is_none());
        assert!(gif(&[], 10).is_err());
    }

    #[test]
    fn many_colours_are_near_theirs() {
        let rgb: Vec<u8> = (0..128 * 128_u32)
            .flat_map(|at| [(at % 128 * 2) as u8, (at / 128 * 2) as u8, 90])
            .collect();
        let (colours, places) = palette(&[Picture { width: 128, height: 128, rgb: rgb.clone() }]);
        let apart = rgb.chunks_exact(3).map(|rgb| {
            let at = usize::from(places[bin(rgb)]) * 3;
            (0..3).map(|k| u32::from(rgb[k].abs_diff(colours[at + k]))).sum::<u32>()
        });
        assert!(apart.max().unwrap() < 40 && colours.len() == 768);
    }
}
