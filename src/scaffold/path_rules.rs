//! Which paths a template may write: rendered part by part, refused rather than repaired.

use std::collections::BTreeMap;

use super::engine::{Context, Engine};
use super::error::ScaffoldError;

/// Longest path, in bytes.
const MAX_PATH: usize = 512;
/// Longest part of a path, in bytes.
const MAX_PART: usize = 200;

/// The path a template file is written to, or `None` when a part of it renders to nothing.
///
/// # Errors
/// When a part is not a plain file name.
pub fn render_path(engine: &Engine, path: &str, context: &Context) -> Result<Option<String>, ScaffoldError> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        let rendered = if part.contains("{{") || part.contains("{%") {
            engine.render(path, part, context)?
        } else {
            part.to_owned()
        };
        if rendered.is_empty() {
            return Ok(None);
        }
        if let Some(message) = fault_of_part(&rendered) {
            return Err(bad(path, &rendered, message));
        }
        parts.push(rendered);
    }
    let whole = parts.join("/");
    if whole.len() > MAX_PATH {
        return Err(bad(path, &whole, format!("a path has at most {MAX_PATH} bytes")));
    }
    Ok(Some(whole))
}

/// What is wrong with a whole path, on any system.
#[must_use]
pub fn fault_of_path(path: &str) -> Option<String> {
    if path.len() > MAX_PATH {
        return Some(format!("a path has at most {MAX_PATH} bytes"));
    }
    let fault = |part: &str| {
        if part.is_empty() { Some("a part of the path is empty".to_owned()) } else { fault_of_part(part) }
    };
    path.split('/').find_map(fault)
}

/// What is wrong with one part of a path, on any system the result may be carried to.
fn fault_of_part(part: &str) -> Option<String> {
    if part == "." || part == ".." {
        return Some("`.` and `..` lead out of the directory".to_owned());
    }
    if let Some(bad) = part.chars().find(|letter| "/\\:*?\"<>|".contains(*letter) || letter.is_control()) {
        return Some(format!("a name cannot contain {bad:?}"));
    }
    if part.ends_with(['.', ' ']) || part.starts_with(' ') {
        return Some("a name cannot begin with a space or end with a space or a dot".to_owned());
    }
    if part.len() > MAX_PART {
        return Some(format!("a name has at most {MAX_PART} bytes"));
    }
    is_device(part).then(|| "the name is a device on Windows".to_owned())
}

fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part).to_ascii_uppercase();
    let numbered = ["COM", "LPT"].iter().any(|device| {
        stem.strip_prefix(device).is_some_and(|digit| matches!(digit.as_bytes(), [b'1'..=b'9']))
    });
    numbered || ["CON", "PRN", "AUX", "NUL"].contains(&stem.as_str())
}

/// Paths taken so far, compared as the most forgetful file system would.
#[derive(Debug, Default)]
pub struct TakenPaths {
    files: BTreeMap<String, String>,
    directories: BTreeMap<String, String>,
}

impl TakenPaths {
    /// Takes a path for a template file.
    ///
    /// # Errors
    /// When another file has it, or has it in another case, or a file stands where a directory is needed.
    pub fn take(&mut self, template_path: &str, rendered: &str) -> Result<(), ScaffoldError> {
        let folded = rendered.to_lowercase();
        let clash = |other: &str| bad(template_path, rendered, format!("`{other}` is written there already"));
        if let Some(other) = self.files.get(&folded).or_else(|| self.directories.get(&folded)) {
            return Err(clash(other));
        }
        for (at, _) in folded.match_indices('/') {
            if let Some(other) = self.files.get(&folded[..at]) {
                return Err(clash(other));
            }
            self.directories.insert(folded[..at].to_owned(), template_path.to_owned());
        }
        self.files.insert(folded, template_path.to_owned());
        Ok(())
    }
}

fn bad(template_path: &str, rendered: &str, message: String) -> ScaffoldError {
    let rendered =
        rendered.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect();
    ScaffoldError::BadPath { template_path: template_path.to_owned(), rendered, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(name: &str) -> Result<Option<String>, ScaffoldError> {
        let mut context = Context::default();
        context.set("name", &name.into());
        render_path(&Engine::new(BTreeMap::new()), "src/{{ name }}.rs", &context)
    }

    #[test]
    fn parts_are_rendered_one_by_one() {
        assert_eq!(rendered("orders").expect("allowed").as_deref(), Some("src/orders.rs"));
        let engine = Engine::new(BTreeMap::new());
        let mut context = Context::default();
        context.set("k8s", &false.into());
        let dropped = render_path(&engine, "{% if k8s %}k8s{% endif %}/a.yaml", &context);
        assert_eq!(dropped.expect("allowed"), None);
    }

    #[test]
    fn names_that_lead_out_or_cannot_be_carried_are_refused() {
        for name in ["../x", "a/b", "a\\b", "/etc/x", "C:x", "a\0", "CON", "com1.x", "\u{1b}[31m"] {
            assert!(rendered(name).is_err(), "{name:?}");
        }
        assert!(
            fault_of_part("..").is_some() && fault_of_part("a.").is_some() && fault_of_part(" a").is_some()
        );
        assert!(fault_of_part("..a").is_none() && fault_of_part("console").is_none());
        assert!(fault_of_part(&"a".repeat(MAX_PART + 1)).is_some());
    }

    #[test]
    fn two_files_never_share_a_path_whatever_the_case() {
        let mut taken = TakenPaths::default();
        taken.take("a", "src/Order.rs").expect("free");
        assert!(taken.take("b", "src/order.rs").is_err());
        assert!(taken.take("c", "SRC").is_err());
        assert!(taken.take("d", "src/order.rs/x").is_err());
        taken.take("e", "src/orders.rs").expect("free");
    }
}
