//! Several maps on one picture.

use super::PlotError;
use super::decor::bar;
use super::font::Font;
use super::map::{Map, lettering};
use super::scene::{Anchor, FAINT, Scene, Text};
use super::words;

/// Several maps beside and below one another with one colour bar, as of an ensemble's members.
///
/// # Errors
/// [`PlotError`] of any of them; [`PlotError::Unfit`] of none.
pub fn panels(
    maps: &[(String, Map)],
    (columns, width): (usize, u32),
    title: &str,
    font: &Font,
) -> Result<Scene, PlotError> {
    let Some((_, first)) = maps.first() else {
        return Err(PlotError::Unfit("no maps for panels".to_owned()));
    };
    let columns = columns.clamp(1, 16).min(maps.len());
    let size = lettering(width);
    let small = (size * 0.8).max(8.0);
    let (margin, gap) = (size as u32, (size * 0.8) as u32);
    let inner = (width.saturating_sub(2 * margin + gap * (columns as u32 - 1))) / columns as u32;
    let (top, head) = ((size * 4.0) as u32, (small * 1.8) as u32);
    let view = first.view(inner)?;
    let high = view.size.1 + head + gap;
    let rows = maps.len().div_ceil(columns) as u32;
    let mut scene = Scene::new(width, top + rows * high + (size * 3.2) as u32);
    for (at, (name, map)) in maps.iter().enumerate() {
        let (row, column) = ((at / columns) as u32, (at % columns) as u32);
        let (x, y) = (margin + column * (inner + gap), top + row * high + head);
        let view = map.view(inner)?.at(x, y);
        // Panels are drawn without lettering around: on a scene of the view's own size.
        let mut panel = Scene::new(x + view.size.0, y + view.size.1);
        map.draw(&mut panel, &view, font, small * 0.72)?;
        let [left, top, right, bottom] = view.rect();
        panel.items.retain(|item| match item {
            super::scene::Item::Text(text) => {
                (left..=right).contains(&text.at.0) && (top..=bottom).contains(&text.at.1)
            }
            _ => true,
        });
        scene.items.append(&mut panel.items);
        scene.text(Text::new(
            (x as f32, y as f32 - small * 0.8),
            name.clone(),
            small,
            Anchor::Start,
        ));
    }
    let large = font.fitting(title, size * 1.2, width as f32 - 2.0 * size);
    scene.text(Text::new((size, size * 1.3), title, large, Anchor::Start).bold());
    scene.text(
        Text::new((size, size * 2.8), first.when.clone(), size * 0.95, Anchor::Start).colour(FAINT),
    );
    let right = width as f32 - size;
    scene.text(
        Text::new((right, size * 2.8), first.model.clone(), size * 0.9, Anchor::End).colour(FAINT),
    );
    if let Some(fill) = &first.fill {
        let unit = words::unit(&fill.style.unit);
        let wide = (width as f32 * 0.7).min(size * 60.0);
        let y = (top + rows * high) as f32 + size * 0.4;
        bar(&mut scene, &fill.scale, &unit, font, ((width as f32 - wide) / 2.0, y, wide, size));
    }
    Ok(scene)
}
