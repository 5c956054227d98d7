//! Notices when somebody saves a file in a scenario's folder.
//!
//! The system's events say only *that* something happened. What has changed is found by looking at
//! the files (`lab::look`), so it does not matter in which way an editor saves: in place, in
//! pieces, or by a temporary file that is renamed over the old one.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, sleep, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::folder::Folder;

/// How long nothing may happen before a save counts as complete.
const QUIET: Duration = Duration::from_millis(100);

/// How long a folder in which something happens all the time goes without a look.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long the folder is left alone after a look: a program that writes into it is no author.
const PAUSE: Duration = Duration::from_millis(150);

/// How often the folder is looked at without any event: network file systems and folders that a
/// container shares with its host may give none.
const SELDOM: Duration = Duration::from_secs(3);

/// How often it is looked at where the system can't follow all of it.
const OFTEN: Duration = Duration::from_millis(500);

/// How deep folders are followed, as deep as steps are searched for.
const MAX_DEPTH: usize = 8;

/// How many folders are followed; the system's own limit is shared by all programs.
const MAX_FOLDERS: usize = 512;

/// Tells a folder from another one that took its place.
type Identity = (u64, Option<SystemTime>);

/// Follows `folder` until `cancel`, and says by `looks` when it is time to look at its files.
///
/// The channel holds one word: where one waits already, a look is due anyway.
pub(super) async fn watch(folder: Folder, looks: mpsc::Sender<()>, cancel: CancellationToken) {
    let following = async {
        let hint = Arc::new(Notify::new());
        let mut follower = Follower::new(folder.root(), &hint);
        loop {
            let scan = tokio::task::spawn_blocking(move || {
                let complete = follower.scan();
                (follower, complete)
            });
            let Ok((scanned, complete)) = scan.await else {
                return;
            };
            follower = scanned;
            let period = if complete { SELDOM } else { OFTEN };
            if timeout(period, hint.notified()).await.is_ok() {
                settle(&hint).await;
            }
            if let Err(mpsc::error::TrySendError::Closed(())) = looks.try_send(()) {
                return;
            }
            sleep(PAUSE).await;
        }
    };
    tokio::select! {
        () = cancel.cancelled() => {}
        () = following => {}
    }
}

/// Waits until nothing has happened for a while.
async fn settle(hint: &Notify) {
    let latest = Instant::now() + PATIENCE;
    while Instant::now() < latest {
        let quiet = (Instant::now() + QUIET).min(latest);
        if timeout_at(quiet, hint.notified()).await.is_err() {
            return;
        }
    }
}

/// The system's watch on a folder and the folders in it.
struct Follower {
    root: PathBuf,
    watcher: Option<RecommendedWatcher>,
    followed: HashMap<PathBuf, Identity>,
    /// Whether it was said already that the system does not follow all of it.
    told: bool,
}

impl Follower {
    fn new(root: &Path, hint: &Arc<Notify>) -> Self {
        let (hint, inside) = (hint.clone(), root.to_owned());
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // Without a path, events were lost.
            let concerns = event.as_ref().is_ok_and(|event| {
                let paths = &event.paths;
                // Looking at files is an access.
                !matches!(event.kind, EventKind::Access(_))
                    && (paths.is_empty() || paths.iter().any(|path| path.starts_with(&inside)))
            });
            if concerns || event.is_err() {
                hint.notify_one();
            }
        });
        Self {
            root: root.to_owned(),
            watcher: watcher.ok(),
            followed: HashMap::new(),
            told: false,
        }
    }

    /// Follows the folders that are there now. Returns whether all could be.
    fn scan(&mut self) -> bool {
        let Some(watcher) = &mut self.watcher else {
            self.tell();
            return false;
        };
        let mut folders = HashMap::new();
        // The folder itself may be replaced, which only its own folder tells.
        if let Some(parent) = self.root.parent() {
            folders.extend(identity(parent).map(|identity| (parent.to_owned(), identity)));
        }
        collect(&self.root, 0, &mut folders);
        let mut complete = folders.len() < MAX_FOLDERS;
        self.followed.retain(|path, known| {
            let stays = folders.get(path) == Some(known);
            if !stays {
                // The system forgets a folder that is gone by itself.
                drop(watcher.unwatch(path));
            }
            stays
        });
        for (path, identity) in folders {
            if self.followed.contains_key(&path) {
                continue;
            }
            match watcher.watch(&path, RecursiveMode::NonRecursive) {
                Ok(()) => drop(self.followed.insert(path, identity)),
                // One that has just gone is no loss; at a limit, the rest is polled.
                Err(_) => complete &= !path.is_dir(),
            }
        }
        if !complete {
            self.tell();
        }
        complete
    }

    fn tell(&mut self) {
        if !std::mem::replace(&mut self.told, true) {
            let folder = self.root.display();
            tracing::warn!(%folder, "the system can't follow the whole folder; it is polled");
        }
    }
}

/// Adds `folder` and those in it. Links are not followed, hidden folders and installed packages
/// hold nothing that a page shows.
fn collect(folder: &Path, depth: usize, found: &mut HashMap<PathBuf, Identity>) {
    let Some(identity) = identity(folder).filter(|_| found.len() < MAX_FOLDERS) else {
        return;
    };
    found.insert(folder.to_owned(), identity);
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|_| depth < MAX_DEPTH) {
        let name = entry.file_name();
        let hidden = name.as_encoded_bytes().starts_with(b".") || name == "node_modules";
        if !hidden && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&entry.path(), depth + 1, found);
        }
    }
}

fn identity(folder: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    let about = fs::symlink_metadata(folder)
        .ok()
        .filter(fs::Metadata::is_dir)?;
    Some((about.ino(), about.created().ok()))
}
