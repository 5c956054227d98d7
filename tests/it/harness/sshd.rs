//! A local sshd, started by hand on a free port of the loopback, with keys of its own.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use super::eventually;

/// The server itself insists on its whole path.
const PROGRAM: &str = "/usr/sbin/sshd";

/// An sshd that ends with its value.
#[derive(Debug)]
pub struct Sshd {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl Sshd {
    /// Starts one, and waits until it answers.
    ///
    /// # Panics
    ///
    /// It can't run here; the message has what it says of itself.
    pub async fn start() -> Self {
        assert!(
            Path::new(PROGRAM).exists(),
            "there is no {PROGRAM}: install openssh-server, as `make setup` does"
        );
        // As root it wants a folder of this name to be in, and the system's own start makes it.
        drop(fs::create_dir_all("/run/sshd"));
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        for key in ["host", "user"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f", &path(key)])
                .status();
            assert!(made.unwrap().success(), "ssh-keygen failed");
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\n\
             PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
             PrintMotd no\nPrintLastLog no\n",
            path("host"),
            path("user.pub"),
        );
        fs::write(path("config"), config).unwrap();
        let log = fs::File::create(path("log")).unwrap();
        let child = Command::new(PROGRAM)
            .args(["-D", "-e", "-f", &path("config")])
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut sshd = Self {
            child,
            folder,
            port,
        };
        eventually("sshd to answer", || {
            let ended = sshd.child.try_wait().unwrap();
            assert!(ended.is_none(), "sshd can't run: {}", sshd.log());
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        })
        .await;
        sshd
    }

    /// What it says of itself.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The command that logs in and runs `far` there, in a terminal.
    pub fn login(&self, far: &str) -> String {
        format!(
            "ssh -tt -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
             -o LogLevel=ERROR -o IdentitiesOnly=yes -o BatchMode=yes -i {} -p {} 127.0.0.1 {far}",
            self.folder.path().join("user").display(),
            self.port,
        )
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        // One that has ended needs no end.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
