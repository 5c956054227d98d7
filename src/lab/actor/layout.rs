//! Takes over a config that was saved, and has the lab's terminals be those of its config.

use super::Lab;
use crate::{
    lab::event::{LabEvent, Notice, TerminalView},
    scenario::Severity,
};

impl Lab {
    /// Takes over what the folder's config says now; one with a mistake changes nothing. Returns
    /// false where it may be half of a save that goes on.
    pub(super) async fn refresh_config(&mut self) -> bool {
        let Some((now, is_blank)) = self.reader.describe().await else {
            return true;
        };
        let mut found = now.diagnostics.iter();
        let error = found.find(|one| one.severity == Severity::Error);
        let is_same = error.is_none() && now.config == self.state.config;
        if is_blank && !is_same && self.refresh.config_doubt.holds() {
            return false;
        }
        self.refresh.config_doubt.clear();
        if let Some(error) = error {
            let notice = Notice::failure(
                format!("`{}` can't be used: {}", error.file, error.message),
                Some("the lab goes on with the config that it has".to_owned()),
            );
            self.clients.tell_drivers(LabEvent::Notice(notice));
        } else if !is_same {
            tracing::info!(lab = self.folder.name(), "config reloaded");
            self.state.config = now.config;
            let left_out = self.arrange();
            if left_out > 0 {
                let hint = "end the shells of those that were removed, or start the lab over";
                let notice = Notice::failure(
                    format!("the lab has no room for more terminals; {left_out} are left out"),
                    Some(hint.to_owned()),
                );
                self.clients.tell_drivers(LabEvent::Notice(notice));
            }
            if self.look_through().await {
                self.tell_trust();
            }
        }
        true
    }

    /// Has the terminals be those of the config, and tells of what that changes. Returns how many
    /// the lab has no room for.
    pub(super) fn arrange(&mut self) -> usize {
        let look = |view: &TerminalView| (view.number, view.name.clone(), view.removed);
        let before: Vec<_> = self.instance.layout().iter().map(look).collect();
        let left_out = self.instance.arrange(&self.state.config.terminals);
        let terminals = self.instance.layout();
        let now: Vec<_> = terminals.iter().map(look).collect();
        if now == before {
            return left_out;
        }
        let removed = terminals.iter().filter(|view| view.removed);
        let new = removed.clone().filter(|view| !before.contains(&look(view)));
        let new: Vec<String> = new.map(|view| format!("`{}`", view.id)).collect();
        let removed = removed.map(|view| view.id.clone()).collect();
        self.state.note_removed(removed);
        self.clients.tell(LabEvent::Terminals(terminals));
        if !new.is_empty() {
            self.clients.tell_drivers(LabEvent::Notice(Notice {
                message: format!("no longer in the config: {}", new.join(", ")),
                hint: Some("a terminal goes when nothing runs there any more".to_owned()),
                failed: false,
            }));
        }
        left_out
    }
}
