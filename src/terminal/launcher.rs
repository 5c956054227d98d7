//! How shells are started: which program, where, and with what environment.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    process::Command,
};

use portable_pty::CommandBuilder;

use super::{
    integration::{self, Integration},
    journal::TerminalSize,
    pty::Pty,
};

/// Variables that never reach a shell: they carry secrets of katahost or of a hub it runs under.
const SECRET_PREFIXES: [&str; 4] = ["KATAHOST_", "JUPYTERHUB_", "JPY_", "CONFIGPROXY_"];

/// Shells that take a text to run behind `-c`. Another one may be no shell at all.
const TAKE_TEXT: [&str; 7] = ["bash", "zsh", "fish", "sh", "dash", "ash", "ksh"];

/// What runs texts where the lab's shell is none of these.
const PLAIN_SHELL: &str = "sh";

/// Starts the shells of a lab. The one place that isolation will replace.
#[derive(Debug, Clone)]
pub struct Launcher {
    shell: PathBuf,
    folder: PathBuf,
    integration: Option<Integration>,
}

/// A shell that did not start.
#[derive(Debug, thiserror::Error)]
#[error("the shell `{}` did not start in `{}`: {source}", shell.display(), folder.display())]
pub struct LaunchError {
    shell: PathBuf,
    folder: PathBuf,
    source: io::Error,
}

impl LaunchError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        if self.folder.is_dir() {
            "name an existing shell with `--shell PATH`, then start the terminal again".to_owned()
        } else {
            "put the scenario's folder back, then start the terminal again".to_owned()
        }
    }
}

impl Launcher {
    /// Makes a launcher of `shell`, or of the user's own, in `folder`; with `integration`, shells
    /// tell what they do.
    #[must_use]
    pub fn new(shell: Option<PathBuf>, folder: &Path, integration: Option<Integration>) -> Self {
        let own = || std::env::var_os("SHELL").filter(|shell| !shell.is_empty());
        let shell = shell
            .or_else(|| own().map(PathBuf::from))
            .unwrap_or_else(|| "bash".into());
        Self {
            shell,
            folder: folder.to_owned(),
            integration,
        }
    }

    /// Starts a shell in a new pseudo-terminal.
    ///
    /// # Errors
    ///
    /// The folder is gone, the shell does not exist, or no pseudo-terminal is left.
    pub fn launch(&self, size: TerminalSize) -> Result<Pty, LaunchError> {
        // The library would fall back to the home folder without a word.
        let folder = std::fs::metadata(&self.folder);
        let started = folder
            .and_then(|_| self.find_shell())
            .and_then(|()| Pty::spawn(self.command(), size.cols, size.rows));
        self.check(started)
    }

    /// Says what was to be started, where it was not.
    pub(super) fn check<T>(&self, started: io::Result<T>) -> Result<T, LaunchError> {
        started.map_err(|source| LaunchError {
            shell: self.shell.clone(),
            folder: self.folder.clone(),
            source,
        })
    }

    /// The command that runs `text` in a shell without a terminal, which reads no more of its
    /// user's settings than a script does.
    pub(super) fn quiet(&self, text: &str) -> Command {
        let name = self.shell.file_name().and_then(OsStr::to_str);
        let takes_text = name.is_some_and(|name| TAKE_TEXT.contains(&name));
        let shell = if takes_text {
            self.shell.as_path()
        } else {
            Path::new(PLAIN_SHELL)
        };
        let mut command = Command::new(shell);
        command.arg("-c").arg(text).current_dir(&self.folder);
        for name in secrets() {
            command.env_remove(name);
        }
        command.envs(variables());
        command
    }

    /// Whether its shells tell of their first prompt.
    pub(super) fn tells_of_prompts(&self) -> bool {
        self.integration.is_some() && integration::tells_of_prompts(&self.shell)
    }

    /// Refuses a path that leads nowhere, in plainer words than the library's.
    fn find_shell(&self) -> io::Result<()> {
        if self.shell.is_absolute() && !self.shell.exists() {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "there is no such file",
            ));
        }
        Ok(())
    }

    fn command(&self) -> CommandBuilder {
        let mut command = CommandBuilder::new(&self.shell);
        command.cwd(&self.folder);
        for name in secrets() {
            command.env_remove(name);
        }
        for (name, value) in variables() {
            command.env(name, value);
        }
        if let Some(integration) = &self.integration {
            integration.inject(&self.shell, &mut command);
        }
        command
    }
}

/// The variables that a shell does not inherit.
fn secrets() -> impl Iterator<Item = OsString> {
    let names = std::env::vars_os().map(|(name, _)| name);
    names.filter(|name| {
        let bytes = name.as_encoded_bytes();
        let mut prefixes = SECRET_PREFIXES.iter();
        prefixes.any(|prefix| bytes.starts_with(prefix.as_bytes()))
    })
}

/// The variables that a shell gets.
fn variables() -> impl Iterator<Item = (&'static str, &'static str)> {
    let utf8 = (!speaks_utf8()).then_some(("LC_ALL", "C.UTF-8"));
    [
        ("TERM", "xterm-256color"),
        ("COLORTERM", "truecolor"),
        ("TERM_PROGRAM", "katahost"),
        ("TERM_PROGRAM_VERSION", env!("CARGO_PKG_VERSION")),
    ]
    .into_iter()
    .chain(utf8)
}

/// Whether the locale that programs would choose is a UTF-8 one (POSIX, locale environment).
fn speaks_utf8() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty())
        .is_some_and(|value| {
            let value = value.to_ascii_lowercase();
            value.contains("utf-8") || value.contains("utf8")
        })
}
