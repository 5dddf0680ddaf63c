//! A server of ours as a child, and the few words of HTTP that the demo speaks with it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// A server that runs; killed when dropped.
pub(crate) struct Server {
    child: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts it and waits until it says where it listens.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let mut child =
            command.stdout(Stdio::piped()).spawn().context("the server did not start")?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("the server has no output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let address = address(&line).map(str::to_owned);
        let server = Self { child, address: address.unwrap_or_default() };
        if server.address.is_empty() {
            bail!("the server did not say where it listens, but {line:?}");
        }
        Ok(server)
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Status and body.
    pub(crate) fn get(&self, path: &str) -> Result<(u16, String)> {
        self.exchange(&format!("GET {path} HTTP/1.1\r\n"), "")
    }

    /// Status and body of a request with JSON.
    pub(crate) fn post(&self, path: &str, json: &str) -> Result<(u16, String)> {
        let head = format!("POST {path} HTTP/1.1\r\nContent-Type: application/json\r\n");
        self.exchange(&head, json)
    }

    fn exchange(&self, head: &str, body: &str) -> Result<(u16, String)> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let (host, length) = (&self.address, body.len());
        write!(
            stream,
            "{head}Host: {host}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        parse(&answer).with_context(|| format!("no HTTP answer: {answer:?}"))
    }

    /// Asks it to end, and waits for that.
    pub(crate) fn end(mut self) -> Result<()> {
        #[cfg(unix)]
        {
            let id = self.child.id().to_string();
            let status = Command::new("kill").args(["-s", "TERM", &id]).status()?;
            if status.success() {
                let status = self.child.wait()?;
                println!("SIGTERM: the server answered what it had taken and ended: {status}");
                if !status.success() {
                    bail!("the server ended with {status}");
                }
                return Ok(());
            }
        }
        self.child.kill()?;
        Ok(())
    }
}

/// Host and port in `serving on http://HOST:PORT; …`.
fn address(line: &str) -> Option<&str> {
    line.split("://").nth(1)?.split(';').next()
}

fn parse(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_and_the_answer_are_read() {
        assert_eq!(
            address("serving on http://127.0.0.1:81; Ctrl-C ends it\n"),
            Some("127.0.0.1:81")
        );
        assert_eq!(address("error: no"), None);
        let answer = "HTTP/1.1 503 Service Unavailable\r\nA: b\r\n\r\n{}";
        assert_eq!(parse(answer), Some((503, "{}".to_owned())));
        assert_eq!(parse("nothing"), None);
    }
}
