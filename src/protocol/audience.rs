//! Who is in a lab, what they may do, and how an audience follows.

use serde::{Deserialize, Serialize};

/// What a client may do. Each role may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Role {
    /// Watches, and may ask for the keyboard.
    Viewer,
    /// Goes through the steps and runs the next block: a phone in a presenter's hand.
    Remote,
    /// Was given the keyboard: types, and runs commands.
    Guest,
    /// Owns the lab: sizes its terminals, hands out links and the keyboard.
    Driver,
}

/// How many clients are in the lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LabClients {
    /// Clients with an open connection.
    pub clients: usize,
    /// Those among them that came by a watch link.
    pub viewers: usize,
    /// Those among them that are drivers and attached to the terminals, as a program that only
    /// executes commands is not.
    pub drivers: usize,
}

/// Who watches, as drivers see it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Audience {
    /// How many viewers said that terminals are too small for them to read, or cut off.
    pub cramped: usize,
    /// Those who ask for the keyboard, have it, or gave a name; at most 200, in this order.
    pub people: Vec<Person>,
}

/// A client that came by a watch link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Person {
    /// The client's number, valid while the server runs.
    #[cfg_attr(test, ts(type = "number"))]
    pub client: u64,
    /// The name it gave.
    pub name: Option<String>,
    /// Whether it asks for the keyboard.
    pub asks: bool,
    /// Whether it has the keyboard.
    pub has_keyboard: bool,
}

/// This client may do more or less than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RoleChanged {
    /// What it may do now.
    pub role: Role,
    /// Whether this answers a request for the keyboard by no.
    pub declined: bool,
}

/// A link that lets others into the lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LabLink {
    /// Names the link, to revoke it.
    pub id: String,
    /// What those may do who come by it: `viewer` or `remote`.
    pub role: Role,
    /// Its address, relative to the base path: `watch/NAME/?token=…`.
    pub address: String,
    /// Its whole address, where the server knows under which name it is reached.
    pub url: Option<String>,
}

/// All links of the lab.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LabLinks {
    /// The links, oldest first.
    pub links: Vec<LabLink>,
}

/// Where the driver is, for those who follow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Place {
    /// The step that the driver reads.
    pub step: String,
    /// What is at the top of the driver's page: the index of the outermost element of the step,
    /// and as fraction how far that is scrolled through.
    pub scroll: f64,
    /// The number of the terminal that the driver looks at.
    pub terminal: Option<u16>,
}

/// How a client sees the lab.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ViewParams {
    /// The name that others see, at most [`MAX_NAME_CHARS`](crate::protocol::MAX_NAME_CHARS)
    /// characters; longer ones are cut. Left out, the name stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub name: Option<String>,
    /// Whether a terminal is too small to read here, or cut off.
    #[serde(default)]
    pub cramped: bool,
}

/// A step to read without showing it to anybody else.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ReadPageParams {
    /// The step's name.
    pub step: String,
    /// The number of a link of that step, to read the step that it leads to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub link: Option<usize>,
}
