//! The program: hands the command line to `otlp_relay::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    otlp_relay::cli::run(std::env::args_os())
}
