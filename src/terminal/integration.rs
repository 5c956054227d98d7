//! Shell integration: shells tell where prompts and commands begin and end, and how they end.
//!
//! It is injected when a shell starts, by files of the server's own; the user's are read as ever
//! and never touched. What the shells say is `OSC 133`, which many terminals understand, with the
//! shell's process id as `aid`, so that a shell within a shell is told from the outer one.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::Arc,
};

use portable_pty::CommandBuilder;
use tempfile::TempDir;

/// The files, by their names in the folder.
const FILES: [(&str, &str); 4] = [
    ("bash.sh", include_str!("integration/bash.sh")),
    ("bashrc", include_str!("integration/bashrc")),
    // The name under which zsh looks for its first settings.
    (".zshenv", include_str!("integration/zsh.zsh")),
    ("fish.fish", include_str!("integration/fish.fish")),
];

/// The files that shells are started with. They are removed with the last clone.
#[derive(Debug, Clone)]
pub struct Integration {
    folder: Arc<TempDir>,
}

impl Integration {
    /// Writes the files into a private folder.
    ///
    /// # Errors
    ///
    /// The temporary folder can't be written to.
    pub fn new() -> io::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("katahost-shell-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir()?;
        for (name, text) in FILES {
            fs::write(folder.path().join(name), text)?;
        }
        Ok(Self {
            folder: Arc::new(folder),
        })
    }

    /// Has `command`, which starts `shell`, start it with integration, if that is a shell we know.
    pub(super) fn inject(&self, shell: &Path, command: &mut CommandBuilder) {
        let folder = self.folder.path();
        match shell.file_name().and_then(|name| name.to_str()) {
            Some("bash") => {
                command.arg("--rcfile");
                command.arg(folder.join("bashrc"));
            }
            Some("zsh") => {
                if let Some(own) = command.get_env("ZDOTDIR").map(ToOwned::to_owned) {
                    command.env("KATAHOST_ZDOTDIR", own);
                }
                command.env("ZDOTDIR", folder);
            }
            Some("fish") => {
                command.arg("--init-command");
                command.arg(format!("source {}", quoted(&folder.join("fish.fish"))));
            }
            _ => {}
        }
    }
}

/// Whether `shell`, given integration, tells of its first prompt.
pub(super) fn tells_of_prompts(shell: &Path) -> bool {
    let name = shell.file_name().and_then(|name| name.to_str());
    matches!(name, Some("bash" | "zsh" | "fish"))
}

/// A path as a word that fish reads back.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn injected(shell: &str) -> String {
        let integration = Integration::new().unwrap();
        let mut command = CommandBuilder::new(shell);
        command.env_clear();
        command.env("ZDOTDIR", "/own");
        integration.inject(Path::new(shell), &mut command);
        let folder = integration.folder.path().to_str().unwrap();
        let told = format!("{:?} {:?}", command.get_argv(), command.get_env("ZDOTDIR"));
        told.replace(folder, "FOLDER")
    }

    #[test]
    fn known_shells_get_files_and_others_nothing() {
        for (shell, told) in [
            (
                "/bin/bash",
                r#"["/bin/bash", "--rcfile", "FOLDER/bashrc"] Some("/own")"#,
            ),
            ("zsh", r#"["zsh"] Some("FOLDER")"#),
            (
                "/usr/bin/fish",
                r#"["/usr/bin/fish", "--init-command", "source 'FOLDER/fish.fish'"] Some("/own")"#,
            ),
            ("/bin/sh", r#"["/bin/sh"] Some("/own")"#),
            ("/opt/my-shell", r#"["/opt/my-shell"] Some("/own")"#),
        ] {
            assert_eq!(injected(shell), told);
        }
    }

    #[test]
    fn files_are_private_and_go_with_the_last_clone() {
        let integration = Integration::new().unwrap();
        let folder = integration.folder.path().to_owned();
        let mode = fs::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let other = integration.clone();
        drop(integration);
        assert!(folder.join("bashrc").exists());
        drop(other);
        assert!(!folder.exists());
    }
}
