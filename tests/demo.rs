//! The demo runs the whole round, proves that the replay equals the recording, and leaves a workspace to play with.
#![cfg(feature = "broker")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn eddy() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
    command.env_remove("EDDY_ENV").env("NO_COLOR", "1");
    command
}

#[test]
fn the_round_comes_out_the_same_and_can_be_repeated() {
    let place = tempfile::tempdir().unwrap();
    let shop = place.path().join("shop");
    let output = eddy()
        .args(["demo", "--count", "200", "--quiet", "--format", "json", "--dir"])
        .arg(&shop)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&summary["injected"], &summary["replayed"], &summary["same"]),
        (&200.into(), &200.into(), &true.into())
    );
    assert!(summary["recorded"].as_u64() > Some(800) && summary["lag_us"]["p50"].is_u64(), "{summary}");
    for file in ["topology.svg", "topology.mmd", "shop.eddy.ndjson.zst", "commands.sh", "README.md"] {
        assert!(shop.join(file).is_file(), "{file}");
    }
    assert!(eddy().arg("validate").current_dir(&shop).status().unwrap().success(), "the mistake is mended");

    shown_in_the_readme_is_what_it_draws(&shop);

    let again = eddy().args(["demo", "--dir"]).arg(&shop).output().unwrap();
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("is not empty"));
}

/// The picture and the table of the README, which `EDDY_UPDATE_GENERATED=1` writes anew (the picture; the table is put in by hand).
fn shown_in_the_readme_is_what_it_draws(shop: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let drawn = std::fs::read_to_string(shop.join("topology.svg")).unwrap();
    let image = root.join("docs/images/shop.svg");
    if std::env::var_os("EDDY_UPDATE_GENERATED").is_some() {
        std::fs::write(&image, &drawn).unwrap();
    }
    let kept = std::fs::read_to_string(image).unwrap();
    assert!(kept == drawn, "docs/images/shop.svg is stale: EDDY_UPDATE_GENERATED=1 cargo test --test demo");
    let table =
        eddy().arg("graph").env("COLUMNS", "100").env("LANG", "C.UTF-8").current_dir(shop).output().unwrap();
    let table = String::from_utf8(table.stdout).unwrap();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    assert!(readme.contains(&table), "the README does not show this table:\n{table}");
}
