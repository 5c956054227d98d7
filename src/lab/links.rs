//! The links by which others come into a lab.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use subtle::ConstantTimeEq;

use super::store::random_name;
use crate::command::Role;

/// How many links a lab has at once.
pub const MAX_LINKS: usize = 32;

/// How many characters of a random name tell links apart.
const ID_CHARS: usize = 12;

/// A link into a lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Names the link; no secret.
    pub id: Arc<str>,
    /// What those may do who come by it.
    pub role: Role,
    /// The secret that its address carries.
    pub token: String,
}

/// The valid links of a lab, oldest first. The lab changes them; the server asks them who may
/// come in. They last as long as the lab.
#[derive(Debug, Default)]
pub struct Links(Mutex<Vec<Link>>);

impl Links {
    /// The link with that secret, if it is valid.
    #[must_use]
    pub fn find(&self, token: &str) -> Option<Link> {
        let links = self.lock();
        let mut found = None;
        // All are compared, so that the time it takes tells nothing.
        for link in &*links {
            if bool::from(link.token.as_bytes().ct_eq(token.as_bytes())) {
                found = Some(link.clone());
            }
        }
        found
    }

    /// Whether the link with that id is valid.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.lock().iter().any(|link| *link.id == *id)
    }

    /// All links.
    #[must_use]
    pub fn list(&self) -> Vec<Link> {
        self.lock().clone()
    }

    /// Makes a link, where there are not too many.
    pub(super) fn create(&self, role: Role) -> Option<Link> {
        let mut links = self.lock();
        if links.len() >= MAX_LINKS {
            return None;
        }
        let id: String = random_name().chars().take(ID_CHARS).collect();
        let link = Link {
            id: id.into(),
            role,
            token: random_name(),
        };
        links.push(link.clone());
        Some(link)
    }

    /// Makes a link invalid; says whether it was valid.
    pub(super) fn revoke(&self, id: &str) -> bool {
        let mut links = self.lock();
        let before = links.len();
        links.retain(|link| *link.id != *id);
        links.len() < before
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Link>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_lets_in_until_it_is_revoked() {
        let links = Links::default();
        let link = links.create(Role::Viewer).unwrap();
        assert_eq!(links.find(&link.token), Some(link.clone()));
        assert_eq!(links.find(&link.id), None);
        assert!(links.revoke(&link.id));
        assert!(!links.revoke(&link.id));
        assert_eq!(links.find(&link.token), None);
    }

    #[test]
    fn links_have_a_bound() {
        let links = Links::default();
        for _ in 0..MAX_LINKS {
            links.create(Role::Viewer).unwrap();
        }
        assert_eq!(links.create(Role::Viewer), None);
    }
}
