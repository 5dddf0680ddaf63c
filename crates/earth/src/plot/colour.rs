//! Colour maps and scales. Colours between the anchors of a map are mixed in Oklab and spaced so that equal steps of value look
//! equally far apart.

use super::scene::Colour;

/// A colour map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Palette {
    /// Dark blue over green to yellow; lightness rises evenly. For anything.
    Sequential,
    /// Blue over white to red, for departures from the middle.
    Diverging,
    /// Violet over blue, white, yellow and red to dark red, for temperatures.
    Temperature,
    /// White over green and yellow to red and violet, for wind speed.
    Wind,
    /// White over blue to violet, for precipitation and column water.
    Precipitation,
    /// Brown over white to green, for humidity.
    Humidity,
    /// Violet over white to orange, for pressure.
    Pressure,
    /// White to black.
    Grey,
}

/// Names on the command line.
pub const NAMES: [(&str, Palette); 8] = [
    ("sequential", Palette::Sequential),
    ("diverging", Palette::Diverging),
    ("temperature", Palette::Temperature),
    ("wind", Palette::Wind),
    ("precipitation", Palette::Precipitation),
    ("humidity", Palette::Humidity),
    ("pressure", Palette::Pressure),
    ("grey", Palette::Grey),
];

impl std::str::FromStr for Palette {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = NAMES.iter().find(|(name, _)| *name == text).map(|(_, palette)| *palette);
        let names = NAMES.map(|(name, _)| name).join(", ");
        found.ok_or_else(|| format!("{text:?} is no palette: {names}"))
    }
}

impl Palette {
    /// Its anchors, from the lowest value.
    fn anchors(self) -> &'static [[u8; 3]] {
        match self {
            Self::Sequential => &[
                [38, 20, 72],
                [44, 56, 120],
                [36, 98, 134],
                [34, 138, 130],
                [72, 176, 104],
                [158, 208, 70],
                [248, 232, 80],
            ],
            Self::Diverging => &[
                [14, 38, 92],
                [32, 88, 158],
                [98, 158, 206],
                [186, 216, 234],
                [247, 247, 247],
                [246, 206, 186],
                [222, 134, 104],
                [178, 48, 48],
                [96, 10, 34],
            ],
            Self::Temperature => &[
                [84, 22, 120],
                [66, 62, 168],
                [46, 116, 196],
                [92, 174, 220],
                [176, 220, 236],
                [250, 250, 236],
                [252, 226, 130],
                [246, 172, 70],
                [226, 98, 46],
                [178, 34, 38],
                [98, 6, 42],
            ],
            Self::Wind => &[
                [250, 250, 250],
                [214, 236, 206],
                [200, 222, 118],
                [240, 190, 66],
                [236, 136, 48],
                [214, 74, 54],
                [170, 30, 86],
                [104, 16, 116],
                [44, 10, 84],
            ],
            Self::Precipitation => &[
                [240, 248, 252],
                [186, 222, 240],
                [118, 184, 224],
                [52, 134, 200],
                [28, 84, 166],
                [62, 42, 142],
                [112, 24, 122],
                [74, 4, 62],
            ],
            Self::Humidity => &[
                [92, 54, 12],
                [162, 108, 42],
                [216, 184, 128],
                [246, 242, 230],
                [158, 210, 190],
                [62, 150, 138],
                [4, 82, 84],
            ],
            Self::Pressure => &[
                [56, 16, 90],
                [112, 78, 158],
                [176, 164, 210],
                [246, 246, 246],
                [250, 202, 140],
                [220, 130, 40],
                [132, 62, 10],
            ],
            Self::Grey => &[[255, 255, 255], [20, 20, 20]],
        }
    }

    /// The colours at `count` places from the lowest to the highest.
    #[must_use]
    pub fn colours(self, count: usize) -> Vec<Colour> {
        let anchors: Vec<[f64; 3]> = self.anchors().iter().map(|rgb| oklab(*rgb)).collect();
        // How far along the path each anchor lies, in differences that are seen. The middle of a map with two sides stays there.
        let mut along = vec![0.0];
        for pair in anchors.windows(2) {
            let far: f64 = (0..3).map(|k| (pair[0][k] - pair[1][k]).powi(2)).sum::<f64>().sqrt();
            along.push(along[along.len() - 1] + far);
        }
        let middle = self.middle();
        let whole = along[along.len() - 1];
        let place = |share: f64| match middle {
            Some(middle) if share < 0.5 => share * 2.0 * along[middle],
            Some(middle) => along[middle] + (share - 0.5) * 2.0 * (whole - along[middle]),
            None => share * whole,
        };
        (0..count)
            .map(|at| {
                let at = place(if count > 1 { at as f64 / (count - 1) as f64 } else { 0.5 });
                let next = along.partition_point(|far| *far < at).clamp(1, along.len() - 1);
                let share =
                    ((at - along[next - 1]) / (along[next] - along[next - 1])).clamp(0.0, 1.0);
                let mixed = std::array::from_fn(|k| {
                    anchors[next - 1][k] + share * (anchors[next][k] - anchors[next - 1][k])
                });
                let [r, g, b] = srgb(mixed);
                [r, g, b, 255]
            })
            .collect()
    }

    /// The anchor in the middle of a map with two sides.
    fn middle(self) -> Option<usize> {
        let two_sided =
            matches!(self, Self::Diverging | Self::Temperature | Self::Humidity | Self::Pressure);
        two_sided.then(|| self.anchors().len() / 2)
    }
}

/// Oklab (Ottosson 2020) of an sRGB colour.
fn oklab(rgb: [u8; 3]) -> [f64; 3] {
    let [r, g, b] = rgb.map(|value| {
        let value = f64::from(value) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    });
    let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).cbrt();
    let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).cbrt();
    let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).cbrt();
    [
        0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
        1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
        0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
    ]
}

fn srgb([lightness, a, b]: [f64; 3]) -> [u8; 3] {
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
    ]
    .map(|value| {
        let value = if value <= 0.003_130_8 {
            12.92 * value
        } else {
            1.055 * value.powf(1.0 / 2.4) - 0.055
        };
        (value.clamp(0.0, 1.0) * 255.0).round() as u8
    })
}

/// What colour a value has: bands between levels, or a gradient across them.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    /// Levels, rising.
    pub levels: Vec<f64>,
    /// A colour below the levels, one between each two, one above.
    pub bands: Vec<Colour>,
    /// Colours of the gradient from the first to the last level; none for bands.
    gradient: Option<Vec<Colour>>,
    /// First and step of equal levels.
    equal: Option<(f64, f64)>,
}

/// Colours of a gradient.
const FINE: usize = 512;

impl Scale {
    /// Bands. What lies below the first level is see-through where `bare` is set.
    #[must_use]
    pub fn bands(levels: Vec<f64>, palette: Palette, bare: bool) -> Self {
        let mut bands = palette.colours(levels.len() + 1);
        if bare && let Some(first) = bands.first_mut() {
            first[3] = 0;
        }
        let equal = (levels.len() > 1)
            .then(|| {
                (levels[0], (levels[levels.len() - 1] - levels[0]) / (levels.len() - 1) as f64)
            })
            .filter(|(first, step)| {
                levels
                    .iter()
                    .enumerate()
                    .all(|(at, level)| (level - first - at as f64 * step).abs() < 1e-6 * step)
            });
        Self { levels, bands, gradient: None, equal }
    }

    /// The same as a gradient.
    #[must_use]
    pub fn smooth(mut self, palette: Palette) -> Self {
        self.gradient = Some(palette.colours(FINE));
        self
    }

    /// Whether it is a gradient.
    #[must_use]
    pub fn is_smooth(&self) -> bool {
        self.gradient.is_some()
    }

    /// Where a value lies among the levels: 0 at the first, 1 at the second; −1 below the first, their number above the last.
    #[must_use]
    pub fn position(&self, value: f32) -> f32 {
        let last = self.levels.len() as f32;
        let value = f64::from(value);
        match self.equal {
            Some((first, step)) => (((value - first) / step) as f32).clamp(-1.0, last),
            None => {
                let next = self.levels.partition_point(|level| *level <= value);
                match (next.checked_sub(1).map(|at| self.levels[at]), self.levels.get(next)) {
                    (Some(low), Some(high)) => {
                        next as f32 - 1.0 + ((value - low) / (high - low)) as f32
                    }
                    (None, _) => -1.0,
                    (_, None) => last,
                }
            }
        }
    }

    /// The colour of a position; `across` is how much positions differ from one pixel to the next, by which the edges between
    /// bands are softened.
    #[must_use]
    pub fn colour(&self, position: f32, across: f32) -> Colour {
        if let Some(gradient) = &self.gradient {
            if position < 0.0 && self.bands[0][3] == 0 {
                return [0; 4];
            }
            let share = position / (self.levels.len() as f32 - 1.0).max(1.0);
            let at = (share * (FINE - 1) as f32).clamp(0.0, (FINE - 1) as f32);
            return gradient[at as usize];
        }
        let band = |at: f32| self.bands[((at + 1.0).max(0.0) as usize).min(self.bands.len() - 1)];
        let floor = position.floor();
        let beyond = position - floor;
        if !(across > 0.0 && across < 1.0) {
            return band(floor);
        }
        if beyond < across / 2.0 {
            mixed(band(floor), band(floor - 1.0), 0.5 - beyond / across)
        } else if 1.0 - beyond < across / 2.0 {
            mixed(band(floor), band(floor + 1.0), 0.5 - (1.0 - beyond) / across)
        } else {
            band(floor)
        }
    }
}

fn mixed(a: Colour, b: Colour, share: f32) -> Colour {
    // A see-through colour lends its opacity, not its hue.
    let (from, to) = match (a[3], b[3]) {
        (0, _) => ([b[0], b[1], b[2], 0], b),
        (_, 0) => (a, [a[0], a[1], a[2], 0]),
        _ => (a, b),
    };
    std::array::from_fn(|k| {
        let (from, to) = (f32::from(from[k]), f32::from(to[k]));
        (from + (to - from) * share).round() as u8
    })
}

/// Black or white, whichever is read better on a colour.
#[must_use]
pub fn ink_on(ground: Colour) -> Colour {
    if oklab([ground[0], ground[1], ground[2]])[0] > 0.6 { [0, 0, 0, 255] } else { [255; 4] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lightness(palette: Palette) -> Vec<f64> {
        palette.colours(101).iter().map(|c| oklab([c[0], c[1], c[2]])[0]).collect()
    }

    #[test]
    fn maps_are_even_and_their_lightness_goes_one_way_on_each_side() {
        for (name, palette) in NAMES {
            let colours = palette.colours(201);
            let labs: Vec<[f64; 3]> = colours.iter().map(|c| oklab([c[0], c[1], c[2]])).collect();
            let far = |a: &[f64; 3], b: &[f64; 3]| {
                (0..3).map(|k| (a[k] - b[k]).powi(2)).sum::<f64>().sqrt()
            };
            let steps: Vec<f64> =
                (0..20).map(|at| far(&labs[at * 10], &labs[at * 10 + 10])).collect();
            let (low, high) =
                steps.iter().fold((9.0_f64, 0.0_f64), |(l, h), s| (l.min(*s), h.max(*s)));
            assert!(high / low < 2.0, "{name}: steps from {low:.3} to {high:.3}");
            let lightness = lightness(palette);
            let rising = |part: &[f64]| part.windows(2).all(|p| p[1] >= p[0] - 0.006);
            let falling = |part: &[f64]| part.windows(2).all(|p| p[1] <= p[0] + 0.006);
            match (palette.middle(), palette) {
                (Some(_), _) => {
                    assert!(rising(&lightness[..50]) && falling(&lightness[51..]), "{name}");
                }
                (None, Palette::Sequential) => assert!(rising(&lightness), "{name}"),
                (None, _) => assert!(falling(&lightness), "{name} {lightness:?}"),
            }
        }
    }

    #[test]
    fn oklab_comes_back_and_white_is_light() {
        for rgb in [[0, 0, 0], [255, 255, 255], [12, 200, 99], [255, 0, 0]] {
            assert_eq!(srgb(oklab(rgb)), rgb);
        }
        assert!((oklab([255; 3])[0] - 1.0).abs() < 1e-6);
    }

    #[test]
    fn values_find_their_bands() {
        let scale = Scale::bands(vec![0.0, 10.0, 20.0], Palette::Grey, true);
        assert_eq!(scale.bands.len(), 4);
        let colour = |value| scale.colour(scale.position(value), 0.0);
        assert_eq!(colour(-3.0)[3], 0);
        assert_eq!(
            (colour(5.0), colour(10.0), colour(99.0)),
            (scale.bands[1], scale.bands[2], scale.bands[3])
        );
        let uneven = Scale::bands(vec![0.1, 1.0, 10.0], Palette::Precipitation, true);
        assert_eq!(
            (uneven.position(0.05), uneven.position(5.5), uneven.position(11.0)),
            (-1.0, 1.5, 3.0)
        );
        // Halfway on an edge both bands count alike.
        let edge = scale.colour(scale.position(10.0), 0.2);
        assert!(edge[0] < scale.bands[1][0] && edge[0] > scale.bands[2][0]);
    }
}
