//! What executing a command asks a lab to do. Pure: arguments and state in, effects out.

pub mod arguments;
pub mod effect;
pub mod error;
pub mod registry;
pub mod state;

pub use effect::Effect;
pub use error::CommandError;
pub use registry::{Call, Command, Origin, REGISTRY, Role, resolve};
pub use state::State;
