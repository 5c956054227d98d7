//! People, links and roles, from the lab's words to those of the wire.

use super::Identity;
use crate::{
    command::Role,
    lab::{
        event::{self, Headcount},
        links::Link,
    },
    protocol::audience::{self as wire, LabClients, LabLink},
    server::{encode_segment, visit},
};

pub(in crate::server) fn role(role: Role) -> wire::Role {
    match role {
        Role::Viewer => wire::Role::Viewer,
        Role::Remote => wire::Role::Remote,
        Role::Guest => wire::Role::Guest,
        Role::Driver => wire::Role::Driver,
    }
}

pub(super) fn headcount(headcount: Headcount) -> LabClients {
    let Headcount {
        clients,
        viewers,
        drivers,
    } = headcount;
    LabClients {
        clients,
        viewers,
        drivers,
    }
}

pub(super) fn audience(audience: &event::Audience) -> wire::Audience {
    let person = |person: &event::Person| wire::Person {
        client: person.client,
        name: person.name.clone(),
        asks: person.asks,
        has_keyboard: person.has_keyboard,
    };
    wire::Audience {
        cramped: audience.cramped,
        people: audience.people.iter().map(person).collect(),
    }
}

pub(super) fn place(place: &event::Place) -> wire::Place {
    let event::Place {
        step,
        scroll,
        terminal,
    } = place.clone();
    wire::Place {
        step,
        scroll,
        terminal,
    }
}

pub(super) fn links(links: &[Link], client: &Identity) -> Vec<LabLink> {
    links.iter().map(|link| self::link(link, client)).collect()
}

pub(super) fn link(link: &Link, client: &Identity) -> LabLink {
    let way = visit::way(link.role).unwrap_or_default();
    let name = encode_segment(&client.lab);
    let address = format!("{way}/{name}/?token={}", link.token);
    LabLink {
        id: link.id.to_string(),
        role: role(link.role),
        url: client
            .public_url
            .as_ref()
            .map(|url| format!("{url}{address}")),
        address,
    }
}
