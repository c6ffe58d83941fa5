//! The program: hands the command line to `otlp_relay::cli`.

fn main() {}
