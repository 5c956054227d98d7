//! Who is in a lab, what each may do, and how they are told what happens.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};

use super::event::{Audience, Headcount, LabEvent, MAX_PEOPLE, Notice, Person};
use crate::command::Role;

/// How often at most the clients are told how many they are: a thousand that come at once must not
/// be a million messages.
const HEADCOUNT_PAUSE: Duration = Duration::from_millis(250);

/// How long the keyboard waits for a guest that has lost its connection: longer than a network or a
/// computer takes to come back, and not so long that it surprises a driver who has forgotten it.
const GUEST_PATIENCE: Duration = Duration::from_secs(60);

/// How often at most a client is told that what it types is not taken: it may type faster than
/// anybody reads.
const REFUSAL_PAUSE: Duration = Duration::from_secs(1);

/// Why the lab ends a client's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// The link that it came by is valid no more.
    Revoked,
    /// It does not read what it is told.
    TooSlow,
    /// The same client has opened another connection, which it does when it takes this one for lost.
    Replaced,
}

/// What a client may do at present. The lab sets it; the client's socket asks it for each
/// keystroke, which does not go through the lab.
#[derive(Debug)]
pub struct Standing(AtomicU8);

impl Standing {
    pub(super) fn new(role: Role) -> Self {
        Self(AtomicU8::new(role as u8))
    }

    /// What the client may do.
    #[must_use]
    pub fn role(&self) -> Role {
        match self.0.load(Ordering::Acquire) {
            role if role == Role::Driver as u8 => Role::Driver,
            role if role == Role::Guest as u8 => Role::Guest,
            role if role == Role::Remote as u8 => Role::Remote,
            _ => Role::Viewer,
        }
    }

    fn set(&self, role: Role) {
        self.0.store(role as u8, Ordering::Release);
    }
}

/// A client of the lab.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) events: mpsc::Sender<Arc<LabEvent>>,
    /// Ends its connection.
    pub(super) leave: oneshot::Sender<Departure>,
    pub(super) standing: Arc<Standing>,
    /// What it may do without the keyboard.
    pub(super) role: Role,
    /// The name it made for itself, which stays over lost connections and which nobody else knows.
    pub(super) id: Arc<str>,
    /// The link it came by.
    pub(super) link: Option<Arc<str>>,
    pub(super) name: Option<String>,
    /// Whether terminals are too small to read for it, or cut off.
    pub(super) cramped: bool,
    /// Whether it takes part in the terminals, as a person does.
    pub(super) attends: bool,
    /// Whether it asks for the keyboard.
    pub(super) asks: bool,
    /// When it was told last that what it typed was not taken.
    pub(super) refused_at: Option<Instant>,
}

/// The clients of a lab, by number. One that does not read what it is told is cut off.
#[derive(Debug, Default)]
pub(super) struct Clients {
    by_number: HashMap<u64, Client>,
    /// Who had the keyboard and lost its connection: it gets the keyboard when it is back.
    absent_guest: Option<AbsentGuest>,
    /// What was told last of who is there, and when.
    told: (Headcount, Audience),
    told_at: Option<Instant>,
    /// Whether a wish was answered since then: uttered again at once it is another one, though the
    /// audience looks the same.
    answered: bool,
    /// When to tell the next time, where something has changed.
    tell_at: Option<Instant>,
}

/// A guest without a connection.
#[derive(Debug)]
struct AbsentGuest {
    id: Arc<str>,
    link: Option<Arc<str>>,
    since: Instant,
}

impl Client {
    /// Whether both are connections of one client.
    fn is_same(&self, other: &Self) -> bool {
        self.id == other.id && self.link == other.link
    }

    /// Ends its connection.
    fn end(self, number: u64, why: Departure) {
        let is_there = self.leave.send(why).is_ok();
        tracing::info!(client = number, ?why, is_there, "client is sent away");
    }
}

impl Clients {
    /// How many there are.
    pub(super) fn headcount(&self) -> Headcount {
        let count = |is_one: fn(&&Client) -> bool| self.by_number.values().filter(is_one).count();
        Headcount {
            clients: self.by_number.len(),
            viewers: count(|client| client.role == Role::Viewer),
            drivers: count(|client| client.role == Role::Driver && client.attends),
        }
    }

    /// Takes in a client. One that is here already has lost its connection, though nothing has told
    /// the server so: it goes on with the new one.
    pub(super) fn insert(&mut self, number: u64, mut client: Client) {
        for ghost in self.numbers(|other| other.is_same(&client)) {
            if let Some(mut taken) = self.take(ghost) {
                client.asks = taken.asks;
                client.name = client.name.or(taken.name.take());
                taken.end(ghost, Departure::Replaced);
            }
        }
        client.name = client.name.filter(|name| !name.is_empty());
        let is_back = |guest: &mut AbsentGuest| {
            guest.id == client.id
                && guest.link == client.link
                && guest.since.elapsed() < GUEST_PATIENCE
        };
        if self.absent_guest.take_if(is_back).is_some() {
            client.standing.set(Role::Guest);
        }
        self.by_number.insert(number, client);
        if self.by_number.len() == 1 {
            // Who comes first was told already.
            self.told.0 = self.headcount();
        }
        self.changed();
    }

    /// Forgets a client that has left.
    pub(super) fn remove(&mut self, number: u64) {
        drop(self.take(number));
    }

    fn end(&mut self, number: u64, why: Departure) {
        if let Some(client) = self.take(number) {
            client.end(number, why);
        }
    }

    /// Takes a client out. From now on it may do nothing, whatever its connection still brings.
    fn take(&mut self, number: u64) -> Option<Client> {
        let client = self.by_number.remove(&number)?;
        if client.standing.role() == Role::Guest {
            self.absent_guest = Some(AbsentGuest {
                id: client.id.clone(),
                link: client.link.clone(),
                since: Instant::now(),
            });
        }
        client.standing.set(Role::Viewer);
        self.changed();
        Some(client)
    }

    /// What a client may do; one that has left may do nothing that matters.
    pub(super) fn role(&self, number: u64) -> Role {
        let client = self.by_number.get(&number);
        client.map_or(Role::Viewer, |client| client.standing.role())
    }

    /// Notes how a client sees the lab.
    pub(super) fn view(&mut self, number: u64, name: Option<String>, cramped: bool) {
        if let Some(client) = self.by_number.get_mut(&number) {
            client.name = name.or(client.name.take()).filter(|name| !name.is_empty());
            client.cramped = cramped;
            self.changed();
        }
    }

    /// Notes that a viewer asks for the keyboard.
    pub(super) fn ask(&mut self, number: u64) {
        if let Some(client) = self.by_number.get_mut(&number) {
            client.asks = client.standing.role() < Role::Guest;
            self.changed();
        }
    }

    /// Notes that a client neither has the keyboard nor asks for it.
    pub(super) fn return_keyboard(&mut self, number: u64) {
        self.set_role(number, None, false);
    }

    /// Gives a viewer the keyboard; whoever had it gives it back. Says whether it is there.
    pub(super) fn grant(&mut self, number: u64) -> bool {
        let is_guest = |client: &Client| client.link.is_some();
        if !self.by_number.get(&number).is_some_and(is_guest) {
            return false;
        }
        self.take_keyboard();
        self.set_role(number, Some(Role::Guest), false);
        true
    }

    /// Tells a client that it does not get the keyboard. Says whether it is there.
    pub(super) fn decline(&mut self, number: u64) -> bool {
        let is_there = self.by_number.contains_key(&number);
        self.set_role(number, None, true);
        is_there
    }

    /// Takes the keyboard back from whoever was given it.
    pub(super) fn take_keyboard(&mut self) {
        self.absent_guest = None;
        let has_it = |client: &Client| client.standing.role() == Role::Guest;
        for guest in self.numbers(has_it) {
            self.set_role(guest, None, false);
        }
    }

    /// Sends away all who came by a link.
    pub(super) fn revoke(&mut self, link: &str) {
        let came_by_it = |client: &Client| client.link.as_deref() == Some(link);
        for number in self.numbers(came_by_it) {
            self.end(number, Departure::Revoked);
        }
        self.absent_guest
            .take_if(|guest| guest.link.as_deref() == Some(link));
    }

    fn numbers(&self, whom: impl Fn(&Client) -> bool) -> Vec<u64> {
        let those = self.by_number.iter().filter(|(_, client)| whom(client));
        those.map(|(number, _)| *number).collect()
    }

    /// Sets what a client may do, its own role where none is given, and tells it.
    fn set_role(&mut self, number: u64, role: Option<Role>, declined: bool) {
        let Some(client) = self.by_number.get_mut(&number) else {
            return;
        };
        let role = role.unwrap_or(client.role);
        let declined = declined && client.asks;
        self.answered |= std::mem::take(&mut client.asks);
        let differs = client.standing.role() != role;
        client.standing.set(role);
        if differs || declined {
            self.tell_one(number, LabEvent::Role { role, declined });
        }
        self.changed();
    }

    /// Tells all clients.
    pub(super) fn tell(&mut self, event: LabEvent) {
        self.tell_those(event, |_, _| true);
    }

    /// Tells all but one.
    pub(super) fn tell_others(&mut self, than: u64, event: LabEvent) {
        self.tell_those(event, |number, _| number != than);
    }

    /// Tells those who own the lab.
    pub(super) fn tell_drivers(&mut self, event: LabEvent) {
        self.tell_those(event, |_, client| client.role == Role::Driver);
    }

    /// Tells those who run blocks or type.
    pub(super) fn tell_doers(&mut self, event: LabEvent) {
        self.tell_those(event, |_, client| client.standing.role() > Role::Viewer);
    }

    /// Tells a client, by the name that it made for itself, that what it typed was not taken.
    pub(super) fn refuse_input(&mut self, id: &str, notice: Notice) {
        let now = Instant::now();
        let mut clients = self.by_number.iter_mut();
        let Some((number, client)) = clients.find(|(_, client)| *client.id == *id) else {
            return;
        };
        let told_lately = |told: Instant| now.duration_since(told) < REFUSAL_PAUSE;
        if !client.refused_at.is_some_and(told_lately) {
            client.refused_at = Some(now);
            let number = *number;
            self.tell_one(number, LabEvent::Notice(notice));
        }
    }

    fn tell_those(&mut self, event: LabEvent, whom: impl Fn(u64, &Client) -> bool) {
        let event = Arc::new(event);
        let those = self.by_number.iter();
        let those = those.filter(|(number, client)| whom(**number, client));
        let deaf = those.filter(|(_, client)| client.events.try_send(event.clone()).is_err());
        let deaf: Vec<u64> = deaf.map(|(number, _)| *number).collect();
        for number in deaf {
            self.end(number, Departure::TooSlow);
        }
    }

    pub(super) fn tell_one(&mut self, number: u64, event: LabEvent) {
        if let Some(client) = self.by_number.get(&number)
            && client.events.try_send(Arc::new(event)).is_err()
        {
            self.end(number, Departure::TooSlow);
        }
    }

    /// When to tell who is there, where that has changed.
    pub(super) fn headcount_due(&self) -> Option<Instant> {
        self.tell_at
    }

    /// Tells who is there, where that is not known.
    pub(super) fn tell_headcount(&mut self, now: Instant) {
        self.tell_at = None;
        self.told_at = Some(now);
        let (headcount, audience) = (self.headcount(), self.audience());
        let (old_headcount, old_audience) =
            std::mem::replace(&mut self.told, (headcount, audience.clone()));
        if headcount != old_headcount {
            self.tell(LabEvent::Clients(headcount));
        }
        if std::mem::take(&mut self.answered) || audience != old_audience {
            self.tell_drivers(LabEvent::Audience(audience));
        }
    }

    fn changed(&mut self) {
        let now = Instant::now();
        let at = self.told_at.map_or(now, |told| told + HEADCOUNT_PAUSE);
        self.tell_at.get_or_insert(at.max(now));
    }

    /// Who watches: those who ask for the keyboard first, then who has it, then by name.
    pub(super) fn audience(&self) -> Audience {
        let guests = || {
            self.by_number
                .iter()
                .filter(|(_, client)| client.link.is_some())
        };
        let mut people: Vec<Person> = guests()
            .map(|(number, client)| Person {
                client: *number,
                name: client.name.clone(),
                asks: client.asks,
                has_keyboard: client.standing.role() == Role::Guest,
            })
            .filter(|person| person.name.is_some() || person.asks || person.has_keyboard)
            .collect();
        people.sort_by(|one, other| {
            let rank = |person: &Person| (!person.asks, !person.has_keyboard);
            let order = |person: &Person| (rank(person), person.name.clone(), person.client);
            order(one).cmp(&order(other))
        });
        people.truncate(MAX_PEOPLE);
        Audience {
            cramped: guests().filter(|(_, client)| client.cramped).count(),
            people,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody who comes by a link, and what it is told.
    fn client(id: &str, link: &str) -> (Client, mpsc::Receiver<Arc<LabEvent>>) {
        let (events, told) = mpsc::channel(8);
        let client = Client {
            events,
            leave: oneshot::channel().0,
            standing: Arc::new(Standing::new(Role::Viewer)),
            role: Role::Viewer,
            id: id.into(),
            link: Some(link.into()),
            name: None,
            cramped: false,
            attends: true,
            asks: false,
            refused_at: None,
        };
        (client, told)
    }

    /// Has somebody come by a link, and says what it may do.
    fn come(clients: &mut Clients, number: u64, id: &str, link: &str) -> Role {
        clients.insert(number, client(id, link).0);
        clients.role(number)
    }

    /// A lab whose guest, who came by `link`, has lost its connection.
    fn without_guest() -> Clients {
        let mut clients = Clients::default();
        come(&mut clients, 1, "guest", "link");
        clients.by_number.get(&1).unwrap().standing.set(Role::Guest);
        clients.remove(1);
        clients
    }

    #[test]
    fn keyboard_waits_for_the_guest_alone() {
        let mut clients = without_guest();
        assert_eq!(come(&mut clients, 2, "somebody", "link"), Role::Viewer);
        assert_eq!(come(&mut clients, 3, "guest", "other link"), Role::Viewer);
        assert_eq!(come(&mut clients, 4, "guest", "link"), Role::Guest);
    }

    #[test]
    fn keyboard_waits_while_other_links_are_revoked() {
        let mut clients = without_guest();
        clients.revoke("other link");
        assert_eq!(come(&mut clients, 2, "guest", "link"), Role::Guest);
        let mut clients = without_guest();
        clients.revoke("link");
        assert_eq!(come(&mut clients, 2, "guest", "link"), Role::Viewer);
    }

    #[test]
    fn keyboard_does_not_wait_for_ever() {
        let mut clients = without_guest();
        clients.absent_guest.as_mut().unwrap().since -= GUEST_PATIENCE;
        assert_eq!(come(&mut clients, 2, "guest", "link"), Role::Viewer);
    }

    #[test]
    fn who_types_fast_is_refused_once_in_a_while_and_nobody_else_is() {
        let mut clients = Clients::default();
        let (typist, mut told) = client("typist", "link");
        let (other, mut told_other) = client("other", "link");
        clients.insert(1, typist);
        clients.insert(2, other);
        let mut refuse = |clients: &mut Clients| {
            clients.refuse_input("typist", Notice::failure("not taken", None));
            told.try_recv().is_ok()
        };
        assert!(refuse(&mut clients));
        assert!(!refuse(&mut clients));
        let typist = clients.by_number.get_mut(&1).unwrap();
        *typist.refused_at.as_mut().unwrap() -= REFUSAL_PAUSE;
        assert!(refuse(&mut clients));
        assert!(told_other.try_recv().is_err());
    }
}
