//! Where a running lab is: what `exec` and `attach` are told, and how they find the rest.

use std::time::Duration;

use clap::Args;
use percent_encoding::{percent_decode_str, utf8_percent_encode};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use super::Failure;
use crate::client::{Address, ClientError};

/// How long a server may take for one answer: a slow disk, a busy machine, and no more.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much of a server's answer to `/` is read: its head is shorter.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// How many lines the head of an answer may have.
const MAX_HEAD_LINES: usize = 100;

/// Where to look for a lab.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Where katahost runs: the address that it printed, or a lab's
    #[arg(
        long,
        env = "KATAHOST_URL",
        value_name = "URL",
        hide_env_values = true,
        default_value = "http://127.0.0.1:7681/"
    )]
    pub(super) url: String,
    /// The secret that opens the lab, if the URL does not carry it
    #[arg(long, env = "KATAHOST_TOKEN", hide_env_values = true)]
    pub(super) token: Option<String>,
    /// The lab, where the server has several and the URL names none
    #[arg(long, env = "KATAHOST_LAB", value_name = "NAME")]
    pub(super) lab: Option<String>,
}

/// Where a server is, and what its address says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Host and port.
    pub(super) authority: String,
    /// The path that everything is under, with slashes at both ends.
    base: String,
    /// The lab, where one is named, encoded as it stands in addresses.
    pub(super) lab: Option<String>,
    /// The way in: `labs`, or that of a link, `watch` or `remote`.
    way: &'static str,
    /// What opens it.
    token: Option<String>,
}

/// A file that a server sends.
#[derive(Debug)]
pub(super) struct Fetched {
    stream: BufReader<TcpStream>,
    length: u64,
}

impl Fetched {
    /// Hands over all of it, piece by piece.
    pub(super) async fn write_to(
        mut self,
        mut write: impl FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<(), Failure> {
        let broken = |error: std::io::Error| Failure::broken(error.to_string());
        while self.length > 0 {
            let piece = within(async { self.stream.fill_buf().await.map_err(broken) }).await?;
            if piece.is_empty() {
                return Err(Failure::broken("the server has sent less than all of it"));
            }
            write(piece).map_err(broken)?;
            let taken = piece.len();
            self.stream.consume(taken);
            self.length = self.length.saturating_sub(taken as u64);
        }
        Ok(())
    }
}

/// The ways into a lab: with the server's token, and with those of links.
const WAYS: [&str; 3] = ["labs", "watch", "remote"];

impl Place {
    pub(super) fn read(options: &Options) -> Result<Self, Failure> {
        let url = options.url.trim();
        let (scheme, rest) = url.split_once("://").ok_or_else(|| not_a_url(url))?;
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "ws" => {}
            "https" | "wss" => {
                return Err(Failure::usage(
                    "a server that speaks TLS can't be reached from here",
                    "run it on the server's own machine with its http:// address, or through a \
                     tunnel",
                ));
            }
            _ => return Err(not_a_url(url)),
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.is_empty() || authority.contains(['@', ' ', '\r', '\n']) {
            return Err(not_a_url(url));
        }
        let (base, way, lab) = parts(path);
        let named = options.lab.as_deref().map(encode);
        Ok(Self {
            authority: authority.to_owned(),
            base,
            lab: named.or(lab),
            way,
            token: options.token.clone().or_else(|| token(query)),
        })
    }

    /// The one lab of the server, to which its first page leads.
    pub(super) async fn only_lab(&self) -> Result<String, Failure> {
        let answer = self.ask().await.map_err(|error| self.unreachable(&error))?;
        let mut lines = answer.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let mut headers = lines.take_while(|line| !line.is_empty());
        let location = headers.find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("location").then(|| value.trim())
        });
        let lab = location.and_then(|location| parts(location.trim_start_matches('/')).2);
        match (status, lab) {
            (_, Some(lab)) => Ok(lab),
            (Some("401" | "403"), None) => Err(refused(self.way)),
            (Some("200"), None) => Err(Failure::usage(
                format!("the server at `{}` has several labs", self.authority),
                format!("name one with --lab: {}", Self::names(&answer)),
            )),
            _ => Err(Failure::usage(
                format!("there is no katahost at `{}{}`", self.authority, self.base),
                "give the address that `katahost serve` printed with --url",
            )),
        }
    }

    /// Asks for the server's first page.
    async fn ask(&self) -> std::io::Result<String> {
        let stream = self.request(&self.base).await?;
        let mut answer = Vec::new();
        stream
            .take(MAX_ANSWER_BYTES)
            .read_to_end(&mut answer)
            .await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// Sends a request for what is at `path`.
    async fn request(&self, path: &str) -> std::io::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.with_port()).await?;
        let token = self.token.as_ref().map_or_else(String::new, |token| {
            format!("authorization: Bearer {token}\r\n")
        });
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\n{token}connection: close\r\n\r\n",
            self.authority
        );
        stream.write_all(request.as_bytes()).await?;
        Ok(stream)
    }

    /// Gets what is at `path` of a lab, which is about to be sent in one piece.
    pub(super) async fn fetch(&self, lab: &str, path: &str) -> Result<Fetched, Failure> {
        if self.way != WAYS[0] {
            return Err(Failure::usage(
                "a link leads to no transcript",
                "give the address that `katahost serve` printed with --url",
            ));
        }
        let unreachable = |error: std::io::Error| self.unreachable(&error);
        let path = format!("{}{}/{lab}/{path}", self.base, self.way);
        let mut stream = BufReader::new(self.request(&path).await.map_err(unreachable)?);
        let (mut status, mut length) = (0, None);
        let mut line = String::new();
        for number in 0..MAX_HEAD_LINES {
            line.clear();
            let mut limited = (&mut stream).take(MAX_ANSWER_BYTES);
            limited.read_line(&mut line).await.map_err(unreachable)?;
            let text = line.trim_end();
            if number == 0 {
                status = text
                    .split(' ')
                    .nth(1)
                    .and_then(|code| code.parse().ok())
                    .unwrap_or(0);
            } else if text.is_empty() {
                break;
            } else if let Some((name, value)) = text.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().ok();
            }
        }
        match (status, length) {
            (200, Some(length)) => Ok(Fetched { stream, length }),
            (401 | 403, _) => Err(refused(self.way)),
            (404, _) => Err(Failure::usage(
                format!(
                    "no lab `{}` runs there",
                    percent_decode_str(lab).decode_utf8_lossy()
                ),
                "the server's first page lists its labs; name one with --lab",
            )),
            (500, _) => Err(Failure::broken("the server could not write it")),
            _ => Err(Failure::usage(
                format!("no katahost answers at `{}`", self.authority),
                "give the address that `katahost serve` printed with --url",
            )),
        }
    }

    /// The names of the labs that the server's first page leads to.
    fn names(page: &str) -> String {
        let mut names: Vec<String> = page
            .split("href=\"labs/")
            .skip(1)
            .filter_map(|rest| rest.split_once("/\""))
            .map(|(name, _)| format!("`{}`", percent_decode_str(name).decode_utf8_lossy()))
            .collect();
        names.sort();
        names.join(", ")
    }

    /// Where the socket of a lab is.
    pub(super) fn socket(&self, lab: &str) -> Address {
        Address {
            url: format!("ws://{}{}{}/{lab}/ws", self.authority, self.base, self.way),
            token: self.token.clone(),
            headers: Vec::new(),
        }
    }

    /// The whole address of a link into a lab: as others reach it, where the server knows that.
    pub(super) fn link(&self, url: Option<String>, address: &str) -> String {
        url.unwrap_or_else(|| format!("http://{}{}{address}", self.authority, self.base))
    }

    /// What to tell of a conversation with `lab` that failed.
    pub(super) fn failure(&self, error: ClientError, lab: &str) -> Failure {
        match error {
            ClientError::Refused(error) => Failure {
                message: error.message,
                hint: error.data.hint,
                code: 1,
            },
            ClientError::Connection(_) => match error.http_status() {
                Some(401 | 403) => refused(self.way),
                Some(404) => Failure::usage(
                    format!(
                        "there is no lab `{}`",
                        percent_decode_str(lab).decode_utf8_lossy()
                    ),
                    "the server's first page lists its labs; name one with --lab",
                ),
                _ => self.unreachable(&error),
            },
            closed @ ClientError::Closed(..) => Failure {
                message: closed.to_string(),
                hint: Some("try again".to_owned()),
                code: 1,
            },
            ClientError::Protocol(reason) => Failure::usage(
                format!("no katahost answers at `{}`: {reason}", self.authority),
                "give the address that `katahost serve` printed with --url",
            ),
        }
    }

    fn with_port(&self) -> String {
        let host = self.authority.rsplit(']').next().unwrap_or_default();
        if host.contains(':') {
            self.authority.clone()
        } else {
            format!("{}:80", self.authority)
        }
    }

    fn unreachable(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::usage(
            format!("nobody answers at `{}`: {error}", self.authority),
            "start a lab with `katahost serve`, and give the address that it prints with --url",
        )
    }
}

/// The base path, the way in and the lab of a path, which has lost its first slash.
fn parts(path: &str) -> (String, &'static str, Option<String>) {
    let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let found = segments.iter().enumerate().rev().find_map(|(index, part)| {
        let way = WAYS.into_iter().find(|way| way == part)?;
        Some((index, way, (*segments.get(index + 1)?).to_owned()))
    });
    let base = match &found {
        Some((index, ..)) => segments.get(..*index).unwrap_or_default(),
        None => &segments,
    };
    let base: String = base.iter().map(|part| format!("{part}/")).collect();
    let (way, lab) = found.map_or((WAYS[0], None), |(_, way, lab)| (way, Some(lab)));
    (format!("/{base}"), way, lab)
}

fn token(query: &str) -> Option<String> {
    let token = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("token="))?;
    Some(percent_decode_str(token).decode_utf8_lossy().into_owned())
}

fn encode(name: &str) -> String {
    utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn not_a_url(url: &str) -> Failure {
    let shown = url.split('?').next().unwrap_or_default();
    Failure::usage(
        format!("`{shown}` is no address of a server"),
        "give the address that `katahost serve` printed with --url",
    )
}

fn refused(way: &str) -> Failure {
    if way != WAYS[0] {
        return Failure::usage(
            "the link is not valid: it was revoked, or its lab has ended",
            "ask whoever gave it to you for a new one",
        );
    }
    Failure::usage(
        "the server wants another token",
        "give the address that `katahost serve` printed with --url; it carries the token",
    )
}

/// Gives up on what takes too long.
pub(super) async fn within<T>(
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| {
        Err(Failure::usage(
            format!("the server has not answered for {} s", PATIENCE.as_secs()),
            "try again, or look at what the server logs",
        ))
    })
}
