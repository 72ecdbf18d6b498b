//! A service that the first version of `rust-service` made comes up to the template of today.

use std::path::{Path, PathBuf};

use super::projects::{eddy, fixture, sync, text, tree};

/// What version 0.1.0 wrote for `orders-v3.yaml` over NATS, as it was kept: the lock, the pristine texts and the handlers.
fn made_by_the_first_version(directory: &Path) -> PathBuf {
    let kept = fixture("scaffold/rust-service-0.1.0");
    let project = directory.join("service");
    let put = |path: &str, bytes: &[u8]| {
        let place = project.join(path);
        std::fs::create_dir_all(place.parent().expect("a parent")).expect("made");
        std::fs::write(place, bytes).expect("written");
    };
    let base = std::fs::read(kept.join(".eddy/base.ndjson.zst")).expect("read");
    let texts = String::from_utf8(zstd::decode_all(base.as_slice()).expect("zstd")).expect("UTF-8");
    for line in texts.lines() {
        let file: serde_json::Value = serde_json::from_str(line).expect("JSON");
        if let (Some(path), Some(text)) = (file["path"].as_str(), file["text"].as_str()) {
            put(path, text.as_bytes());
        }
    }
    put(".eddy/base.ndjson.zst", &base);
    put("eddy.lock.yaml", text(kept.join("eddy.lock.yaml")).as_bytes());
    put("src/handlers.rs", text(kept.join("handlers.rs")).as_bytes());
    std::fs::copy(fixture("orders/orders-v3.yaml"), directory.join("contract.yaml")).expect("copied");
    project
}

#[test]
fn a_service_of_the_first_version_becomes_what_is_made_today_with_what_is_the_users() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let project = made_by_the_first_version(directory.path());
    let handlers = text(project.join("src/handlers.rs")) + "// mine\n";
    std::fs::write(project.join("src/handlers.rs"), &handlers).expect("written");
    let manifest = text(project.join("Cargo.toml"));
    let mine = "[dependencies]\nanyhow = \"1\"\n";
    assert_eq!(manifest.matches("[dependencies]\n").count(), 1, "{manifest}");
    std::fs::write(project.join("Cargo.toml"), manifest.replace("[dependencies]\n", mine)).expect("written");

    let output = sync(&project, &[]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("template 0.1.0 -> ") && said.contains("src/handlers.rs is yours"), "{said}");
    assert_eq!(sync(&project, &["--check"]).status.code(), Some(0));

    let fresh = directory.path().join("fresh");
    let (place, contract) = (fresh.to_string_lossy(), directory.path().join("contract.yaml"));
    let new = ["new", "rust-service", &place, "--contract", &contract.to_string_lossy(), "--defaults"];
    let made = eddy(&[&new[..], &["--set", "broker=nats", "--set", "service_name=orders-service"]].concat());
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let (mut came, mut made) = (tree(&project), tree(&fresh));
    assert_eq!(came.remove("src/handlers.rs"), Some(handlers.into_bytes()));
    assert!(made.remove("src/handlers.rs").is_some());
    let manifest = String::from_utf8(came.remove("Cargo.toml").expect("there")).expect("UTF-8");
    let today = String::from_utf8(made.remove("Cargo.toml").expect("there")).expect("UTF-8");
    assert_eq!(manifest.replace("anyhow = \"1\"\n", ""), today);
    assert!(manifest.contains("anyhow = \"1\"\n"), "{manifest}");
    // Those of handlers and of the manifest differ in the lock, too: it knows what the template wrote.
    for files in [&mut came, &mut made] {
        files.remove("eddy.lock.yaml");
    }
    let names =
        |files: &std::collections::BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&came), names(&made));
    for (path, bytes) in &made {
        assert!(path.starts_with(".eddy/") || came[path] == *bytes, "{path} is not what is made today");
    }
}
