//! An application's page and the documentation page: files inside the program, which ask no other
//! host for anything.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use crate::openapi::Doc;
use crate::operation::{BodyKind, Operation, Output, Work};

/// A file of a page.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// Its address: `/` or `/app.js`.
    pub path: &'static str,
    /// Its content type.
    pub content_type: &'static str,
    /// Its bytes.
    pub bytes: &'static [u8],
}

macro_rules! common {
    ($file:literal, $kind:literal) => {
        Asset {
            path: concat!("/", $file),
            content_type: $kind,
            bytes: include_bytes!(concat!("../page/", $file)),
        }
    };
}

/// What the pages of all applications use.
const COMMON: &[Asset] = &[
    common!("base.css", "text/css; charset=utf-8"),
    common!("language.js", "text/javascript; charset=utf-8"),
    common!("dom.js", "text/javascript; charset=utf-8"),
    common!("api.js", "text/javascript; charset=utf-8"),
    common!("key.js", "text/javascript; charset=utf-8"),
];

/// Scripts and styles from this server alone; nothing inline, no frames.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";
/// Swagger UI writes styles into its elements.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

const DOCS_PAGE: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>API</title>\n\
<link rel=\"stylesheet\" href=\"/docs/swagger-ui.css\">\n<link rel=\"icon\" href=\"data:,\">\n\
<div id=\"ui\"></div>\n<script src=\"/docs/swagger-ui-bundle.js\"></script>\n\
<script src=\"/docs/start.js\"></script>\n</html>\n";
const DOCS_START: &str = "\"use strict\";\nwindow.ui = SwaggerUIBundle({ url: \"/openapi.json\", \
dom_id: \"#ui\", deepLinking: true, validatorUrl: null });\n";

pub(crate) fn operations(page: &[Asset], docs: bool, document: &Value) -> Vec<Operation> {
    let common = if page.is_empty() { &[] } else { COMMON };
    let mut operations: Vec<Operation> = page
        .iter()
        .chain(common)
        .map(|asset| file(asset.path, asset.content_type, asset.bytes.into(), PAGE_POLICY))
        .collect();
    let json = serde_json::to_vec_pretty(document).unwrap_or_default();
    operations.push(file("/openapi.json", "application/json", json.into(), PAGE_POLICY));
    if docs {
        let script = "text/javascript; charset=utf-8";
        let html = "text/html; charset=utf-8";
        let style = "text/css; charset=utf-8";
        let own = |text: &str| Arc::from(text.as_bytes());
        operations.push(file("/docs", html, own(DOCS_PAGE), DOCS_POLICY));
        operations.push(file("/docs/start.js", script, own(DOCS_START), DOCS_POLICY));
        for (path, name, kind) in [
            ("/docs/swagger-ui.css", "swagger-ui.css", style),
            ("/docs/swagger-ui-bundle.js", "swagger-ui-bundle.js", script),
        ] {
            if let Some(bytes) = vendored(name) {
                operations.push(file(path, kind, bytes.into(), DOCS_POLICY));
            }
        }
    }
    operations
}

/// A file of Swagger UI, which the program carries packed.
fn vendored(name: &str) -> Option<Vec<u8>> {
    let packed = std::io::Cursor::new(utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED);
    let mut archive = zip::ZipArchive::new(packed).ok()?;
    let ends = |at: &usize| {
        let found = archive.name_for_index(*at);
        found.and_then(Result::ok).is_some_and(|file| file.rsplit('/').next() == Some(name))
    };
    let at = (0..archive.len()).find(ends)?;
    let mut bytes = Vec::new();
    archive.by_index(at).ok()?.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn file(
    path: &'static str,
    content_type: &'static str,
    bytes: Arc<[u8]>,
    policy: &'static str,
) -> Operation {
    let bytes = Bytes::from_owner(bytes);
    Operation::get("page", path).open().raw(BodyKind::None, Doc::default(), move |_, _| {
        let bytes = bytes.clone();
        let headers = vec![
            ("content-security-policy", policy.to_owned()),
            ("cache-control", "no-cache".to_owned()),
            ("referrer-policy", "no-referrer".to_owned()),
        ];
        let content_type = content_type.to_owned();
        let answer = Ok(Output::Bytes { content_type, bytes, headers });
        Ok(Work::Waits(Box::pin(std::future::ready(answer))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swagger_ui_is_inside_the_program() {
        assert!(vendored("swagger-ui-bundle.js").is_some_and(|js| js.len() > 100_000));
        assert!(vendored("swagger-ui.css").is_some_and(|css| css.len() > 10_000));
        assert!(vendored("nothing.js").is_none());
    }
}
