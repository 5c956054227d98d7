//! What somebody who was let in may do.

use std::sync::Arc;

use crate::{command::Role, lab::links::Link};

/// What somebody who was let in may do.
#[derive(Debug, Clone)]
pub(super) struct Pass {
    pub(super) role: Role,
    /// The id of the link that was used, where one was.
    pub(super) link: Option<Arc<str>>,
    /// The server's address as others reach it, base path included, where that is known.
    pub(super) public_url: Option<Arc<str>>,
}

impl Pass {
    /// The pass of whoever owns the server's token.
    pub(super) fn driver(public_url: Option<Arc<str>>) -> Self {
        Self {
            role: Role::Driver,
            link: None,
            public_url,
        }
    }

    /// The pass of whoever came by a link.
    pub(super) fn by(link: Link) -> Self {
        Self {
            role: link.role,
            link: Some(link.id),
            public_url: None,
        }
    }
}
