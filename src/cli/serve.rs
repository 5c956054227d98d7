//! `katahost serve`: serves a scenario, a folder of scenarios, or the quickstart.

use std::{
    io::{self, IsTerminal},
    net::{IpAddr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use axum_server::tls_rustls::RustlsConfig;
use clap::{ArgAction, Args, builder::BoolishValueParser};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing_subscriber::EnvFilter;

use super::{
    Failure, output, quickstart::Unpacked, signals::stop_on_signals, source::Source, trust,
};
use crate::{
    lab::{
        Integration, LabStore,
        store::{LabOptions, SENT_PATIENCE, random_name},
    },
    server::{
        self, Server,
        auth::{Gate, GateOptions},
    },
};

/// How long the program may take to end after everything was told to.
const END_PATIENCE: Duration = Duration::from_millis(300);

/// Serve a scenario, a folder of scenarios, or the built-in quickstart
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an argument of its own"
)]
pub(super) struct Arguments {
    /// A scenario's folder, a folder of such folders, or a file that `katahost export` wrote; the
    /// built-in quickstart without it
    pub(super) path: Option<PathBuf>,
    /// Where to listen; port 0 picks a free one
    #[arg(
        long,
        env = "KATAHOST_LISTEN",
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:7681"
    )]
    listen: SocketAddr,
    /// Serve everything under this path, as behind a proxy that keeps it
    #[arg(
        long,
        env = "KATAHOST_BASE_PATH",
        value_name = "/PATH/",
        default_value = "/"
    )]
    base_path: String,
    /// Open the lab in the browser
    #[arg(long, env = "KATAHOST_OPEN", value_parser = BoolishValueParser::new())]
    open: bool,
    /// Show on each page what `katahost check` finds wrong with it, to whoever drives the lab.
    /// For those who write a lab; learners see nothing of it, as it is off unless asked for
    #[arg(long, env = "KATAHOST_AUTHOR", value_parser = BoolishValueParser::new())]
    author: bool,
    #[command(flatten)]
    saves: Saves,
    #[command(flatten)]
    trust: trust::Options,
    /// The shell of the terminals [default: $SHELL, or bash]
    #[arg(long, env = "KATAHOST_SHELL", value_name = "PATH")]
    shell: Option<PathBuf>,
    /// Start bash, zsh and fish as they are: blocks can't tell then what became of them
    #[arg(
        long = "no-shell-integration",
        env = "KATAHOST_INTEGRATION",
        action = ArgAction::SetFalse,
        value_parser = BoolishValueParser::new()
    )]
    shell_integration: bool,
    /// Keep nothing of what terminals print for transcripts and recordings; otherwise it is kept
    /// in files without a name for as long as the lab runs, 16 MiB of each terminal at most
    #[arg(
        long = "no-recording",
        env = "KATAHOST_RECORDING",
        action = ArgAction::SetFalse,
        value_parser = BoolishValueParser::new()
    )]
    recording: bool,
    /// The secret that opens the labs [default: a new random one]
    #[arg(long, env = "KATAHOST_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Let in everybody who reaches the port; on loopback only
    #[arg(
        long,
        env = "KATAHOST_NO_TOKEN",
        conflicts_with = "token",
        value_parser = BoolishValueParser::new()
    )]
    no_token: bool,
    /// The address that browsers see, where a proxy stands before katahost
    #[arg(long, env = "KATAHOST_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    /// A host name that browsers may use, beside the loopback's; can be repeated
    #[arg(
        long,
        env = "KATAHOST_ALLOW_HOST",
        value_name = "HOST",
        value_delimiter = ','
    )]
    allow_host: Vec<String>,
    /// The certificate for TLS, as PEM
    #[arg(long, env = "KATAHOST_TLS_CERT", value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, as PEM
    #[arg(long, env = "KATAHOST_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// How long a command waits after Ctrl-C for the program to react before it is typed anyway
    #[arg(
        long,
        env = "KATAHOST_INTERRUPT_SECONDS",
        value_name = "SECONDS",
        default_value_t = 5.0
    )]
    interrupt_seconds: f32,
    /// What to log to standard error: error, warn, info, debug, trace, or a filter
    #[arg(
        long,
        env = "KATAHOST_LOG",
        value_name = "FILTER",
        default_value = "warn"
    )]
    log: String,
}

// What is shown of files that are saved while they are served.
#[derive(Debug, Args)]
struct Saves {
    /// Show a page, an image or the list of steps in open browsers as soon as it is saved
    /// [default: on, where a folder is served and the output is a terminal]
    #[arg(
        long,
        env = "KATAHOST_WATCH",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new()
    )]
    watch: Option<bool>,
    /// Show saved files when their step is loaded again, and not before
    #[arg(
        long,
        env = "KATAHOST_NO_WATCH",
        conflicts_with = "watch",
        value_parser = BoolishValueParser::new()
    )]
    no_watch: bool,
}

impl Saves {
    /// Whether files are watched; they are by themselves where somebody serves their own lab.
    fn are_watched(&self, by_hand: bool) -> bool {
        !self.no_watch && self.watch.unwrap_or(by_hand)
    }
}

/// Serves until a signal comes.
pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    start_logging(&arguments.log)?;
    server::limits::raise_open_files();
    let reach = Reach::new(&arguments)?;
    let quickstart = arguments.path.is_none().then(Unpacked::new).transpose();
    let quickstart = quickstart.map_err(|error| {
        Failure::usage(
            format!("the quickstart can't be unpacked: {error}"),
            "make room in the temporary folder, or name a scenario's folder",
        )
    })?;
    let unpacked = quickstart.as_ref().map(Unpacked::path);
    let path = arguments
        .path
        .as_deref()
        .or(unpacked)
        .unwrap_or(Path::new("."));
    let source = Source::open(path)?;
    let library = source.library.clone();
    let by_hand = arguments.path.is_some() && !source.is_archive() && io::stdout().is_terminal();
    let listener = bind(arguments.listen)?;
    let address = listener
        .local_addr()
        .map_err(|error| Failure::broken(error.to_string()))?;
    let url = reach.url(address);
    let what = library.single().map_or_else(
        || format!("{} labs", library.scenarios().len()),
        |folder| format!("`{}`", folder.name()),
    );
    let asked = arguments.path.as_deref();
    let options = LabOptions {
        trust: arguments.trust.trust(asked, source.is_archive()),
        shell: arguments.shell,
        integration: arguments
            .shell_integration
            .then(shell_integration)
            .flatten(),
        interrupt_patience: interrupt_patience(arguments.interrupt_seconds)?,
        sent_patience: SENT_PATIENCE,
        author: arguments.author,
        watch: arguments.saves.are_watched(by_hand),
        record: arguments.recording,
    };
    let server = Server {
        labs: LabStore::new(library, options),
        base_path: reach.base_path.clone(),
        gate: reach.into_gate(address, arguments.allow_host),
        stop: CancellationToken::new(),
        sockets: TaskTracker::new(),
    };
    let certificate = arguments.tls_cert.zip(arguments.tls_key);
    let runtime = tokio::runtime::Runtime::new();
    let runtime = runtime.map_err(|error| Failure::broken(error.to_string()))?;
    let served = runtime.block_on(async {
        let tls = load_certificate(certificate).await?;
        stop_on_signals(&server.stop)?;
        output::print(&format!(
            "katahost serves {what} at\n\n    {url}\n\nPress Ctrl-C to stop.\n"
        ));
        if arguments.open
            && let Err(error) = open::that_detached(&url)
        {
            output::warning(&format!("no browser could be opened: {error}"));
        }
        let serving = server::serve(listener, tls, server);
        serving
            .await
            .map_err(|error| Failure::broken(error.to_string()))
    });
    runtime.shutdown_timeout(END_PATIENCE);
    served
}

/// Labs work without it, too.
pub(super) fn shell_integration() -> Option<Integration> {
    let written = Integration::new().inspect_err(|error| {
        output::warning(&format!(
            "blocks can't tell what became of them: {error}; make room in the temporary folder"
        ));
    });
    written.ok()
}

/// How the server is reached, as far as the arguments say.
#[derive(Debug)]
struct Reach {
    base_path: String,
    public_origin: Option<String>,
    tls: bool,
    token: Option<String>,
}

impl Reach {
    /// Checks that the arguments go together and leave nobody in by mistake.
    fn new(arguments: &Arguments) -> Result<Self, Failure> {
        let base_path = normalise_base_path(&arguments.base_path)?;
        let public_origin = arguments.public_url.as_deref().map(origin).transpose()?;
        let tls = both_tls_files(arguments)?;
        if arguments.token.as_deref() == Some("") {
            return Err(Failure::usage(
                "the token is empty, which everybody can guess",
                "leave out `--token` and `KATAHOST_TOKEN` for a random one",
            ));
        }
        let loopback = arguments.listen.ip().is_loopback();
        if arguments.no_token && !loopback {
            let listen = arguments.listen;
            return Err(Failure::usage(
                format!("`--no-token` would give a shell to everybody who reaches {listen}"),
                "leave it out, or listen on 127.0.0.1",
            ));
        }
        let proxied = public_origin
            .as_deref()
            .is_some_and(|url| url.starts_with("https"));
        if !loopback && !tls && !proxied {
            output::warning(
                "without TLS everybody on the network's way can read the token and the terminals; \
                 give `--tls-cert` and `--tls-key`, or `--public-url https://…` of a proxy",
            );
        }
        let named = public_origin.is_some() || !arguments.allow_host.is_empty();
        if arguments.listen.ip().is_unspecified() && !named {
            output::warning(
                "only `localhost` is answered; name the hosts that browsers will use \
                 with `--allow-host HOST`",
            );
        }
        let own_token = || arguments.token.clone().unwrap_or_else(random_name);
        let token = (!arguments.no_token).then(own_token);
        Ok(Self {
            base_path,
            public_origin,
            tls,
            token,
        })
    }

    /// The address to click.
    fn url(&self, address: SocketAddr) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        let host = if address.ip().is_unspecified() {
            "127.0.0.1".to_owned()
        } else {
            host_of(address.ip())
        };
        let own = format!("{scheme}://{host}:{}", address.port());
        let origin = self.public_origin.as_ref().unwrap_or(&own);
        let query = self.token.as_deref().map(server::encode_segment);
        let query = query
            .map(|token| format!("?token={token}"))
            .unwrap_or_default();
        format!("{origin}{}{query}", self.base_path)
    }

    fn into_gate(self, address: SocketAddr, mut hosts: Vec<String>) -> Gate {
        if !address.ip().is_unspecified() {
            hosts.push(host_of(address.ip()));
        }
        Gate::new(GateOptions {
            token: self.token,
            port: address.port(),
            base_path: self.base_path,
            tls: self.tls,
            public_origin: self.public_origin,
            hosts,
        })
    }
}

/// Whether a certificate is given, with its key.
fn both_tls_files(arguments: &Arguments) -> Result<bool, Failure> {
    let (given, missing) = match (&arguments.tls_cert, &arguments.tls_key) {
        (Some(_), Some(_)) => return Ok(true),
        (None, None) => return Ok(false),
        (Some(_), None) => ("--tls-cert", "--tls-key"),
        (None, Some(_)) => ("--tls-key", "--tls-cert"),
    };
    Err(Failure::usage(
        format!("`{given}` needs `{missing}`"),
        format!("add `{missing} FILE`; TLS takes a certificate and its key"),
    ))
}

fn interrupt_patience(seconds: f32) -> Result<Duration, Failure> {
    Duration::try_from_secs_f32(seconds).map_err(|_| {
        let hint = "give a number of seconds, such as 5";
        Failure::usage("`--interrupt-seconds` is no time", hint)
    })
}

fn start_logging(filter: &str) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        let hint = "use error, warn, info, debug or trace";
        Failure::usage(format!("`--log` can't be read: {error}"), hint)
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .init();
    Ok(())
}

/// The base path with a slash at both ends.
fn normalise_base_path(path: &str) -> Result<String, Failure> {
    let inner = path.trim_matches('/');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~@%:+".contains(&byte);
    if !inner.bytes().all(plain) || inner.split('/').any(|part| part == "..") {
        return Err(Failure::usage(
            format!("`--base-path {path}` is no path of a web address"),
            "give a path such as `/labs/`",
        ));
    }
    Ok(if inner.is_empty() {
        "/".to_owned()
    } else {
        format!("/{inner}/")
    })
}

/// The scheme, host and port of a public URL.
fn origin(url: &str) -> Result<String, Failure> {
    let wrong = || {
        let hint = "give an address such as `https://labs.example.org`; paths go to `--base-path`";
        Failure::usage(
            format!("`--public-url {url}` is no web address without a path"),
            hint,
        )
    };
    let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
    let host = rest.trim_end_matches('/');
    let plain = !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']);
    if plain && ["http", "https"].contains(&scheme) {
        Ok(format!("{scheme}://{host}"))
    } else {
        Err(wrong())
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => Failure::usage(
            format!("port {} of {} is taken", address.port(), address.ip()),
            format!(
                "stop what listens there, or pick a free port with `--listen {}:0`",
                address.ip()
            ),
        ),
        _ => Failure::usage(
            format!("can't listen on {address}: {error}"),
            "give an address of this machine with `--listen ADDR:PORT`",
        ),
    })
}

/// An address as a host is written: IPv6 in brackets.
fn host_of(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

async fn load_certificate(
    files: Option<(PathBuf, PathBuf)>,
) -> Result<Option<RustlsConfig>, Failure> {
    let Some((certificate, key)) = files else {
        return Ok(None);
    };
    // Another provider can only have been installed by ourselves.
    drop(rustls::crypto::ring::default_provider().install_default());
    let config = RustlsConfig::from_pem_file(&certificate, &key).await;
    config.map(Some).map_err(|error| {
        let (certificate, key) = (certificate.display(), key.display());
        let message =
            format!("the certificate `{certificate}` with the key `{key}` can't be used: {error}");
        Failure::usage(
            message,
            "give a PEM certificate chain and its unencrypted private key",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_path_gets_a_slash_at_both_ends() {
        for (given, wanted) in [
            ("", "/"),
            ("/", "/"),
            ("x", "/x/"),
            ("/user/a@b.c/", "/user/a@b.c/"),
        ] {
            assert_eq!(normalise_base_path(given).unwrap(), wanted);
        }
        assert!(normalise_base_path("/a b/").is_err());
        assert!(normalise_base_path("/a/../b/").is_err());
    }

    #[test]
    fn public_url_is_an_origin() {
        assert_eq!(
            origin("https://labs.example.org/").unwrap(),
            "https://labs.example.org"
        );
        for wrong in ["labs.example.org", "ftp://x", "https://x/path", "https://"] {
            assert!(origin(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn printed_address_is_one_that_a_browser_can_open() {
        let check = |address: &str, tls, public: Option<&str>, token: Option<&str>| {
            let reach = Reach {
                base_path: "/x/".to_owned(),
                public_origin: public.map(str::to_owned),
                tls,
                token: token.map(str::to_owned),
            };
            reach.url(address.parse().unwrap())
        };
        assert_eq!(
            check("0.0.0.0:80", false, None, None),
            "http://127.0.0.1:80/x/"
        );
        assert_eq!(
            check("[::1]:81", true, None, Some("t")),
            "https://[::1]:81/x/?token=t"
        );
        let public = Some("https://labs.example.org");
        assert_eq!(
            check("0.0.0.0:80", false, public, None),
            "https://labs.example.org/x/"
        );
    }
}
