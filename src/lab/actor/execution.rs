//! Executes commands: each once, and each as the effects that it comes to.

use std::collections::VecDeque;

use super::Lab;
use crate::{
    command::{Call, Effect, Origin, Role, registry, resolve},
    lab::{
        asks::Answer,
        event::LabEvent,
        handle::{Executed, Execution, LabError},
        links::Link,
    },
    terminal::{TerminalHandle, runs::Part},
};

impl Lab {
    pub(super) async fn execute(&mut self, execution: Execution, answer: Answer) {
        // Who may do less by now learns nothing of what was done before.
        let role = self.clients.role(execution.client);
        if let Err(error) = registry::find(&execution.command, role) {
            drop(answer.send(Err(error.into())));
            return;
        }
        let id = execution.id.clone();
        if let Some(known) = id.as_ref().and_then(|id| self.executions.repeat(id)) {
            drop(answer.send(known));
            return;
        }
        let Some(answer) = self.instance.asks.join(id.as_ref(), answer) else {
            return;
        };
        let result = self.execute_new(&execution).await;
        if let Ok(Executed {
            asks: Some(run), ..
        }) = &result
        {
            self.instance.asks.wait(*run, id, answer);
            return;
        }
        if let Some(id) = id {
            self.executions.remember(id, role, result.clone());
        }
        // The asker may have lost its connection; it will ask again.
        drop(answer.send(result));
    }

    async fn execute_new(&mut self, execution: &Execution) -> Result<Executed, LabError> {
        let call = Call {
            command: &execution.command,
            arguments: &execution.arguments,
            role: self.clients.role(execution.client),
            origin: Origin::Client,
        };
        let effects = resolve(call, &self.state)?;
        tracing::info!(
            lab = self.folder.name(),
            command = execution.command,
            "command executed"
        );
        let mut executed = Executed {
            repeated: false,
            terminals: Vec::new(),
            link: None,
            asks: None,
        };
        for effect in effects {
            self.apply(effect, execution, &mut executed).await?;
        }
        Ok(executed)
    }

    fn create_link(&mut self, role: Role) -> Result<Link, LabError> {
        let link = self.links.create(role).ok_or(LabError::TooManyLinks)?;
        self.clients
            .tell_drivers(LabEvent::Links(self.links.list()));
        Ok(link)
    }

    /// Does one thing, and notes in `executed` what came of it.
    async fn apply(
        &mut self,
        effect: Effect,
        execution: &Execution,
        executed: &mut Executed,
    ) -> Result<(), LabError> {
        match effect {
            Effect::LoadStep { step } => {
                let terminals = self.load_step(&step, execution.id.as_ref()).await?;
                executed.terminals.extend(terminals);
            }
            Effect::Run(invocation) => {
                let terminal = self.run_invocation(&invocation)?;
                executed.terminals.push(terminal);
            }
            Effect::PlayRecording { block } => {
                let number = self.play_recording(block).await?;
                executed.terminals.push(number);
            }
            Effect::RunWhen { invocation, when } => {
                let terminal = self.run_when(&invocation, when, executed)?;
                executed.terminals.push(terminal);
            }
            Effect::Cancel { block } => {
                let terminal = self.cancel_block(block)?;
                executed.terminals.push(terminal);
            }
            Effect::RunStep => self.run_step()?,
            Effect::StopStep => self.stop_step()?,
            Effect::Check { block } => self.check(block)?,
            Effect::Skip { block } => self.skip(block),
            Effect::Interrupt { block } => {
                let number = self.interrupt(block)?;
                executed.terminals.push(number);
            }
            Effect::Type { terminal, text } => {
                let parts = VecDeque::from([Part::Text(text.into())]);
                let number = self.instance.number_of(&terminal);
                self.enqueue(number, parts)?;
                self.state.active_terminal = terminal;
                executed.terminals.push(number);
            }
            Effect::Clear { terminal } => {
                let number = self.instance.number_of(&terminal);
                self.instance.request(number, TerminalHandle::clear)?;
            }
            Effect::Restart { terminal } => {
                let number = self.instance.number_of(&terminal);
                self.instance.request(number, TerminalHandle::restart)?;
            }
            Effect::Focus { terminal } => {
                let number = self.instance.number_of(&terminal);
                self.clients
                    .tell_one(execution.client, LabEvent::Focus(number));
            }
            Effect::OpenDocument { uri } => {
                self.clients
                    .tell_one(execution.client, LabEvent::OpenDocument(uri));
            }
            Effect::StartOver => self.start_over().await?,
            Effect::CreateLink { role } => executed.link = Some(self.create_link(role)?),
            Effect::RevokeLink { link } => {
                if !self.links.revoke(&link) {
                    return Err(LabError::UnknownLink(link));
                }
                self.clients.revoke(&link);
                self.clients
                    .tell_drivers(LabEvent::Links(self.links.list()));
            }
            Effect::AskForKeyboard => self.clients.ask(execution.client),
            Effect::ReturnKeyboard => self.clients.return_keyboard(execution.client),
            Effect::GrantKeyboard { client } => {
                if !self.clients.grant(client) {
                    return Err(LabError::UnknownClient(client));
                }
            }
            Effect::DeclineKeyboard { client } => {
                if !self.clients.decline(client) {
                    return Err(LabError::UnknownClient(client));
                }
            }
            Effect::TakeKeyboard => self.clients.take_keyboard(),
            Effect::GiveTrust { hash } => {
                let terminals = self.give_trust(&hash).await?;
                executed.terminals.extend(terminals);
            }
        }
        Ok(())
    }
}
