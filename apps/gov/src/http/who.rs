//! Who asks: what a caller may see comes from its key, and a request can only narrow it.

use strata_serve::Call;
use strata_serve::keys::Scope;
use strata_text::index::Viewer;

/// What a caller may see. Where the server asks for no key, the request says which department it is.
pub(super) fn viewer(call: &Call, departments: &[String]) -> Viewer {
    let caller = &call.caller;
    if caller.id == 0 {
        return Viewer::with_labels(departments.iter().cloned());
    }
    if caller.has(Scope::Admin) {
        return match departments {
            [] => Viewer::everything(),
            some => Viewer::with_labels(some.iter().cloned()),
        };
    }
    let own = caller.labels.iter();
    Viewer::with_labels(
        own.filter(|label| departments.is_empty() || departments.contains(label)).cloned(),
    )
}

/// What a caller who sends a document for these departments may replace. Where the server asks for no key, it is what those
/// departments see.
pub(super) fn writer(call: &Call, departments: &[String]) -> Viewer {
    match call.caller.id {
        0 => Viewer::with_labels(departments.iter().cloned()),
        _ => viewer(call, &[]),
    }
}

/// The departments a caller sees, for the audit log.
pub(super) fn departments(viewer: &Viewer) -> Vec<String> {
    match viewer.all {
        true => vec!["*".to_owned()],
        false => viewer.labels.iter().cloned().collect(),
    }
}
