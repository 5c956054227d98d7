//! `katahost exec`: executes one command on a running lab, as any program can over its socket.

use std::time::Duration;

use clap::Args;
use percent_encoding::{percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{Failure, output};
use crate::client::{Address, Client, ClientError};

/// How long a server may take for one answer: a slow disk, a busy machine, and no more.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much of a server's answer to `/` is read: its head is shorter.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// Execute one command on a running lab, as a page's link does
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    katahost exec katapod.loadPage step3\n  \
    katahost exec katapod.sendText '{\"command\": \"date\", \"terminalId\": \"host\"}'\n  \
    katahost exec --url 'http://127.0.0.1:7681/?token=…' katapod.start\n\n\
    `katahost commands` lists the commands. The exit code is 0 if the command was executed, 1 if \
    the lab refused it, 2 if there is no such lab.")]
pub(super) struct Arguments {
    /// Where katahost runs: the address that it printed, or a lab's
    #[arg(
        long,
        env = "KATAHOST_URL",
        value_name = "URL",
        hide_env_values = true,
        default_value = "http://127.0.0.1:7681/"
    )]
    url: String,
    /// The secret that opens the lab, if the URL does not carry it
    #[arg(long, env = "KATAHOST_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The lab, where the server has several and the URL names none
    #[arg(long, env = "KATAHOST_LAB", value_name = "NAME")]
    lab: Option<String>,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
    /// The command's id, such as katapod.loadPage
    command: String,
    /// Its arguments: each as JSON, or else as text
    #[arg(
        value_name = "ARGUMENTS",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    values: Vec<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let place = Place::read(arguments)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure::broken(error.to_string()))?;
    runtime.block_on(async {
        let lab = match &place.lab {
            Some(lab) => lab.clone(),
            None => within(place.only_lab()).await?,
        };
        execute(arguments, &place, &lab).await
    })
}

/// Where a server is, and what its address says.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    /// Host and port.
    authority: String,
    /// The path that everything is under, with slashes at both ends.
    base: String,
    /// The lab, where one is named, encoded as it stands in addresses.
    lab: Option<String>,
    /// What opens it.
    token: Option<String>,
}

impl Place {
    fn read(arguments: &Arguments) -> Result<Self, Failure> {
        let url = arguments.url.trim();
        let (scheme, rest) = url.split_once("://").ok_or_else(|| not_a_url(url))?;
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "ws" => {}
            "https" | "wss" => {
                return Err(Failure::usage(
                    "`katahost exec` does not speak TLS",
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
        let (base, lab) = parts(path);
        let named = arguments.lab.as_deref().map(encode);
        Ok(Self {
            authority: authority.to_owned(),
            base,
            lab: named.or(lab),
            token: arguments.token.clone().or_else(|| token(query)),
        })
    }

    /// The one lab of the server, to which its first page leads.
    async fn only_lab(&self) -> Result<String, Failure> {
        let answer = self.ask().await.map_err(|error| self.unreachable(&error))?;
        let mut lines = answer.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let mut headers = lines.take_while(|line| !line.is_empty());
        let location = headers.find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("location").then(|| value.trim())
        });
        let lab = location.and_then(|location| parts(location.trim_start_matches('/')).1);
        match (status, lab) {
            (_, Some(lab)) => Ok(lab),
            (Some("401" | "403"), None) => Err(refused()),
            (Some("200"), None) => Err(Failure::usage(
                format!("the server at `{}` has several labs", self.authority),
                "name one with --lab; the server's first page lists them",
            )),
            _ => Err(Failure::usage(
                format!("there is no katahost at `{}{}`", self.authority, self.base),
                "give the address that `katahost serve` printed with --url",
            )),
        }
    }

    /// Asks for the server's first page.
    async fn ask(&self) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.with_port()).await?;
        let token = self.token.as_ref().map_or_else(String::new, |token| {
            format!("authorization: Bearer {token}\r\n")
        });
        let request = format!(
            "GET {} HTTP/1.1\r\nhost: {}\r\n{token}connection: close\r\n\r\n",
            self.base, self.authority
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream
            .take(MAX_ANSWER_BYTES)
            .read_to_end(&mut answer)
            .await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
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

/// The base path and the lab of a path, which has lost its first slash.
fn parts(path: &str) -> (String, Option<String>) {
    let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let labs = segments.iter().rposition(|part| *part == "labs");
    let lab = labs.and_then(|index| segments.get(index + 1));
    let base = match (labs, lab) {
        (Some(index), Some(_)) => segments.get(..index).unwrap_or_default(),
        _ => &segments,
    };
    let base: String = base.iter().map(|part| format!("{part}/")).collect();
    (format!("/{base}"), lab.map(|lab| (*lab).to_owned()))
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

fn refused() -> Failure {
    Failure::usage(
        "the server wants another token",
        "give the address that `katahost serve` printed with --url; it carries the token",
    )
}

/// Gives up on what takes too long.
async fn within<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| {
        Err(Failure::usage(
            format!("the server has not answered for {} s", PATIENCE.as_secs()),
            "try again, or look at what the server logs",
        ))
    })
}

async fn execute(arguments: &Arguments, place: &Place, lab: &str) -> Result<(), Failure> {
    let address = Address {
        url: format!("ws://{}{}labs/{lab}/ws", place.authority, place.base),
        token: place.token.clone(),
        headers: Vec::new(),
    };
    let values: Vec<Value> = arguments.values.iter().map(|text| value(text)).collect();
    let failed = |error| failure(error, place, lab);
    let answer = within(async {
        let mut client = Client::connect(&address).await.map_err(failed)?;
        let id = format!("exec-{}", std::process::id());
        let state = client.initialize(&id, false, None, None).await;
        let state = state.map_err(failed)?;
        let result = client.execute(&arguments.command, values, None).await;
        let result = result.map_err(failed)?;
        let typed = |index: &u16| {
            let terminal = state.terminals.iter().find(|one| one.terminal == *index);
            terminal.map(|one| one.id.clone())
        };
        Ok(result
            .terminals
            .iter()
            .filter_map(typed)
            .collect::<Vec<_>>())
    });
    print(arguments, lab, &answer.await?)
}

/// An argument: JSON, or else text.
fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn print(arguments: &Arguments, lab: &str, terminals: &[String]) -> Result<(), Failure> {
    let lab = percent_decode_str(lab).decode_utf8_lossy();
    let command = &arguments.command;
    if arguments.json {
        return output::print_json(&json!({
            "command": command,
            "lab": lab,
            "terminals": terminals,
        }));
    }
    let typed = match terminals {
        [] => String::new(),
        _ => format!(", typed into `{}`", terminals.join("`, `")),
    };
    output::print(&format!("executed `{command}` on `{lab}`{typed}\n"));
    Ok(())
}

fn failure(error: ClientError, place: &Place, lab: &str) -> Failure {
    match error {
        ClientError::Refused(error) => Failure {
            message: error.message,
            hint: error.data.hint,
            code: 1,
        },
        ClientError::Connection(_) => match error.http_status() {
            Some(401 | 403) => refused(),
            Some(404) => Failure::usage(
                format!(
                    "there is no lab `{}`",
                    percent_decode_str(lab).decode_utf8_lossy()
                ),
                "the server's first page lists its labs; name one with --lab",
            ),
            _ => place.unreachable(&error),
        },
        closed @ ClientError::Closed(..) => Failure {
            message: closed.to_string(),
            hint: Some("try again".to_owned()),
            code: 1,
        },
        ClientError::Protocol(reason) => Failure::usage(
            format!("no katahost answers at `{}`: {reason}", place.authority),
            "give the address that `katahost serve` printed with --url",
        ),
    }
}
