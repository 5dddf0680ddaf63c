//! The address of a camera, whose password is shown to nobody.

use url::Url;

use super::SourceError;

/// An `rtsp://` address; the name and the password are kept apart from it.
#[derive(Clone, PartialEq, Eq)]
pub struct RtspAddress {
    url: Url,
    credentials: Option<(String, String)>,
}

impl RtspAddress {
    /// Reads an address. What is escaped with `%` in the name and the password is taken back.
    ///
    /// # Errors
    /// [`SourceError::Address`], which does not repeat the text.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let mut url = Url::parse(text).map_err(|e| SourceError::Address(e.to_string()))?;
        if url.scheme() != "rtsp" {
            let what = format!("the scheme {} is not supported", url.scheme());
            return Err(SourceError::Address(what));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(SourceError::Address("there is no host in it".to_owned()));
        }
        let credentials = (!url.username().is_empty() || url.password().is_some())
            .then(|| (unescape(url.username()), unescape(url.password().unwrap_or_default())));
        if url.set_username("").is_err() || url.set_password(None).is_err() {
            return Err(SourceError::Address(
                "its name and password cannot be taken out".to_owned(),
            ));
        }
        Ok(Self { url, credentials })
    }

    /// The address without name and password.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// User name and password.
    #[must_use]
    pub fn credentials(&self) -> Option<&(String, String)> {
        self.credentials.as_ref()
    }

    /// The address with a name and a password in it, for a program that takes them in no other way.
    #[must_use]
    pub fn with_credentials(&self, credentials: Option<&(String, String)>) -> String {
        let mut url = self.url.clone();
        if let Some((user, password)) = credentials {
            // Cannot fail on an address that has a host.
            let _ = url.set_username(user);
            let _ = url.set_password(Some(password));
        }
        url.into()
    }
}

impl std::fmt::Display for RtspAddress {
    /// The address without name and password, and without the query, where cameras take them too.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut url = self.url.clone();
        if url.query().is_some() {
            url.set_query(Some("..."));
        }
        f.write_str(url.as_str())
    }
}

impl std::fmt::Debug for RtspAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RtspAddress({self})")
    }
}

/// Takes `%41` back to `A`; what is no escape stays.
fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        let code = text.get(at + 1..at + 3).filter(|_| byte == b'%');
        if let Some(value) = code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            out.push(value);
            at += 3;
        } else {
            out.push(byte);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A text in which none of the words is left. Both the plain and the escaped form of each go.
pub(super) fn redacted(text: &str, credentials: Option<&(String, String)>) -> String {
    let Some((_, password)) = credentials.filter(|(_, password)| !password.is_empty()) else {
        return text.to_owned();
    };
    let escaped: String = url::form_urlencoded::byte_serialize(password.as_bytes()).collect();
    text.replace(password.as_str(), "***").replace(&escaped, "***")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_shown_to_nobody() {
        let address =
            RtspAddress::parse("rtsp://admin:p%40ss%3Aword@10.0.0.5:8554/h264?pwd=hidden")
                .expect("an address");
        let shown = format!("{address} {address:?}");
        assert!(
            !shown.contains("p@ss") && !shown.contains("p%40ss") && !shown.contains("hidden"),
            "{shown}"
        );
        assert!(!shown.contains("admin") && shown.contains("10.0.0.5:8554/h264"), "{shown}");
        assert_eq!(address.credentials(), Some(&("admin".to_owned(), "p@ss:word".to_owned())));
        assert_eq!(
            address.with_credentials(address.credentials()),
            "rtsp://admin:p%40ss%3Aword@10.0.0.5:8554/h264?pwd=hidden"
        );
        for wrong in [
            "rtsp://",
            "rtsp://user:secret@/x",
            "rtsps://user:secret@host/x",
            "rtsp://user:secret@host:99999/",
        ] {
            let error = RtspAddress::parse(wrong).expect_err(wrong).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        assert_eq!(redacted("bad p@ss:word", address.credentials()), "bad ***");
    }
}
