//! Codes that are known only when the program runs, such as those of a team's own rules.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, PoisonError};

static KNOWN: LazyLock<Mutex<HashSet<&'static str>>> = LazyLock::new(Mutex::default);

/// The code as a text that lives as long as the program; each is kept once, however often it is asked for.
#[must_use]
pub fn lasting(code: &str) -> &'static str {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known.get(code) {
        return found;
    }
    let kept: &'static str = Box::leak(code.to_owned().into_boxed_str());
    known.insert(kept);
    kept
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_code_is_kept_once() {
        let first = super::lasting("TEAM1");
        assert!(std::ptr::eq(first, super::lasting(&String::from("TEAM1"))));
        assert_ne!(first, super::lasting("TEAM2"));
    }
}
