//! From text to what was asked for: a checked [`Config`], or every problem of the text at once.
//!
//! The way: `load` finds the texts by `source`, `yaml` makes a tree of each, `merge` one of all, `expand` puts in the
//! variables, `decode` reads the tree with `section` and `reading` into the `model`.

mod decode;
mod default;
mod describe;
mod duration;
mod embedded;
mod environment;
mod expand;
mod load;
mod merge;
mod model;
mod no_proxy;
pub(crate) mod percent;
mod plain;
mod problem;
mod reading;
mod section;
mod source;
mod suggest;
mod types;
mod yaml;

pub use decode::{ProxyVariable, listen_address, why_direct};
pub use describe::{Description, Kind, Learned, Secrets, Unread};
pub use duration::parse_duration;
pub use environment::{Environment, FetchError, SystemEnvironment};
pub use load::{Origin, describe, learn, load};
pub use model::*;
pub use problem::{Mistake, Place, Places, Problem, Problems, Weight};
pub(crate) use suggest::{hint, nearest};
pub use types::{ComponentType, component_types};
