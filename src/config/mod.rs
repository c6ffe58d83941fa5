//! From text to what was asked for: a checked [`Config`], or every problem of the text at once.
//!
//! The way: `load` finds the text, `yaml` makes a tree of it, `expand` puts in the variables, `decode` reads the tree
//! with `section` and `reading` into the `model`.

mod decode;
mod default;
mod duration;
mod environment;
mod expand;
mod load;
mod model;
mod no_proxy;
mod percent;
mod problem;
mod reading;
mod section;
mod suggest;
mod types;
mod yaml;

pub use environment::{Environment, SystemEnvironment};
pub use load::{Origin, load};
pub use model::*;
pub use problem::{Mistake, Place, Places, Problem, Problems};
pub use types::{ComponentType, component_types};
