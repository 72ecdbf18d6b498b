//! Merging agrees with `git merge-file` on what is clean and on every byte of it, and loses no line of the project.
//!
//! `EDDY_MERGE_TRIPLES=100000 cargo test --test merge` looks at more.

use std::path::Path;
use std::process::Command;

use eddy::scaffold::sync::merge;

/// Triples looked at when nothing else is said.
const TRIPLES: u64 = 300;

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 33).expect("fits") % bound
    }

    /// Few different lines, so that there is more than one way to see a change.
    fn line(&mut self, own: &str) -> String {
        match self.below(4) {
            0 => format!("{own}{}\n", self.below(1000)),
            1 => "\n".to_owned(),
            _ => format!("{}\n", ["a", "b", "}", "x = 1", "  y"][self.below(5)]),
        }
    }

    fn edited(&mut self, base: &[String], own: &str) -> Vec<String> {
        let mut lines = base.to_vec();
        for _ in 0..self.below(6) {
            let at = self.below(lines.len() + 1);
            match self.below(3) {
                0 => lines.insert(at, self.line(own)),
                1 if at < lines.len() => drop(lines.remove(at)),
                _ if at < lines.len() => lines[at] = self.line(own),
                _ => {}
            }
        }
        if self.below(12) == 0
            && let Some(last) = lines.last_mut()
        {
            *last = last.trim_end_matches('\n').to_owned();
        }
        lines
    }
}

/// Whether git finds conflicts, and its text.
fn by_git(directory: &Path, base: &str, ours: &str, theirs: &str) -> (bool, Vec<u8>) {
    for (name, text) in [("base", base), ("ours", ours), ("theirs", theirs)] {
        std::fs::write(directory.join(name), text).expect("written");
    }
    let output = Command::new("git")
        .args(["merge-file", "-p", "ours", "base", "theirs"])
        .current_dir(directory)
        .output()
        .expect("git runs");
    assert!(output.status.code().is_some_and(|code| code < 128), "{output:?}");
    (!output.status.success(), output.stdout)
}

#[test]
fn merging_agrees_with_git() {
    let triples = std::env::var("EDDY_MERGE_TRIPLES").map_or(TRIPLES, |text| text.parse().expect("a number"));
    let directory = tempfile::tempdir().expect("temporary directory");
    let mut clean = 0;
    let mut otherwise = Vec::new();
    for seed in 0..triples {
        let mut numbers = Numbers(seed);
        let count = 1 + numbers.below(45);
        let base: Vec<String> = (0..count).map(|_| numbers.line("base")).collect();
        let (ours, theirs) = (numbers.edited(&base, "ours"), numbers.edited(&base, "theirs"));
        let (base, ours, theirs) = (base.concat(), ours.concat(), theirs.concat());
        let merged = merge("file", &base, &ours, &theirs);
        let (conflicts, text) = by_git(directory.path(), &base, &ours, &theirs);
        let told = format!("triple {seed}\n== base\n{base}\n== ours\n{ours}\n== theirs\n{theirs}\n");
        clean += u64::from(!conflicts);
        if (merged.conflicts > 0) != conflicts {
            otherwise.push((seed, if conflicts { "clean, git conflict" } else { "conflict, git clean" }));
        } else if !conflicts && merged.text.as_bytes() != text {
            otherwise.push((seed, "other bytes"));
        }
        for line in ours.lines().filter(|line| line.starts_with("ours")) {
            let times = |text: &str| text.lines().filter(|other| *other == line).count();
            assert!(
                times(&merged.text) >= times(&ours),
                "{line} is lost: {told}\n== merged\n{}",
                merged.text
            );
        }
    }
    println!("{triples} triples, {clean} clean, no line lost; otherwise than git: {otherwise:?}");
    assert!(otherwise.is_empty(), "{otherwise:?}");
    assert!(clean > triples / 5);
}
