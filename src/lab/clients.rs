//! Who is in a lab, what each may do, and how they are told what happens.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use super::event::{Audience, Headcount, LabEvent, MAX_PEOPLE, Person};
use crate::command::Role;

/// How often at most the clients are told how many they are: a thousand that come at once must not
/// be a million messages.
const HEADCOUNT_PAUSE: Duration = Duration::from_millis(250);

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
    /// Whether it asks for the keyboard.
    pub(super) asks: bool,
}

/// The clients of a lab, by number. One that does not read what it is told is cut off.
#[derive(Debug, Default)]
pub(super) struct Clients {
    by_number: HashMap<u64, Client>,
    /// Who had the keyboard and lost its connection, by id: it gets the keyboard when it is back.
    absent_guest: Option<Arc<str>>,
    /// What was told last of who is there, and when.
    told: (Headcount, Audience),
    told_at: Option<Instant>,
    /// Whether a wish was answered since then: uttered again at once it is another one, though the
    /// audience looks the same.
    answered: bool,
    /// When to tell the next time, where something has changed.
    tell_at: Option<Instant>,
}

impl Clients {
    /// How many there are.
    pub(super) fn headcount(&self) -> Headcount {
        let is_viewer = |client: &&Client| client.role == Role::Viewer;
        Headcount {
            clients: self.by_number.len(),
            viewers: self.by_number.values().filter(is_viewer).count(),
        }
    }

    pub(super) fn insert(&mut self, number: u64, client: Client) {
        if client.link.is_some() && self.absent_guest.take_if(|id| *id == client.id).is_some() {
            client.standing.set(Role::Guest);
        }
        self.by_number.insert(number, client);
        if self.by_number.len() == 1 {
            // Who comes first was told already.
            self.told.0 = self.headcount();
        }
        self.changed();
    }

    /// Forgets a client.
    pub(super) fn remove(&mut self, number: u64) {
        let Some(client) = self.by_number.remove(&number) else {
            return;
        };
        if client.standing.role() == Role::Guest {
            self.absent_guest = Some(client.id);
        }
        self.changed();
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
        let guests = self.by_number.iter().filter(|(_, client)| has_it(client));
        let guests: Vec<u64> = guests.map(|(number, _)| *number).collect();
        for guest in guests {
            self.set_role(guest, None, false);
        }
    }

    /// Sends away all who came by a link.
    pub(super) fn revoke(&mut self, link: &str) {
        self.absent_guest = None;
        let came_by_it = |client: &Client| client.link.as_deref() == Some(link);
        self.by_number.retain(|_, client| {
            let stays = !came_by_it(client);
            if !stays {
                client.standing.set(Role::Viewer);
                // One that is too slow to be told loses its connection all the same.
                drop(client.events.try_send(Arc::new(LabEvent::Revoked)));
            }
            stays
        });
        self.changed();
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

    fn tell_those(&mut self, event: LabEvent, whom: impl Fn(u64, &Client) -> bool) {
        let event = Arc::new(event);
        let before = self.by_number.len();
        self.by_number.retain(|number, client| {
            if !whom(*number, client) {
                return true;
            }
            let told = client.events.try_send(event.clone());
            if let Err(error) = &told {
                tracing::info!(client = number, %error, "client is cut off");
            }
            told.is_ok()
        });
        if self.by_number.len() < before {
            self.changed();
        }
    }

    pub(super) fn tell_one(&mut self, number: u64, event: LabEvent) {
        if let Some(client) = self.by_number.get(&number)
            && let Err(error) = client.events.try_send(Arc::new(event))
        {
            tracing::info!(client = number, %error, "client is cut off");
            self.remove(number);
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
