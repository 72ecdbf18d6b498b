//! Throw-away certificates for encrypted test servers, made by the `openssl` program.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// An authority, a certificate it issued for `localhost` and 127.0.0.1, client certificates that are well, out of date and
/// of another authority, and that authority, which issued nothing else.
pub struct Certificates {
    directory: TempDir,
}

impl Certificates {
    /// Makes them; `None` when `openssl` is not installed.
    pub fn make() -> Option<Self> {
        if Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_err() {
            let words = "`openssl` is not installed: run scripts/install-test-servers";
            assert!(std::env::var_os("EDDY_REQUIRE_SERVERS").is_none_or(|value| value != "1"), "{words}");
            eprintln!("SKIPPED: {words}");
            return None;
        }
        let directory = tempfile::tempdir().expect("a directory");
        let made = Self { directory };
        for name in ["authority", "stranger"] {
            made.openssl(&format!(
                "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name} -keyout {name}.key -out {name}.pem"
            ));
        }
        let extensions = "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n";
        std::fs::write(made.path("extensions"), extensions).expect("written");
        for (name, authority, days) in [
            ("server", "authority", 2),
            ("client", "authority", 2),
            ("expired", "authority", -1),
            ("unknown", "stranger", 2),
        ] {
            let subject = if name == "server" { "localhost" } else { name };
            made.openssl(&format!(
                "req -newkey rsa:2048 -nodes -subj /CN={subject} -keyout {name}.key -out {name}.csr"
            ));
            made.openssl(&format!(
                "x509 -req -in {name}.csr -CA {authority}.pem -CAkey {authority}.key -CAcreateserial -days {days} \
                 -extfile extensions -out {name}.pem"
            ));
        }
        Some(made)
    }

    /// The path of one of them: the name and `.pem`, or `.key` for its key.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn openssl(&self, arguments: &str) {
        let directory: &Path = self.directory.path();
        let output =
            Command::new("openssl").args(arguments.split_whitespace()).current_dir(directory).output();
        let output = output.expect("openssl runs");
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
