//! The shape of the house, decided by a test: layers, confined crates, sizes of files and functions.

use std::fs;
use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::visit::Visit;

/// Modules in dependency order; those in one group do not know each other.
const LAYERS: [&[&str]; 12] = [
    &["atomic_file", "download", "event", "source_text"],
    &["diagnostic"],
    &["schema"],
    &["contract"],
    &["archive", "registry"],
    &["endpoint"],
    &["check", "edit", "replay", "scaffold", "topology"],
    &["output"],
    &["settings"],
    &["ui"],
    &["commands"],
    &["main"],
];

/// Imports that break the order for a reason given in ARCHITECTURE.md: from, to.
const AMENDMENTS: [(&str, &str); 0] = [];

/// Path roots that may be named only below certain files or folders of `src`.
const CONFINED: &[(&str, &[&str])] = &[
    ("clap", &["commands"]),
    ("clap_complete", &["commands"]),
    ("clap_mangen", &["commands"]),
    ("colored", &["ui"]),
    ("indicatif", &["ui"]),
    ("inquire", &["ui"]),
    ("async_nats", &["endpoint/nats"]),
    ("nkeys", &["endpoint/nats"]),
    ("redis", &["endpoint/redis_streams"]),
    ("rdkafka", &["endpoint/kafka"]),
    ("axum", &["commands/serve", "endpoint/http"]),
    ("hyper_util", &["endpoint/http"]),
    ("tokio_rustls", &["endpoint/dial.rs", "endpoint/http"]),
    ("rumqttc_v4", &["endpoint/mqtt"]),
    ("rumqttc_v5", &["endpoint/mqtt"]),
    ("mqtt5", &["endpoint/embedded.rs"]),
    ("granit_parser", &["source_text"]),
    ("jsonschema", &["schema"]),
    (
        "reqwest",
        &[
            "commands/validate/remote.rs",
            "download.rs",
            "endpoint/amqp",
            "endpoint/http",
            "endpoint/nats/monitoring.rs",
            "registry/client.rs",
            "scaffold/source/download.rs",
        ],
    ),
    ("object_store", &["archive/storage/objects.rs"]),
    ("parquet", &["archive/convert"]),
    ("jaq_core", &["replay/jq"]),
    ("jaq_json", &["replay/jq"]),
    ("jaq_std", &["replay/jq"]),
];

/// The process environment and the standard streams, and who may use them.
/// The stdio endpoint owns stdout too: there it is data, not a terminal.
const DOORS: [(&str, &[&str]); 10] = [
    ("std::env", &["settings.rs", "main.rs"]),
    ("env::var", &["settings.rs", "main.rs"]),
    ("println", &["ui/"]),
    ("eprintln", &["ui/"]),
    ("print", &["ui/"]),
    ("eprint", &["ui/"]),
    ("std::io::stdout", &["ui/", "endpoint/stdio.rs"]),
    ("std::io::stderr", &["ui/"]),
    ("io::stdout", &["ui/", "endpoint/stdio.rs"]),
    ("io::stderr", &["ui/"]),
];

/// The only files that may say `unsafe`, all for calls that the safe interface of the Kafka client lacks; the lint denies it
/// elsewhere.
const UNSAFE: [&str; 6] = [
    "endpoint/kafka/fetching.rs",
    "endpoint/kafka/permissions.rs",
    "endpoint/kafka/producer.rs",
    "endpoint/kafka/question.rs",
    "endpoint/kafka/topic_settings.rs",
    "main.rs",
];
/// Longest file, without its tests.
const FILE_LINES: usize = 700;
/// Longest function.
const FUNCTION_LINES: usize = 100;

struct SourceFile {
    name: String,
    module: String,
    text: String,
    syntax: syn::File,
}

fn source_files() -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    assert!(paths.len() > 20, "the test looks at the real tree: {}", root.display());
    paths.iter().map(|path| read(&root, path)).collect()
}

fn read(root: &Path, path: &Path) -> SourceFile {
    let name = path.strip_prefix(root).expect("below src").to_string_lossy().replace('\\', "/");
    let module = name.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned();
    let text = fs::read_to_string(path).expect("readable");
    let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    SourceFile { name, module, text, syntax }
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("readable").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) if list.path.is_ident("cfg") => {
            list.tokens.to_string().split([' ', '(', ')', ',']).any(|word| word == "test")
        }
        _ => false,
    })
}

/// Gathers paths (written out and through `use`), macros and functions outside tests.
#[derive(Default)]
struct Gatherer {
    paths: Vec<(String, usize)>,
    functions: Vec<(String, usize)>,
    test_lines: usize,
}

impl Gatherer {
    fn note(&mut self, path: String, span: proc_macro2::Span) {
        self.paths.push((path, span.start().line));
    }

    fn use_tree(&mut self, prefix: &str, tree: &syn::UseTree) {
        let join = |name: &syn::Ident| {
            if prefix.is_empty() { name.to_string() } else { format!("{prefix}::{name}") }
        };
        match tree {
            syn::UseTree::Path(path) => self.use_tree(&join(&path.ident), &path.tree),
            syn::UseTree::Name(name) => self.note(join(&name.ident), name.span()),
            syn::UseTree::Rename(rename) => self.note(join(&rename.ident), rename.span()),
            syn::UseTree::Glob(glob) => self.note(prefix.to_owned(), glob.span()),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.use_tree(prefix, item)),
        }
    }

    fn function(&mut self, name: &syn::Ident, span: proc_macro2::Span) {
        let lines = span.end().line - span.start().line + 1;
        self.functions.push((name.to_string(), lines));
    }
}

impl<'ast> Visit<'ast> for Gatherer {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if is_test(&item.attrs) {
            self.test_lines += item.span().end().line - item.span().start().line + 1;
        } else {
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_test(&item.attrs) {
            self.use_tree("", &item.tree);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let words: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.note(words.join("::"), path.span());
        syn::visit::visit_path(self, path);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_test(&item.attrs) {
            self.function(&item.sig.ident, item.block.span());
            syn::visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig.ident, item.block.span());
        syn::visit::visit_impl_item_fn(self, item);
    }
}

fn gather(file: &SourceFile) -> Gatherer {
    let mut gatherer = Gatherer::default();
    gatherer.visit_file(&file.syntax);
    gatherer
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|group| group.contains(&module))
}

fn fail_with(breaches: &[String]) {
    assert!(breaches.is_empty(), "{} breaches:\n{}", breaches.len(), breaches.join("\n"));
}

#[test]
fn every_module_has_its_layer() {
    let unknown: Vec<String> = source_files()
        .iter()
        .filter(|file| file.name != "lib.rs" && layer(&file.module).is_none())
        .map(|file| format!("src/{} stands in no layer", file.name))
        .collect();
    fail_with(&unknown);
}

#[test]
fn imports_go_left_only() {
    let mut breaches = Vec::new();
    for file in source_files().iter().filter(|file| file.name != "lib.rs") {
        let own = layer(&file.module).unwrap_or(usize::MAX);
        for (path, line) in gather(file).paths {
            let mut words = path.split("::");
            let first = words.next().unwrap_or_default();
            let target = match (first, file.module.as_str()) {
                ("crate", _) | ("eddy", "main") => words.next().unwrap_or_default(),
                _ => continue,
            };
            let Some(other) = layer(target) else { continue };
            let amended = AMENDMENTS.contains(&(file.module.as_str(), target));
            if target != file.module && other >= own && !amended {
                breaches.push(format!("src/{}:{line}: `{}` may not know `{target}`", file.name, file.module));
            }
        }
    }
    fail_with(&breaches);
}

/// Uses of anything in `table` outside its homes.
fn strays(table: &[(&str, &[&str])]) -> Vec<String> {
    let mut breaches = Vec::new();
    for file in source_files() {
        for (path, line) in gather(&file).paths {
            for (name, homes) in table {
                let named = path == *name || path.starts_with(&format!("{name}::"));
                if named && !homes.iter().any(|home| file.name.starts_with(home)) {
                    breaches.push(format!("src/{}:{line}: `{name}` belongs to {homes:?}", file.name));
                }
            }
        }
    }
    breaches
}

#[test]
fn crates_stay_where_they_are_confined() {
    fail_with(&strays(CONFINED));
}

#[test]
fn environment_and_terminal_have_one_door() {
    fail_with(&strays(&DOORS));
}

#[test]
fn only_the_files_named_may_be_unsafe() {
    let mut breaches = Vec::new();
    for file in source_files() {
        let allows = file.text.contains("(unsafe_code");
        if allows != UNSAFE.contains(&file.name.as_str()) {
            breaches.push(format!("src/{}: `unsafe` belongs to {UNSAFE:?} alone", file.name));
        }
    }
    fail_with(&breaches);
}

#[test]
fn files_and_functions_stay_small() {
    let mut breaches = Vec::new();
    for file in source_files() {
        let gatherer = gather(&file);
        let lines = file.text.lines().count() - gatherer.test_lines;
        if lines > FILE_LINES {
            breaches.push(format!("src/{} has {lines} lines, the ceiling is {FILE_LINES}", file.name));
        }
        for (name, lines) in gatherer.functions.into_iter().filter(|(_, lines)| *lines > FUNCTION_LINES) {
            breaches.push(format!(
                "src/{}: `{name}` has {lines} lines, the ceiling is {FUNCTION_LINES}",
                file.name
            ));
        }
    }
    fail_with(&breaches);
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<String> = source_files()
        .iter()
        .filter(|file| !file.text.starts_with("//!"))
        .map(|file| format!("src/{} does not open with `//!`", file.name))
        .collect();
    fail_with(&silent);
}

#[test]
fn main_is_short() {
    let main = source_files().into_iter().find(|file| file.name == "main.rs").expect("main.rs");
    assert!(main.text.lines().count() <= 40);
}

#[test]
fn templates_are_not_named_in_the_program() {
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let names: Vec<String> = fs::read_dir(templates)
        .map(|entries| {
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
        })
        .unwrap_or_default();
    let mut breaches = Vec::new();
    for file in source_files() {
        let code = file.text.split("#[cfg(test)]").next().unwrap_or_default();
        for (index, line) in code.lines().enumerate() {
            if names.iter().any(|name| line.contains(&format!("\"{name}\""))) {
                breaches.push(format!("src/{}:{}: {}", file.name, index + 1, line.trim()));
            }
        }
    }
    fail_with(&breaches);
}
