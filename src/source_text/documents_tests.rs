//! Tests of reference resolution across files.

use std::fmt::Write;

use super::*;

struct Run {
    _folder: tempfile::TempDir,
    documents: Documents,
    first: FileId,
    sources: Sources,
}

fn run(files: &[(&str, &str)]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let (mut documents, mut sources) = (Documents::default(), Sources::default());
    let first = documents.read(&mut sources, &folder.path().join(files[0].0), &Limits::default()).unwrap();
    Run { _folder: folder, documents, first, sources }
}

impl Run {
    fn text(&self, reference: &str) -> String {
        let found = self.documents.resolve(self.first, reference).unwrap();
        self.documents.follow(found).unwrap().node.as_str().unwrap().to_owned()
    }

    fn error(&self, reference: &str) -> ReferenceError {
        let found = self.documents.resolve(self.first, reference);
        found.and_then(|place| self.documents.follow(place)).unwrap_err()
    }
}

#[test]
fn pointers_are_followed_in_the_file_and_across_files() {
    let run = run(&[
        ("api/a.yaml", "a/b: {c d: one}\nlist: [two]\nb: {$ref: '../shared/b.yaml#/x'}\n"),
        ("shared/b.yaml", "x: {y: three, z: {$ref: '#/w'}}\nw: {$ref: 'c.json'}\n"),
        ("shared/c.json", "{\"deep\": \"four\"}"),
    ]);
    assert_eq!(run.text("#/a~1b/c%20d"), "one");
    assert_eq!(run.text("#/list/0"), "two");
    assert_eq!(run.text("../shared/b.yaml#/x/y"), "three");
    assert_eq!(run.text("#/b/y"), "three");
    assert_eq!(run.text("#/b/z/deep"), "four");
    let place = run.documents.resolve(run.first, "#/b/z/deep").unwrap();
    assert_eq!(place.pointer, "/deep");
    assert!(run.documents.path(place.file).unwrap().ends_with("shared/c.json"));
    assert_eq!(run.sources.iter().count(), 3);
}

#[test]
fn what_leads_nowhere_says_why() {
    let run = run(&[
        (
            "a.yaml",
            "a: {$ref: '#/b'}\nb: {$ref: '#/a'}\nc: {$ref: ./gone.yaml}\nd: {$ref: '#/d/e'}\nfirst: {second: 1}\n\
         l: [{$ref: broken.yaml}]\n",
        ),
        ("broken.yaml", "a: b: c"),
    ]);
    assert!(matches!(run.error("#/a"), ReferenceError::Cycle(_)));
    assert!(matches!(run.error("#/d"), ReferenceError::Cycle(_)));
    assert!(
        matches!(run.error("./gone.yaml"), ReferenceError::File { reason, .. } if reason.contains("gone.yaml"))
    );
    assert!(matches!(run.error("broken.yaml#/a"), ReferenceError::File { .. }));
    assert!(matches!(run.error("https://example.com/a.yaml#/b"), ReferenceError::Remote(_)));
    assert!(matches!(run.error("#first"), ReferenceError::NotFound { .. }));
    assert!(matches!(run.error("#a/b"), ReferenceError::Malformed { .. }));
    let ReferenceError::NotFound { within, missing, siblings, .. } = run.error("#/first/secnd") else {
        panic!("not found")
    };
    assert_eq!((within.as_str(), missing.as_str(), siblings), ("/first", "secnd", vec!["second".to_owned()]));
}

#[test]
fn anchors_and_identifiers_are_targets_too() {
    let run = run(&[(
        "a.yaml",
        "a: {$anchor: here, v: x}\nb: {$id: 'https://e.org/s', v: y}\nc: {$id: '#old', v: z}\n",
    )]);
    assert_eq!(run.documents.resolve(run.first, "#here").unwrap().pointer, "/a");
    assert_eq!(run.text("https://e.org/s#/v"), "y");
    assert_eq!(run.documents.resolve(run.first, "#old").unwrap().pointer, "/c");
}

#[test]
fn files_that_name_each_other_are_read_once() {
    let run = run(&[
        ("a.yaml", "x: {$ref: ./b.yaml}\n"),
        ("b.yaml", "y: {$ref: './././a.yaml'}\nz: {$ref: b.yaml}\n"),
    ]);
    assert_eq!(run.sources.iter().count(), 2);
    assert_eq!(run.documents.resolve(run.first, "b.yaml#/y/x/y").unwrap().pointer, "/y");
}

#[test]
fn wide_mappings_are_found_by_index() {
    let text: String = (0..100).map(|key| format!("k{key}: v{key}\n")).collect();
    let run = run(&[("a.yaml", &text)]);
    assert_eq!(run.text("#/k77"), "v77");
}

#[test]
fn the_number_of_files_is_limited() {
    let folder = tempfile::tempdir().unwrap();
    for file in 0..5 {
        let text = format!("next: {{$ref: f{}.yaml}}\n", file + 1);
        std::fs::write(folder.path().join(format!("f{file}.yaml")), text).unwrap();
    }
    let (mut documents, mut sources) = (Documents::default(), Sources::default());
    let limits = Limits { files: 3, ..Limits::default() };
    documents.read(&mut sources, &folder.path().join("f0.yaml"), &limits).unwrap();
    assert_eq!(sources.iter().count(), 3);
}

#[test]
fn references_that_multiply_are_cut_short() {
    // Each level needs two references of the next to be resolved: without a budget, two to the power of sixty.
    let mut text = String::new();
    for level in 0..60 {
        let next = level + 1;
        writeln!(text, "l{level}: {{$ref: '#/m{next}/a/a'}}").unwrap();
        writeln!(text, "m{level}: {{$ref: '#/l{next}'}}").unwrap();
        writeln!(text, "n{level}: {{a: {{$ref: '#/l{next}'}}}}").unwrap();
    }
    text += "l60: {a: {a: {$ref: '#/n0'}}}\nm60: {$ref: '#/l60'}\n";
    let run = run(&[("a.yaml", &text)]);
    assert!(run.documents.resolve(run.first, "#/l0/a/a/a/a/a/a/a/a").is_err());
}

#[cfg(unix)]
#[test]
fn devices_are_not_opened_by_reference() {
    let run = run(&[("a.yaml", "a: {$ref: /dev/zero}\n")]);
    assert!(
        matches!(run.error("/dev/zero"), ReferenceError::File { reason, .. } if reason.contains("regular"))
    );
}
