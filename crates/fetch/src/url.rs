//! The little URL work a download needs: parts of an address, and where a redirect leads.

use crate::FetchError;

/// The parts of an `http(s)` address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    pub(crate) https: bool,
    /// `host[:port]`, without user and password.
    pub(crate) authority: &'a str,
    /// Path and query, beginning with `/`, or empty.
    pub(crate) path: &'a str,
}

/// Splits an address; an error for anything but `http` and `https` with a host.
pub(crate) fn parts(url: &str) -> Result<Parts<'_>, FetchError> {
    let bad = |reason: &str| FetchError::BadUrl { url: url.to_owned(), reason: reason.to_owned() };
    let (scheme, rest) = url.split_once("://").ok_or_else(|| bad("it has no scheme"))?;
    let https = match scheme.to_ascii_lowercase().as_str() {
        "https" => true,
        "http" => false,
        _ => return Err(bad("its scheme is neither http nor https")),
    };
    if url.bytes().any(|b| b <= b' ' || b == 0x7f) {
        return Err(bad("it holds a space or a control character"));
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if authority.is_empty() || authority.starts_with(':') {
        return Err(bad("it names no host"));
    }
    Ok(Parts { https, authority, path })
}

impl<'a> Parts<'a> {
    /// The host without its port, brackets of an IPv6 address taken off.
    pub(crate) fn host(&self) -> &'a str {
        if let Some(inner) = self.authority.strip_prefix('[') {
            return inner.split(']').next().unwrap_or(inner);
        }
        self.authority.split(':').next().unwrap_or(self.authority)
    }

    /// The port, or the scheme's own.
    pub(crate) fn port(&self) -> u16 {
        let after = self.authority.rsplit_once(']').map_or(self.authority, |(_, rest)| rest);
        let given = after.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        given.unwrap_or(if self.https { 443 } else { 80 })
    }
}

/// Where `location`, given by a redirect of `base`, leads.
pub(crate) fn join(base: &str, location: &str) -> Result<String, FetchError> {
    let from = parts(base)?;
    let location = location.split('#').next().unwrap_or(location);
    let scheme = if from.https { "https" } else { "http" };
    let joined = if location.contains("://") && !location.starts_with('/') {
        location.to_owned()
    } else if let Some(rest) = location.strip_prefix("//") {
        format!("{scheme}://{rest}")
    } else if location.starts_with('/') {
        format!("{scheme}://{}{location}", from.authority)
    } else {
        let path = from.path.split(['?', '#']).next().unwrap_or("");
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{}{folder}/{location}", from.authority)
    };
    parts(&joined)?;
    Ok(joined)
}

/// The address without user, password and query, for messages and notes on disk.
pub(crate) fn shown(url: &str) -> String {
    let Ok(parts) = parts(url) else { return url.to_owned() };
    let path = parts.path.split('?').next().unwrap_or("");
    format!("{}://{}{path}", if parts.https { "https" } else { "http" }, parts.authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_addresses() {
        let p = parts("https://user:secret@Host.example:8443/a/b?c=d").unwrap();
        assert_eq!((p.https, p.host(), p.port(), p.path), (true, "Host.example", 8443, "/a/b?c=d"));
        let p = parts("http://[::1]:81/x").unwrap();
        assert_eq!((p.host(), p.port()), ("::1", 81));
        let p = parts("http://h").unwrap();
        assert_eq!((p.host(), p.port(), p.path), ("h", 80, ""));
        assert_eq!(parts("https://h/x:9/").unwrap().port(), 443);
    }

    #[test]
    fn refuses_what_is_no_http_address() {
        for url in [
            "",
            "h/x",
            "ftp://h/x",
            "file:///etc/passwd",
            "http:///x",
            "http://:80/",
            "http://h/a b",
            "http://h/\r\nX: y",
        ] {
            assert!(matches!(parts(url), Err(FetchError::BadUrl { .. })), "{url}");
        }
    }

    #[test]
    fn follows_relative_redirects() {
        let base = "https://h:1/a/b?q=1";
        for (location, want) in [
            ("https://o/x", "https://o/x"),
            ("//o/x", "https://o/x"),
            ("/x?u=http://e", "https://h:1/x?u=http://e"),
            ("x", "https://h:1/a/x"),
            ("/x#part", "https://h:1/x"),
        ] {
            assert_eq!(join(base, location).unwrap(), want);
        }
        assert!(join(base, "ftp://o/x").is_err());
        assert_eq!(join("http://h", "x").unwrap(), "http://h/x");
    }

    #[test]
    fn messages_hide_secrets() {
        assert_eq!(shown("https://me:pw@h/x?token=1"), "https://h/x");
    }
}
