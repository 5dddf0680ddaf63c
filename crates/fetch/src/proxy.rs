//! Which proxy a request goes through, by the environment variables every tool reads.

use crate::url::Parts;
use crate::{FetchError, Result};

/// Proxy settings. An address is `http://[user:password@]host[:port]`; requests go through it by `CONNECT`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For `http` addresses.
    pub http: Option<String>,
    /// For `https` addresses.
    pub https: Option<String>,
    /// Hosts reached without a proxy.
    pub no_proxy: Vec<String>,
}

impl Proxies {
    /// No proxy at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in lower case first as curl does.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_vars(|name| std::env::var(name).ok())
    }

    /// The same from any source of variables.
    #[must_use]
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name: &str| {
            let value = var(&name.to_ascii_lowercase()).or_else(|| var(name));
            value.map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
        };
        let all = get("ALL_PROXY");
        let no_proxy = get("NO_PROXY").unwrap_or_default();
        Self {
            http: get("HTTP_PROXY").or_else(|| all.clone()),
            https: get("HTTPS_PROXY").or(all),
            no_proxy: no_proxy
                .split([',', ' '])
                .map(|entry| entry.trim().to_ascii_lowercase())
                .filter(|entry| !entry.is_empty())
                .collect(),
        }
    }

    /// The proxy for an address, if it goes through one.
    pub(crate) fn choose(&self, parts: &Parts<'_>) -> Result<Option<ureq::Proxy>> {
        let chosen = if parts.https { &self.https } else { &self.http };
        let Some(setting) = chosen else { return Ok(None) };
        if self.bypasses(parts.host(), parts.port()) {
            return Ok(None);
        }
        let bad = |reason: &str| FetchError::BadProxy {
            proxy: hidden(setting),
            reason: reason.to_owned(),
        };
        if setting.to_ascii_lowercase().starts_with("socks") {
            return Err(bad("SOCKS proxies are not supported"));
        }
        ureq::Proxy::new(setting).map(Some).map_err(|_| bad("it is not an address"))
    }

    /// curl's rules: `*`, a host, a domain with or without its leading dot (subdomains included), each with an
    /// optional port.
    fn bypasses(&self, host: &str, port: u16) -> bool {
        let host = host.to_ascii_lowercase();
        self.no_proxy.iter().any(|entry| {
            if entry == "*" || *entry == host {
                return true;
            }
            let (name, wanted_port) = match entry.rsplit_once(':') {
                Some((name, digits)) if !name.contains(':') => (name, digits.parse::<u16>().ok()),
                _ => (entry.as_str(), None),
            };
            if wanted_port.is_some_and(|wanted| wanted != port) {
                return false;
            }
            let domain = name.trim_start_matches("*.").trim_start_matches('.');
            host == domain
                || host
                    .strip_suffix(domain)
                    .is_some_and(|head| !domain.is_empty() && head.ends_with('.'))
        })
    }
}

/// A proxy setting without user and password.
fn hidden(setting: &str) -> String {
    match setting.rsplit_once('@') {
        Some((_, host)) => format!("…@{host}"),
        None => setting.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url;

    fn vars(pairs: &'static [(&'static str, &'static str)]) -> Proxies {
        Proxies::from_vars(|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn schemes_have_their_own_proxy() {
        let p =
            vars(&[("HTTP_PROXY", "http://a:1"), ("https_proxy", "b:2"), ("HTTPS_PROXY", "c:3")]);
        assert_eq!(p.http.as_deref(), Some("http://a:1"));
        assert_eq!(p.https.as_deref(), Some("b:2"), "lower case wins");
        let p = vars(&[("ALL_PROXY", "a:1"), ("HTTPS_PROXY", "")]);
        assert_eq!((p.http.as_deref(), p.https.as_deref()), (Some("a:1"), Some("a:1")));
        assert_eq!(vars(&[]), Proxies::none());
    }

    #[test]
    fn no_proxy_follows_curls_rules() {
        let p = vars(&[
            ("ALL_PROXY", "http://a:1"),
            ("NO_PROXY", "localhost, .corp.example,plain.example,10.0.0.1:81, ::1,*.star.example"),
        ]);
        for (url, through) in [
            ("http://localhost/x", false),
            ("http://a.corp.example/", false),
            ("http://corp.example/", false),
            ("http://xcorp.example/", true),
            ("https://sub.PLAIN.example/", false),
            ("http://10.0.0.1:81/", false),
            ("http://10.0.0.1:82/", true),
            ("http://[::1]:5/", false),
            ("http://s.star.example/", false),
            ("http://elsewhere/", true),
        ] {
            let chosen = p.choose(&url::parts(url).unwrap()).unwrap();
            assert_eq!(chosen.is_some(), through, "{url}");
        }
        let all = vars(&[("ALL_PROXY", "http://a:1"), ("NO_PROXY", "*")]);
        assert!(all.choose(&url::parts("http://h/").unwrap()).unwrap().is_none());
    }

    #[test]
    fn unusable_proxies_are_named_without_their_password() {
        for setting in ["socks5://me:secret@p:1", "http://me:secret@"] {
            let p = Proxies { http: Some(setting.into()), ..Proxies::none() };
            let error = p.choose(&url::parts("http://h/").unwrap()).unwrap_err().to_string();
            assert!(error.contains("HTTPS_PROXY") && !error.contains("secret"), "{error}");
        }
    }
}
