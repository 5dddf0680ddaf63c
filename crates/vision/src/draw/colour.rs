//! Colours: of classes, of heat, of lettering on a ground.

/// A class's colour: hues a golden angle apart, so that any few first classes differ well, in three
/// depths.
#[must_use]
pub fn class_colour(class: u32) -> [u8; 3] {
    // The golden angle as a share of the circle; belts are grey and dust is brown, so the first is
    // a strong orange-red.
    let hue = (0.02 + f64::from(class) * 0.381_966_011_25).fract();
    let value = [1.0, 0.85, 0.7][(class / 8 % 3) as usize];
    let channel = |shift: f64| {
        // Distance of the hue to the channel's own, around the circle, in sixths.
        let sixths = ((hue + shift).fract() * 6.0 - 3.0).abs() - 1.0;
        let pure = sixths.clamp(0.0, 1.0);
        (255.0 * value * (0.1 + 0.9 * pure)).round() as u8
    };
    [channel(0.0), channel(2.0 / 3.0), channel(1.0 / 3.0)]
}

/// Colours of heat from 0 to 1: black, violet, red, orange, light yellow. Lightness rises all the way,
/// so that the order is seen without the hue, in print and by the colour-blind.
const HEAT: [[f32; 3]; 6] = [
    [0.0, 0.0, 0.0],
    [62.0, 12.0, 96.0],
    [146.0, 30.0, 104.0],
    [222.0, 72.0, 48.0],
    [251.0, 160.0, 28.0],
    [252.0, 246.0, 172.0],
];

/// The colour of a heat from 0 to 1.
#[must_use]
pub fn heat_colour(value: f32) -> [u8; 3] {
    let at = value.clamp(0.0, 1.0) * (HEAT.len() - 1) as f32;
    // `as` makes 0 of what is no number.
    let first = (at as usize).min(HEAT.len() - 2);
    let beyond = at - first as f32;
    std::array::from_fn(|c| {
        (HEAT[first][c] + (HEAT[first + 1][c] - HEAT[first][c]) * beyond).round() as u8
    })
}

/// Relative luminance by WCAG 2, from 0 to 1.
fn luminance(rgb: [u8; 3]) -> f32 {
    let [r, g, b] = rgb.map(|v| {
        let v = f32::from(v) / 255.0;
        if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// Black or white, whichever contrasts more with a ground.
pub(super) fn ink_on(ground: [u8; 3]) -> [u8; 3] {
    // Equal contrast to both at (L + 0.05)^2 = 1.05 * 0.05.
    if luminance(ground) > 0.179 { [0; 3] } else { [255; 3] }
}

/// Lays a colour over a pixel.
pub(super) fn blend(pixel: &mut [u8], colour: [u8; 3], opacity: f32) {
    for (value, over) in pixel.iter_mut().zip(colour) {
        let under = f32::from(*value);
        *value = (under + (f32::from(over) - under) * opacity).round() as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heat_rises_in_lightness() {
        let lightness: Vec<f32> =
            (0..=100).map(|i| luminance(heat_colour(i as f32 / 100.0))).collect();
        assert!(lightness.windows(2).all(|pair| pair[1] > pair[0]), "{lightness:?}");
        assert_eq!((heat_colour(f32::NAN), heat_colour(9.0)), ([0; 3], [252, 246, 172]));
    }

    #[test]
    fn classes_differ_and_lettering_contrasts() {
        for a in 0..24 {
            for b in 0..a {
                let (one, other) = (class_colour(a), class_colour(b));
                let apart: u32 = (0..3).map(|c| u32::from(one[c].abs_diff(other[c]))).sum();
                assert!(apart > 24, "classes {a} and {b}: {one:?} {other:?}");
            }
            let ground = luminance(class_colour(a));
            let ink = luminance(ink_on(class_colour(a)));
            let contrast = (ground.max(ink) + 0.05) / (ground.min(ink) + 0.05);
            assert!(contrast > 4.5, "class {a}: {contrast}");
        }
    }
}
