//! A template that extends others: their files first, its own over them, one manifest of all.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Source, TESTS, Template, archive, built_in_files, directory, git, sha256, tree_hash};
use crate::scaffold::error::ScaffoldError;
use crate::scaffold::manifest::{MANIFEST, Manifest};

/// Most templates one stands on.
const MAX_LAYERS: usize = 8;

/// Where a template's files come from, as far as the templates it extends are concerned.
#[derive(Clone, Debug)]
enum Home {
    /// A directory: it may extend others beside it.
    Directory(PathBuf),
    /// Elsewhere: files of this machine are not for it.
    Elsewhere,
}

/// Opens a template and all it extends.
pub(super) fn open(source: Source, commit: Option<&str>) -> Result<Template, ScaffoldError> {
    open_layer(source, commit, &mut Vec::new())
}

/// Makes a template of files that lie nowhere.
pub(super) fn assemble(source: String, files: BTreeMap<String, Vec<u8>>) -> Result<Template, ScaffoldError> {
    build(source, files, &Home::Elsewhere, &mut Vec::new())
}

fn open_layer(
    source: Source,
    commit: Option<&str>,
    open: &mut Vec<String>,
) -> Result<Template, ScaffoldError> {
    match source {
        Source::BuiltIn(name) => {
            let files = built_in_files(&name)?;
            build(format!("{}{name}", super::BUILT_IN_SOURCE), files, &Home::Elsewhere, open)
        }
        Source::Directory(path) => {
            let files = directory::read(&path)?;
            build(path.display().to_string(), files, &Home::Directory(path), open)
        }
        Source::Git(source) => {
            let (files, commit) = git::read(&source, commit)?;
            let template = build(source.name(), files, &Home::Elsewhere, open)?;
            Ok(Template { commit: Some(commit), ..template })
        }
        Source::Archive(source) => build(source.name(), archive::read(&source)?, &Home::Elsewhere, open),
    }
}

fn build(
    source: String,
    files: BTreeMap<String, Vec<u8>>,
    home: &Home,
    open: &mut Vec<String>,
) -> Result<Template, ScaffoldError> {
    let refuse = |message: String, help: Option<String>| ScaffoldError::NotATemplate {
        template: source.clone(),
        message,
        help,
    };
    if open.contains(&source) {
        return Err(refuse(format!("it extends itself: {} -> {source}", open.join(" -> ")), None));
    }
    if open.len() >= MAX_LAYERS {
        return Err(refuse(format!("more than {MAX_LAYERS} templates extend each other"), None));
    }
    let (tests, mut files): (BTreeMap<_, _>, BTreeMap<_, _>) =
        files.into_iter().partition(|(path, _)| path.starts_with(TESTS));
    let mut hash = tree_hash(&files);
    let help = format!("a template is a directory with a `{MANIFEST}`");
    let text = files.remove(MANIFEST).ok_or_else(|| refuse("it has no manifest".to_owned(), Some(help)))?;
    let text = String::from_utf8(text).map_err(|_| refuse("its manifest is not UTF-8".to_owned(), None))?;
    let mut manifest = Manifest::read(&source, &text)?;
    let mut pile = Pile::default();
    let mut manifests = Vec::new();
    open.push(source.clone());
    for name in &manifest.extends {
        let layer = open_layer(allowed(name, home, &refuse)?, None, open)?;
        hash = sha256(format!("{hash} {}", layer.hash).as_bytes());
        manifests.push(layer.manifest.text.clone());
        pile.covered.extend(layer.layers);
        pile.lay(&layer.manifest.name, layer.files);
    }
    open.pop();
    if !manifests.is_empty() {
        manifests.push(text);
        manifest = Manifest::read_layers(&source, &manifests)?;
    }
    pile.lay(&manifest.name, files);
    Ok(Template {
        remembered_as: source.clone(),
        source,
        manifest,
        files: pile.files,
        layers: pile.covered,
        commit: None,
        tests,
        hash,
    })
}

/// Files of templates laid over each other.
#[derive(Default)]
struct Pile {
    files: BTreeMap<String, Vec<u8>>,
    /// Files that others lie over, as `NAME:PATH` without `.j2`.
    covered: BTreeMap<String, Vec<u8>>,
    /// By path without `.j2`: the path as it is, and the template it is of.
    owners: BTreeMap<String, (String, String)>,
}

impl Pile {
    fn lay(&mut self, name: &str, files: BTreeMap<String, Vec<u8>>) {
        for (path, bytes) in files {
            let bare = path.strip_suffix(".j2").unwrap_or(&path).to_owned();
            let below = self.owners.insert(bare.clone(), (path.clone(), name.to_owned()));
            // Two of one template that become one path are found when they are rendered.
            if let Some((below, owner)) = below.filter(|(_, owner)| owner != name)
                && let Some(covered) = self.files.remove(&below)
            {
                self.covered.insert(format!("{owner}:{bare}"), covered);
            }
            self.files.insert(path, bytes);
        }
    }
}

/// What a template may extend from where it is.
fn allowed(
    name: &str,
    home: &Home,
    refuse: &dyn Fn(String, Option<String>) -> ScaffoldError,
) -> Result<Source, ScaffoldError> {
    let source = Source::parse(name)?;
    match (&source, home) {
        (Source::BuiltIn(_), _) => Ok(source),
        (Source::Git(git), _) if !git.is_local() => Ok(source),
        (Source::Archive(archive), _) if !archive.is_local() => Ok(source),
        (_, Home::Directory(directory)) => Ok(source.below(directory)),
        _ => Err(refuse(
            format!("it extends `{name}`, which is of this machine"),
            Some(
                "a template from elsewhere extends one that is built in, or one of `git+https://` or `https://`"
                    .to_owned(),
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn write(root: &Path, files: &[(&str, &str)]) {
        for (path, text) in files {
            let place = root.join(path);
            std::fs::create_dir_all(place.parent().expect("a parent")).expect("made");
            std::fs::write(place, text).expect("written");
        }
    }

    fn manifest(name: &str, rest: &str) -> String {
        format!("format: 1\nname: {name}\nversion: 1.0.0\ndescription: X\n{rest}")
    }

    fn opened(root: &Path) -> Result<Template, ScaffoldError> {
        open(Source::Directory(root.join("top")), None)
    }

    #[test]
    fn later_files_questions_and_rules_count_more() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let base = manifest(
            "base",
            "variables: { name: { default: a }, tls: { type: bool, default: false } }\n\
             files: [{ path: x, policy: once }, { path: z, policy: once }]\nnext_steps: of the base\n",
        );
        let top = manifest(
            "top",
            "extends: [../base]\nvariables: { name: { default: b }, more: { default: c } }\n\
             files: [{ path: y, policy: raw }, { path: z, policy: generated }]\n",
        );
        write(
            dir.path(),
            &[
                ("base/template.yaml", &base),
                ("base/x.j2", "{% block a %}base{% endblock %}"),
                ("base/z", "z"),
                ("top/template.yaml", &top),
                ("top/x", "{% extends 'base:x' %}{% block a %}top{% endblock %}"),
                ("top/y", "y"),
            ],
        );
        let template = opened(dir.path()).expect("opens");
        assert_eq!(template.files.keys().collect::<Vec<_>>(), ["x", "y", "z"]);
        assert_eq!(template.layers.keys().collect::<Vec<_>>(), ["base:x"]);
        let names: Vec<&str> = template.manifest.variables.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["name", "tls", "more"]);
        assert_eq!(template.manifest.variables[0].1.default, Some("b".into()));
        let rules: Vec<&str> = template.manifest.files.iter().map(|rule| rule.path.as_str()).collect();
        assert_eq!(rules, ["y", "z", "x"]);
        assert_eq!(template.manifest.next_steps, "of the base");
        let hash = template.hash;
        write(dir.path(), &[("base/z", "other")]);
        assert_ne!(opened(dir.path()).expect("opens").hash, hash);
    }

    #[test]
    fn a_template_that_extends_itself_is_refused() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let of = |name: &str| manifest(name, "extends: [../top]\n");
        write(dir.path(), &[("top/template.yaml", &of("top"))]);
        let message = opened(dir.path()).expect_err("refused").to_string();
        assert!(message.contains("extend"), "{message}");
    }

    #[test]
    fn a_template_from_elsewhere_reaches_no_files_of_this_machine() {
        for name in ["./base", "/etc", "git+file:///srv/x#main", "x.tar.gz#sha256=00"] {
            let files = BTreeMap::from([(
                MANIFEST.to_owned(),
                manifest("x", &format!("extends: ['{name}']\n")).into_bytes(),
            )]);
            assert!(assemble("x".to_owned(), files).is_err(), "{name}");
        }
    }
}
