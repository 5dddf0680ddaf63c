//! Values of a PDF's dictionaries, references followed.

use lopdf::{Dictionary, Document, Object};

/// The object itself, or what it refers to.
pub(super) fn resolve<'a>(
    document: &'a Document,
    object: Option<&'a Object>,
) -> Option<&'a Object> {
    document.dereference(object?).ok().map(|(_, object)| object)
}

/// A dictionary, or that of a stream.
pub(super) fn dictionary<'a>(
    document: &'a Document,
    object: Option<&'a Object>,
) -> Option<&'a Dictionary> {
    match resolve(document, object)? {
        Object::Dictionary(dictionary) => Some(dictionary),
        Object::Stream(stream) => Some(&stream.dict),
        _ => None,
    }
}

/// A name under a key.
pub(super) fn name<'a>(
    document: &'a Document,
    holder: &'a Dictionary,
    key: &[u8],
) -> Option<&'a [u8]> {
    resolve(document, holder.get(key).ok())?.as_name().ok()
}

/// A number under a key.
pub(super) fn number(document: &Document, holder: &Dictionary, key: &[u8]) -> Option<f32> {
    resolve(document, holder.get(key).ok())?.as_float().ok().filter(|number| number.is_finite())
}

/// What a page has itself or from the nodes above it.
pub(super) fn inherited<'a>(
    document: &'a Document,
    page: &'a Dictionary,
    key: &[u8],
) -> Option<&'a Object> {
    let mut node = page;
    // A tree of pages is a few levels deep; one that is deeper goes in a circle.
    for _ in 0..64 {
        if let Some(value) = resolve(document, node.get(key).ok()) {
            return Some(value);
        }
        node = dictionary(document, node.get(b"Parent").ok())?;
    }
    None
}

/// Numbers of an array.
pub(super) fn numbers(document: &Document, object: Option<&Object>) -> Vec<f32> {
    let array = resolve(document, object).and_then(|object| object.as_array().ok());
    let numbers = array
        .into_iter()
        .flatten()
        .take(64)
        .filter_map(|entry| resolve(document, Some(entry))?.as_float().ok());
    numbers.collect()
}
