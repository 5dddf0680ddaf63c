//! Rows of components to rows of RGB, YCbCr by ITU-R BT.601 over the full range in fixed point of 16
//! bits, as libjpeg's tables have it.

use super::frame::Colours;

/// Converts a row: `rgb` has three bytes a pixel, each of `rows` at least one.
pub(super) fn convert(colours: Colours, rows: &[&[u8]], rgb: &mut [u8]) {
    let count = rgb.len() / 3;
    match (colours, rows) {
        (Colours::YCbCr, &[y, cb, cr]) => ycbcr(&y[..count], &cb[..count], &cr[..count], rgb),
        (Colours::Rgb, &[r, g, b]) => {
            for (((out, &r), &g), &b) in rgb.chunks_exact_mut(3).zip(r).zip(g).zip(b) {
                out.copy_from_slice(&[r, g, b]);
            }
        }
        (Colours::Cmyk { inverted }, &[c, m, y, k]) => {
            let white = if inverted { 0 } else { 255 };
            for ((((out, &c), &m), &y), &k) in rgb.chunks_exact_mut(3).zip(c).zip(m).zip(y).zip(k) {
                let left = [c, m, y].map(|ink| ink ^ white);
                out.copy_from_slice(&darkened(left, k ^ white));
            }
        }
        (Colours::Ycck, &[y, cb, cr, k]) => {
            ycbcr(&y[..count], &cb[..count], &cr[..count], rgb);
            // What was converted are the inks; stored inverted, they are light.
            for (out, &k) in rgb.chunks_exact_mut(3).zip(k) {
                let left = [255 - out[0], 255 - out[1], 255 - out[2]];
                out.copy_from_slice(&darkened(left, k));
            }
        }
        _ => {
            let grey = rows.first().copied().unwrap_or_default();
            for (out, &v) in rgb.chunks_exact_mut(3).zip(grey) {
                out.fill(v);
            }
        }
    }
}

/// A colour under black ink that leaves `white` of 255.
fn darkened(colour: [u8; 3], white: u8) -> [u8; 3] {
    colour.map(|v| ((u32::from(v) * u32::from(white) + 127) / 255) as u8)
}

/// Pixels converted together.
const GROUP: usize = 16;

fn ycbcr(y: &[u8], cb: &[u8], cr: &[u8], rgb: &mut [u8]) {
    let (y_groups, y_rest) = y.as_chunks::<GROUP>();
    let (cb_groups, cb_rest) = cb.as_chunks::<GROUP>();
    let (cr_groups, cr_rest) = cr.as_chunks::<GROUP>();
    let (groups, rest) = rgb.as_chunks_mut::<{ GROUP * 3 }>();
    for (((out, y), cb), cr) in groups.iter_mut().zip(y_groups).zip(cb_groups).zip(cr_groups) {
        *out = group(y, cb, cr);
    }
    let whole = |rest: &[u8]| {
        let mut whole = [0; GROUP];
        whole[..rest.len()].copy_from_slice(rest);
        whole
    };
    let last = group(&whole(y_rest), &whole(cb_rest), &whole(cr_rest));
    let length = rest.len();
    rest.copy_from_slice(&last[..length]);
}

#[inline(always)]
fn group(y: &[u8; GROUP], cb: &[u8; GROUP], cr: &[u8; GROUP]) -> [u8; GROUP * 3] {
    // The factors 1.402, 0.34414, 0.71414 and 1.772 in units of 2^-16, less a whole number that leaves
    // what fits 16 bits. The colours of 1.402 and 1.772 are rounded by half, those of green together.
    const R_CR: i32 = 91881 - (1 << 16);
    const G_CB: i32 = -22554;
    const G_CR: i32 = (1 << 16) - 46802;
    const B_CB: i32 = 116_130 - (2 << 16);
    let clamped = |v: i16| v.clamp(0, 255) as u8;
    let scaled = |v: i32| ((v + (1 << 15)) >> 16) as i16;
    let (mut r, mut g, mut b) = ([0_u8; GROUP], [0_u8; GROUP], [0_u8; GROUP]);
    for i in 0..GROUP {
        let y = i16::from(y[i]);
        let (cb, cr) = (i16::from(cb[i]) - 128, i16::from(cr[i]) - 128);
        r[i] = clamped(y + cr + scaled(i32::from(cr) * R_CR));
        g[i] = clamped(y - cr + scaled(i32::from(cb) * G_CB + i32::from(cr) * G_CR));
        b[i] = clamped(y + 2 * cb + scaled(i32::from(cb) * B_CB));
    }
    // Four pixels are three words.
    let mut out = [0_u8; GROUP * 3];
    let pixel: [u32; GROUP] =
        std::array::from_fn(|i| u32::from(r[i]) | u32::from(g[i]) << 8 | u32::from(b[i]) << 16);
    for (out, p) in out.as_chunks_mut::<12>().0.iter_mut().zip(pixel.as_chunks::<4>().0) {
        out[..4].copy_from_slice(&(p[0] | p[1] << 24).to_le_bytes());
        out[4..8].copy_from_slice(&(p[1] >> 8 | p[2] << 16).to_le_bytes());
        out[8..].copy_from_slice(&(p[2] >> 16 | p[3] << 8).to_le_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ycbcr_is_the_rounded_sum() {
        // All chroma, at some lumas: libjpeg's tables by their definition.
        let all: Vec<u8> = (0..=255).collect();
        for cb in 0..=255_u8 {
            for y in [0, 1, 77, 128, 200, 255] {
                let mut rgb = vec![0; 256 * 3];
                convert(Colours::YCbCr, &[&[y; 256], &[cb; 256], &all], &mut rgb);
                for (cr, found) in rgb.chunks_exact(3).enumerate() {
                    let (u, v) = (i64::from(cb) - 128, cr as i64 - 128);
                    let part = |sum: i64| (i64::from(y) + (sum >> 16)).clamp(0, 255) as u8;
                    let wanted = [
                        part(91881 * v + 32768),
                        part(-22554 * u - 46802 * v + 32768),
                        part(116_130 * u + 32768),
                    ];
                    assert_eq!(found, wanted, "{y} {cb} {cr}");
                }
            }
        }
    }

    #[test]
    fn inks_plain_and_inverted() {
        let mut rgb = [0; 3];
        let mut made = |colours, pixel: [u8; 4]| {
            let rows = pixel.map(|v| [v]);
            convert(colours, &[&rows[0], &rows[1], &rows[2], &rows[3]], &mut rgb);
            rgb
        };
        let cmyk = |inverted| Colours::Cmyk { inverted };
        assert_eq!(made(cmyk(false), [0, 255, 55, 0]), [255, 0, 200]);
        assert_eq!(made(cmyk(true), [255, 0, 200, 255]), [255, 0, 200]);
        assert_eq!(made(cmyk(true), [255, 0, 200, 51]), [51, 0, 40]);
        assert_eq!(made(Colours::Ycck, [55, 128, 128, 255]), [200; 3]);
        assert_eq!(made(Colours::Ycck, [55, 128, 128, 51]), [40; 3]);
    }
}
