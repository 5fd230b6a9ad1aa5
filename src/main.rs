//! The program; everything it does is in [`judge::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    judge::cli::main()
}
