//! Which paths a template may write: rendered part by part, refused rather than repaired.

use std::borrow::Cow;
use std::collections::BTreeMap;

use icu_normalizer::ComposingNormalizerBorrowed;

use super::engine::{Context, Engine};
use super::error::ScaffoldError;
use super::manifest::is_escape;

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
    if part.chars().any(is_escape) {
        return Some("a name cannot have control characters".to_owned());
    }
    if let Some(bad) = part.chars().find(|letter| SEPARATORS.contains(*letter)) {
        return Some(format!("a name cannot contain {bad:?}"));
    }
    if let Some(message) = hidden_fault(part) {
        return Some(message);
    }
    if part.ends_with(['.', ' ']) || part.starts_with(' ') {
        return Some("a name cannot begin with a space or end with a space or a dot".to_owned());
    }
    if part.len() > MAX_PART {
        return Some(format!("a name has at most {MAX_PART} bytes"));
    }
    is_device(part).then(|| "the name is a device on Windows".to_owned())
}

/// What part or program takes for the end of a name, on some system.
const SEPARATORS: &str = "/\\:*?\"<>|";

/// A separator or a way out that is written in percent signs, or in letters that look like it.
fn hidden_fault(part: &str) -> Option<String> {
    let decoded = decoded(part);
    let leads_out = |text: &str| text == "." || text == ".." || text.contains(['/', '\\', '\0']);
    if decoded != part && leads_out(&decoded) {
        return Some("it is a way out of the directory in percent signs".to_owned());
    }
    let plain: Cow<'_, str> = ComposingNormalizerBorrowed::new_nfkc().normalize(part);
    // These are left as they are by the compatibility forms.
    let looks =
        plain.replace(['\u{2215}', '\u{2044}', '\u{29f8}'], "/").replace(['\u{2216}', '\u{29f9}'], "\\");
    (looks != part && leads_out(&looks)).then(|| "it looks like a way out of the directory".to_owned())
}

/// Percent signs taken out again and again, as several readers one after the other would.
fn decoded(part: &str) -> String {
    let mut text = part.to_owned();
    for _ in 0..4 {
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let Some((first, others)) = rest.split_first() {
            let digits = others.get(..2).and_then(|two| std::str::from_utf8(two).ok());
            let escaped = digits.and_then(|two| u8::from_str_radix(two, 16).ok()).filter(|_| *first == b'%');
            bytes.push(escaped.unwrap_or(*first));
            rest = if escaped.is_some() { &others[2..] } else { others };
        }
        let next = String::from_utf8_lossy(&bytes).into_owned();
        if next == text {
            break;
        }
        text = next;
    }
    text
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
        let folded = folded(rendered);
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

/// A path as a file system sees it that knows neither case nor how a letter is composed.
fn folded(path: &str) -> String {
    let normalizer = ComposingNormalizerBorrowed::new_nfc();
    normalizer.normalize(&normalizer.normalize(path).to_lowercase()).into_owned()
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
