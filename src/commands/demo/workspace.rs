//! The files of the demo: a shop of three services, with one mistake planted in a contract.

use std::path::Path;

use crate::atomic_file;
use crate::commands::CommandError;

/// Files by their path below the workspace; `{{BROKER}}` and `{{SERVER}}` are replaced.
const FILES: [(&str, &str); 5] = [
    ("eddy.yaml", include_str!("workspace/eddy.yaml")),
    ("README.md", include_str!("workspace/README.md")),
    ("services/orders/asyncapi.yaml", include_str!("workspace/services/orders/asyncapi.yaml")),
    ("services/payments/asyncapi.yaml", include_str!("workspace/services/payments/asyncapi.yaml")),
    ("services/shipping/asyncapi.yaml", include_str!("workspace/services/shipping/asyncapi.yaml")),
];

/// The contract with the mistake.
pub const FLAWED: &str = "services/payments/asyncapi.yaml";
/// The mistake, and what it should be.
pub const MISTAKE: (&str, &str) = ("interger", "integer");

/// The services, in the order they are started.
pub const SERVICES: [&str; 3] = ["orders", "payments", "shipping"];

/// Writes the workspace into `directory`, which must be empty or absent.
pub fn write(directory: &Path, broker: &str) -> Result<(), CommandError> {
    let failed = |path: &Path, error: &std::io::Error| {
        CommandError::unwritable(path, error).hint("`--dir` names another place")
    };
    std::fs::create_dir_all(directory).map_err(|error| failed(directory, &error))?;
    let occupied = std::fs::read_dir(directory).map_err(|error| failed(directory, &error))?.next().is_some();
    if occupied {
        return Err(CommandError::usage(format!("`{}` is not empty", directory.display()))
            .hint("choose another place with `--dir`, or remove it first"));
    }
    for (name, text) in FILES {
        let path = directory.join(name);
        let parent = path.parent().unwrap_or(directory);
        std::fs::create_dir_all(parent).map_err(|error| failed(parent, &error))?;
        let text = text.replace("{{BROKER}}", broker).replace("{{SERVER}}", &format!("mqtt://{broker}"));
        atomic_file::write(&path, text.as_bytes()).map_err(|error| failed(&path, &error))?;
    }
    Ok(())
}

/// Mends the planted mistake.
pub fn mend(directory: &Path) -> Result<(), CommandError> {
    let path = directory.join(FLAWED);
    let text = std::fs::read_to_string(&path)?;
    atomic_file::write(&path, text.replace(MISTAKE.0, MISTAKE.1).as_bytes())
        .map_err(|error| CommandError::unwritable(&path, &error))
}
