//! Does a journal keep what it has acknowledged, whatever happens to the process and to its files?
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod damage;
mod desk;
mod keeping;
mod pace;
mod places;
