//! From text to what was asked for: a checked [`Config`], or every problem of the text at once.

mod model;
mod problem;

pub use model::*;
pub use problem::{Place, Places, Problem, Problems};
