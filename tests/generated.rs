//! Pages that are generated equal what the program prints today. To write them anew, run
//! `EDDY_UPDATE_GENERATED=1 cargo test --test generated`.

use std::path::Path;
use std::process::Command;

/// The file and the command line whose output it is.
const GENERATED: [(&str, &[&str]); 1] = [("docs/rules.md", &["explain", "--format", "markdown"])];

#[test]
fn generated_pages_equal_what_the_program_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (file, arguments) in GENERATED {
        let output = Command::new(env!("CARGO_BIN_EXE_eddy")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        let path = root.join(file);
        if std::env::var_os("EDDY_UPDATE_GENERATED").is_some() {
            std::fs::write(&path, &output.stdout).unwrap();
        }
        let printed = String::from_utf8(output.stdout).unwrap();
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == printed, "{file} is old: run `EDDY_UPDATE_GENERATED=1 cargo test --test generated`");
    }
}
