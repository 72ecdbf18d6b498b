//! The program: reads the process environment, runs the command, turns the outcome into an exit code.

use std::process::ExitCode;

/// Also of the client libraries in C: they free on one thread what another has taken.
#[cfg(all(feature = "allocator", target_os = "linux"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Few pools of memory, and what is free goes back to the system soon.
#[cfg(all(feature = "allocator", target_os = "linux"))]
#[allow(unsafe_code, reason = "the allocator finds its settings by this name")]
#[unsafe(export_name = "malloc_conf")]
static ALLOCATOR_SETTINGS: &[u8] = b"narenas:2,dirty_decay_ms:500,muzzy_decay_ms:0\0";

fn main() -> ExitCode {
    let environment = eddy::settings::Environment::from_process(std::env::vars_os())
        .with_program(std::env::current_exe().ok());
    let status = eddy::commands::run(std::env::args_os(), environment);
    ExitCode::from(status.code())
}
