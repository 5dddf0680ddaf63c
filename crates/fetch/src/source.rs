//! The places a request may be served from, in the order they are tried.

use std::path::PathBuf;

use crate::{Mirror, Request};

/// One place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Path(PathBuf),
    Url(String),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Url(url) => f.write_str(&crate::url::shown(url)),
        }
    }
}

/// All places of a request. A mirror stands alone.
pub(crate) fn all(request: &Request) -> Vec<Source> {
    let digest = request.sha256.to_string();
    let folder = &digest[..2];
    let mut sources: Vec<Source> = request.files.iter().cloned().map(Source::Path).collect();
    match &request.mirror {
        None => sources.extend(request.urls.iter().cloned().map(Source::Url)),
        Some(Mirror::Dir(dir)) => {
            sources.push(Source::Path(dir.join(&digest)));
            sources.push(Source::Path(dir.join(folder).join(&digest)));
        }
        Some(Mirror::Url(base)) => {
            let base = base.trim_end_matches('/');
            sources.push(Source::Url(format!("{base}/{digest}")));
            sources.push(Source::Url(format!("{base}/{folder}/{digest}")));
        }
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;

    #[test]
    fn a_mirror_stands_alone() {
        let digest = Digest::of(b"x");
        let mut request = Request::new("d", digest);
        request.urls = vec!["http://h/x".into()];
        assert_eq!(all(&request), [Source::Url("http://h/x".into())]);
        request.mirror = Some(Mirror::parse("http://m/"));
        let d = digest.to_string();
        assert_eq!(
            all(&request),
            [
                Source::Url(format!("http://m/{d}")),
                Source::Url(format!("http://m/{}/{d}", &d[..2]))
            ]
        );
        request.files = vec!["/f".into()];
        assert_eq!(all(&request)[0], Source::Path("/f".into()));
        request.files.clear();
        request.mirror = Some(Mirror::parse("/m"));
        assert_eq!(all(&request)[0], Source::Path(format!("/m/{d}").into()));
    }
}
