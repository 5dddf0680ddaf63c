//! What no key can say alone: settings that contradict each other, or that are sound but unwise.

use std::path::Path;

use strata_core::runtime::DeviceList;
use tracing_subscriber::EnvFilter;

use super::file::distance;
use super::section::SectionInfo;
use super::server::ServerSettings;
use crate::telemetry::trace;

/// A key (`section.key`) and what is wrong with it, with the remedy.
pub(super) type Complaint = (&'static str, String);

/// Settings that cannot be used together.
pub(super) fn contradictions(settings: &ServerSettings) -> Vec<Complaint> {
    let mut found = Vec::new();
    let mut refuse = |key, message: &str| found.push((key, message.to_owned()));
    if open_to_all(settings) && !settings.server.allow_anonymous {
        refuse(
            "server.bind",
            "other machines could reach this address, and no caller is asked for a key; name a \
             file of keys (--auth-keys-file), or accept everybody (--server-allow-anonymous), or \
             bind to 127.0.0.1",
        );
    }
    match (&settings.tls.certificate, &settings.tls.key) {
        (Some(_), None) => {
            refuse("tls.key", "the certificate needs its private key; name its PEM file here");
        }
        (None, Some(_)) => refuse(
            "tls.certificate",
            "the private key needs its certificate; name its PEM file here",
        ),
        _ => {}
    }
    for origin in &settings.server.cors_origins {
        if let Err(reason) = cors_origin(origin) {
            refuse("server.cors_origins", reason);
        }
    }
    if let Err(error) = settings.models.devices.parse::<DeviceList>() {
        refuse("models.devices", &error.to_string());
    }
    if let Err(error) = EnvFilter::try_new(&settings.log.filter) {
        refuse(
            "log.filter",
            &format!("{error}; write a level (error, warn, info, debug, trace) or module=level"),
        );
    }
    if let Some(endpoint) = &settings.trace.otlp_endpoint {
        if !is_http_url(endpoint) {
            refuse("trace.otlp_endpoint", "expected a URL such as \"http://127.0.0.1:4318\"");
        } else if !trace::BUILT_IN {
            refuse("trace.otlp_endpoint", trace::NOT_BUILT_IN);
        }
    }
    found
}

/// What an operator should know before the first request.
pub(super) fn warnings(settings: &ServerSettings) -> Vec<String> {
    let mut found = Vec::new();
    let bind = settings.server.bind;
    let outside = !bind.ip().is_loopback();
    if open_to_all(settings) {
        found.push(format!(
            "{bind} accepts every caller: allow_anonymous is on and keys_file is not set"
        ));
        if settings.models.control {
            found
                .push("every caller may load and unload models: [models] control is on".to_owned());
        }
    }
    if outside && settings.auth.keys_file.is_some() && settings.tls.certificate.is_none() {
        found.push(format!(
            "keys reach {bind} unencrypted: set [tls], or put a proxy that speaks TLS before it"
        ));
    }
    if settings.auth.keys_file.is_some() && settings.server.allow_anonymous {
        found.push("allow_anonymous has no effect: keys_file is set".to_owned());
    }
    if settings.server.cors_origins.iter().any(|origin| origin == "*") {
        found.push("any web page may call this server: cors_origins has \"*\"".to_owned());
    }
    found
}

/// A warning if the environment variable `name` is nearly one of a setting. No more than a warning:
/// others set variables too, such as `STRATA_SERVER_PORT` where a Kubernetes service has that name.
pub(super) fn mistyped(name: &str, sections: &[SectionInfo]) -> Option<String> {
    // Any other name would be compared in vain, and programs have many.
    name.strip_prefix("STRATA_")?;
    let keys = sections.iter().flat_map(|section| section.keys);
    let variables: Vec<&str> = keys
        .flat_map(|key| std::iter::once(key.variable).chain(key.aliases.iter().copied()))
        .collect();
    if variables.contains(&name) {
        return None;
    }
    let near = variables.into_iter().find(|known| distance(name, known) <= 2)?;
    Some(format!("the variable {name} is not known and has no effect; did you mean {near}?"))
}

/// Whether other machines reach a server that asks nobody for a key.
fn open_to_all(settings: &ServerSettings) -> bool {
    !settings.server.bind.ip().is_loopback() && settings.auth.keys_file.is_none()
}

fn is_http_url(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('/') && rest.chars().all(|c| c.is_ascii_graphic())
    })
}

/// An origin as browsers send it has no path, not even a slash at its end.
fn cors_origin(origin: &str) -> Result<(), &'static str> {
    if origin == "*" {
        return Ok(());
    }
    if !is_http_url(origin) {
        return Err("expected origins such as \"https://lab.example.org\", or \"*\"");
    }
    if origin.matches('/').count() > 2 {
        return Err("an origin ends with its host or port, without a slash or path");
    }
    Ok(())
}

/// A warning if people who are neither owner nor group may read or anybody else may change `path`,
/// a file that holds secrets; `None` also where the system has no such permissions.
#[must_use]
pub fn exposed_file(path: &Path) -> Option<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
        let (everybody, writers) = (0o007, 0o022);
        (mode & (everybody | writers) != 0).then(|| {
            format!(
                "{} is open to other users (mode {mode:03o}): run chmod 600 on it",
                path.display()
            )
        })
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}
