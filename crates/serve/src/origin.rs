//! Pages of other sites: a browser lets any page send simple requests to a server on its own machine,
//! and a name that a stranger owns can be made to point there. Programs send none of these headers.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};

use crate::problem::{Kind, Problem};

/// What a server knows about where its own pages come from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origins {
    /// Origins that may call besides the server's own, as in `cors_origins`.
    pub(crate) allowed: Vec<String>,
    /// Names the server goes by, where it asks nobody for a key and listens on this machine alone.
    pub(crate) names: Option<Vec<String>>,
}

impl Origins {
    /// Refuses what a page of another site sends, and requests to a name that is not the server's.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let host = text(headers, header::HOST);
        if let (Some(names), Some(host)) = (&self.names, host) {
            let name = without_port(host);
            let own = name.parse::<IpAddr>().is_ok()
                || name.eq_ignore_ascii_case("localhost")
                || names.iter().any(|known| known.eq_ignore_ascii_case(name));
            if !own {
                let text = format!("this server does not go by the name {name:?}");
                return Err(Problem::new(Kind::Forbidden, "host", text).with_remedy(
                    "call it by its address, name it in server.hosts, or ask for keys",
                ));
            }
        }
        let Some(origin) = text(headers, header::ORIGIN) else { return Ok(()) };
        let own = origin.split_once("://").is_some_and(|(_, site)| Some(site) == host);
        let allowed = self.allowed.iter().any(|one| one == "*" || one == origin);
        if own || allowed {
            return Ok(());
        }
        let text = format!("a page of {origin:?} may not call this server");
        Err(Problem::new(Kind::Forbidden, "origin", text)
            .with_remedy("name the page's origin in server.cors_origins"))
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("not readable"))
}

/// The name of `name:port`, `[::1]:port` or either without a port.
fn without_port(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn check(origins: &Origins, headers: &[(header::HeaderName, &'static str)]) -> Option<String> {
        let headers = headers.iter().map(|(k, v)| (k.clone(), HeaderValue::from_static(v)));
        origins.check(&headers.collect()).err().map(|problem| problem.code.into_owned())
    }

    #[test]
    fn pages_of_others_are_refused_programs_are_not() {
        let origins = Origins { allowed: vec!["https://lab.example".into()], names: None };
        let host = (header::HOST, "127.0.0.1:8080");
        assert_eq!(check(&origins, std::slice::from_ref(&host)), None);
        let from = |origin| check(&origins, &[host.clone(), (header::ORIGIN, origin)]);
        assert_eq!(from("http://127.0.0.1:8080"), None);
        assert_eq!(from("https://lab.example"), None);
        assert_eq!(from("https://evil.example").as_deref(), Some("origin"));
        assert_eq!(from("null").as_deref(), Some("origin"));
    }

    #[test]
    fn a_name_that_is_not_the_server_s_is_refused_where_nobody_needs_a_key() {
        let origins = Origins { allowed: vec![], names: Some(vec!["box.lab".into()]) };
        for host in ["localhost:1", "127.0.0.1:1", "[::1]:1", "box.lab", "10.0.0.7:80"] {
            assert_eq!(check(&origins, &[(header::HOST, host)]), None, "{host}");
        }
        let rebound = check(&origins, &[(header::HOST, "evil.example:8080")]);
        assert_eq!(rebound.as_deref(), Some("host"));
    }
}
