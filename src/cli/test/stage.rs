//! Where a way is played: a copy of the scenario's folder, and a lab of its own.

use std::io::{self, IsTerminal};

use super::{
    Failure, Tester, output,
    plan::Way,
    player::{Player, Stopped, Told},
    report,
    verdict::Case,
};
use crate::{
    lab::{
        Folder, LabStore, Library, Scan, Trust,
        scratch::Scratch,
        store::{LabOptions, SENT_PATIENCE},
    },
    scenario::recording::Recording,
};

/// What was found out on a way, and the recordings of the blocks that passed.
pub(super) type Found = (Vec<Case>, Vec<Recording>);

impl Tester<'_> {
    /// Plays a way in a copy of the folder and a lab of its own.
    pub(super) async fn play(
        &self,
        folder: &Folder,
        scan: &Scan,
        way: &Way,
        found: &mut Found,
    ) -> Result<(), Failure> {
        let source = folder.clone();
        let copy = tokio::task::spawn_blocking(move || Scratch::new(&source));
        let scratch = copy
            .await
            .map_err(|error| Failure::broken(error.to_string()))?
            .map_err(|error| {
                let message = format!("`{}` can't be tested: {error}", folder.name());
                Failure::usage(message, error.hint())
            })?;
        let root = scratch.folder().root();
        let library =
            Library::open(root).map_err(|error| Failure::usage(error.to_string(), error.hint()))?;
        let labs = LabStore::new(library, self.options());
        let played = self
            .play_in(&labs, scratch.folder(), folder, scan, way, found)
            .await;
        labs.end().await;
        // Removing many files takes time, and blocks.
        let removed = tokio::task::spawn_blocking(move || scratch.remove()).await;
        if let Ok(Err(error)) = removed {
            output::warning(&error.to_string());
        }
        played
    }

    async fn play_in(
        &self,
        labs: &LabStore,
        copy: &Folder,
        folder: &Folder,
        scan: &Scan,
        way: &Way,
        found: &mut Found,
    ) -> Result<(), Failure> {
        let ended = || Failure::broken("the lab ended by itself");
        let lab = labs.lab(copy.name()).ok_or_else(ended)?;
        let mut player = Player::enter(lab, &self.manner, &self.stop)
            .await
            .map_err(|error| Failure::broken(error.to_string()))?;
        let prefix = self.prefix(folder);
        let live = self.arguments.json.is_none() && io::stdout().is_terminal();
        let mut is_running = false;
        let mut tell = |told: Told<'_>| match told {
            Told::Begins(act) => {
                if live {
                    is_running = true;
                    self.say(&report::running(act));
                }
            }
            Told::Judged(case) => {
                let source = scan.source(&case.place.file);
                let line = report::progress(case, &prefix, source);
                let over = if is_running { report::OVER } else { "" };
                is_running = false;
                self.say(&format!("{over}{line}"));
            }
        };
        let played = player.play(way, &mut tell).await;
        if played.is_err() && is_running {
            // What was interrupted stays to be read.
            self.say("\n");
        }
        *found = player.results();
        match played {
            // It is told once the lab is left.
            Ok(()) | Err(Stopped::Interrupted) => Ok(()),
            Err(Stopped::LabEnded) => Err(ended()),
        }
    }

    fn options(&self) -> LabOptions {
        LabOptions {
            shell: self.arguments.shell.clone(),
            integration: self.integration.clone(),
            interrupt_patience: self.manner.patience,
            sent_patience: SENT_PATIENCE,
            author: false,
            watch: false,
            trust: Trust::Given,
            record: false,
        }
    }
}
