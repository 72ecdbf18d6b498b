//! The program: reads the process environment, runs the command, turns the outcome into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    let environment = eddy::settings::Environment::from_process(std::env::vars_os())
        .with_program(std::env::current_exe().ok());
    let status = eddy::commands::run(std::env::args_os(), environment);
    ExitCode::from(status.code())
}
