//! Takes in what terminals tell their lab.

use super::Lab;
use crate::{
    lab::event::{LabEvent, Notice},
    terminal::{Status, TerminalEvent, handle::News},
};

impl Lab {
    pub(super) fn terminal_event(&mut self, TerminalEvent { terminal, news }: TerminalEvent) {
        match news {
            News::Status { generation, status } => {
                let index = usize::from(terminal);
                let is_there = self.instance.has(terminal);
                let Some(view) = self.instance.terminals.get_mut(index) else {
                    return;
                };
                view.generation = generation;
                view.status = status;
                let view = view.clone();
                let failed = matches!(view.status, Status::Failed { .. });
                if is_there {
                    self.clients.tell(LabEvent::Terminal(view));
                }
                if failed {
                    self.refuse_asks(terminal);
                }
                self.part_with(terminal);
            }
            News::Accepted(run) => self.ask_accepted(run),
            News::Busy(run, occupant) => self.ask_refused(run, occupant),
            News::Cancelled(run) => self.drop_run(run, "it was cancelled"),
            News::Deferred(runs, occupant) => {
                for run in runs {
                    if let Some((id, block)) = self.instance.runs.deferred(run) {
                        self.tell_block(&id, Some(&block));
                    }
                }
                let name = &self.instance.view(terminal).name;
                let program = occupant
                    .program
                    .map_or_else(|| "what runs".to_owned(), |program| format!("`{program}`"));
                self.clients.tell_doers(LabEvent::Notice(Notice {
                    message: format!("{program} in `{name}` goes on after Ctrl-C; what is to be typed there waits"),
                    hint: Some("run the block again to press Ctrl-C once more, or cancel it".to_owned()),
                    failed: false,
                }));
            }
            News::Typed(run) => {
                self.instance.note_typed(terminal, run);
                if let Some((id, block)) = self.instance.runs.typed(run) {
                    self.tell_block(&id, block.as_ref());
                }
                self.step_run_typed(terminal, run);
            }
            News::Stage(run, stage) => {
                if let Some(loose) = self.instance.runs.loose_stage(run, stage) {
                    self.clients.tell(LabEvent::Loose(loose));
                }
                let verdict = self.judge(run, stage);
                self.instance.history.stage(run, stage, verdict.as_ref());
                let known = verdict.clone();
                if let Some((id, changed)) = self.instance.runs.stage(run, stage, known) {
                    self.tell_block(&id, Some(&changed.block));
                    self.became(&changed, stage);
                }
                self.step_run_stage(run, stage, verdict);
            }
            News::Dropped(runs) => {
                let name = self.instance.view(terminal).name.clone();
                self.refuse_asks(terminal);
                for run in runs {
                    self.drop_run(run, "its shell ended");
                }
                self.clients.tell_doers(LabEvent::Notice(Notice::failure(
                    format!("the shell of `{name}` ended before everything was typed"),
                    Some("start the terminal again and run the block again".to_owned()),
                )));
                self.part_with(terminal);
            }
            News::InputFull(client) => {
                let name = &self.instance.view(terminal).name;
                let notice = Notice::failure(
                    format!("`{name}` reads no input; what you typed last was not taken"),
                    Some("interrupt what runs there, or start the terminal again".to_owned()),
                );
                match client {
                    Some(client) => self.clients.refuse_input(&client, notice),
                    None => self.clients.tell_doers(LabEvent::Notice(notice)),
                }
            }
        }
    }

    /// Lets go of a terminal that the config has no more, where nothing runs or waits there now. One
    /// that there was no room for may take its place.
    fn part_with(&mut self, terminal: u16) {
        if self.instance.has(terminal) && self.instance.view(terminal).removed {
            self.arrange();
        }
    }
}
