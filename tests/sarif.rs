//! What `--format sarif` prints is valid by the official JSON Schema of SARIF 2.1.0, which the crate `serde-sarif` carries.
//! Where it cannot be had the test is skipped loudly, and fails when `EDDY_REQUIRE_SERVERS=1` is set.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const MANIFEST: &str = "[package]\nname = \"schema-of-sarif\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[lib]\npath = \"lib.rs\"\n\n[workspace]\n\n[dependencies]\nserde-sarif = { version = \"0.8\", default-features = false }\n";

/// The schema file, downloaded into the cache of cargo.
fn schema() -> Result<PathBuf, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    std::fs::write(folder.path().join("Cargo.toml"), MANIFEST).map_err(|error| error.to_string())?;
    std::fs::write(folder.path().join("lib.rs"), "").map_err(|error| error.to_string())?;
    let cargo = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO")).args(arguments).current_dir(folder.path()).output();
        let output = output.map_err(|error| error.to_string())?;
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(output.stdout) } else { Err(words) }
    };
    cargo(&["fetch", "--quiet"])?;
    let metadata = cargo(&["metadata", "--format-version", "1", "--offline"])?;
    let metadata: Value = serde_json::from_slice(&metadata).map_err(|error| error.to_string())?;
    let packages = metadata["packages"].as_array().ok_or("no packages")?;
    let package =
        packages.iter().find(|package| package["name"] == "serde-sarif").ok_or("no such package")?;
    let manifest = package["manifest_path"].as_str().ok_or("no path")?;
    let path = Path::new(manifest).with_file_name("src").join("schema.json");
    if path.is_file() { Ok(path) } else { Err(format!("there is no {}", path.display())) }
}

fn sarif(folder: &Path, arguments: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
    let output =
        command.current_dir(folder).args(["validate", "--format", "sarif"]).args(arguments).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "{error}: {} {}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

#[test]
fn sarif_is_valid_by_the_official_schema() {
    let schema = match schema() {
        Ok(path) => path,
        Err(reason) => {
            let words = format!("SKIPPED: the schema of SARIF cannot be had: {reason}");
            assert!(std::env::var_os("EDDY_REQUIRE_SERVERS").is_none_or(|value| value != "1"), "{words}");
            eprintln!("{words}");
            return;
        }
    };
    let mut schema: Value = serde_json::from_str(&std::fs::read_to_string(schema).unwrap()).unwrap();
    // The pattern of language tags has a `]` too many, which strict readers of patterns refuse.
    for object in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][object]["properties"]["language"];
        language.as_object_mut().unwrap().remove("pattern");
    }
    assert!(schema["title"].as_str().unwrap().contains("2.1.0"));
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let events = root.join("tests/cases/validate/events_channels");
    let runs = [
        sarif(&root.join("tests/fixtures/probes"), &["."]),
        sarif(&root.join("tests/cases/validate/formats_sarif/cmd.in"), &["."]),
        sarif(&root.join("tests/cases/validate/formats_sarif/cmd.in"), &[".", "--max-findings", "1"]),
        sarif(&events, &["cmd.in/orders.yaml", "--events", "cmd.stdin"]),
        sarif(root, &["no-such-file.yaml"]),
    ];
    for run in runs {
        let faults: Vec<String> =
            validator.iter_errors(&run).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(faults.is_empty(), "{faults:#?}");
        assert!(!run["runs"][0]["results"].as_array().unwrap().is_empty());
    }
    // A schema that accepts everything would prove nothing.
    assert!(!validator.is_valid(&serde_json::json!({"version": "2.1.0", "runs": [{}]})));
}
