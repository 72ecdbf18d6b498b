//! Where templates come from: those built in, a directory, a git repository, a tar archive here or at an address. Each is read whole into memory, once.

mod archive;
mod directory;
mod download;
mod git;
mod layers;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};

use self::archive::ArchiveSource;
use self::git::GitSource;
use super::error::ScaffoldError;
use super::lock::LockedTemplate;
use super::manifest::Manifest;
use super::path_rules;

static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// The directory of a template's cases.
pub const TESTS: &str = "_tests/";
/// Stands before the name of a template that is built in.
pub const BUILT_IN_SOURCE: &str = "builtin:";
/// Most files a template may have.
const MAX_FILES: usize = 5_000;
/// Most bytes a template may have.
const MAX_BYTES: u64 = 32 << 20;

/// A template in memory.
#[derive(Clone, Debug)]
pub struct Template {
    /// `builtin:NAME`, the path of the directory, or what names the repository or the archive.
    pub source: String,
    /// The source as a project remembers it; a directory as seen from the project.
    pub remembered_as: String,
    /// Its manifest.
    pub manifest: Manifest,
    /// Every other file by its path with `/`, those of the templates it extends among them.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Files of the templates it extends that it has itself, as `NAME:PATH`, for `{% extends %}`.
    pub layers: BTreeMap<String, Vec<u8>>,
    /// The commit it was read from, when it comes from a repository.
    pub commit: Option<String>,
    /// The files of its cases, by path; nothing is made of them.
    pub tests: BTreeMap<String, Vec<u8>>,
    /// SHA-256 over paths and contents of all but its cases, in hexadecimal.
    pub hash: String,
}

/// Names and descriptions of the templates built in, in order of name.
///
/// # Errors
/// When one of them has a broken manifest.
pub fn built_in() -> Result<Vec<Manifest>, ScaffoldError> {
    let names = built_in_names();
    names.iter().map(|name| open_built_in(name).map(|template| template.manifest)).collect()
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    BuiltIn(String),
    Directory(PathBuf),
    Git(GitSource),
    Archive(ArchiveSource),
}

impl Source {
    /// A name without separators is one built in; anything else says what it is, or is a directory.
    fn parse(name: &str) -> Result<Self, ScaffoldError> {
        if let Some(name) = name.strip_prefix(BUILT_IN_SOURCE) {
            return Ok(Self::BuiltIn(name.to_owned()));
        }
        if let Some(address) = name.strip_prefix("git+") {
            return git::parse(address).map(Self::Git);
        }
        if let Some(scheme) = scheme_of(name).filter(|_| !name.starts_with("https://")) {
            return Err(refused(name, format!("`{scheme}:` is no source of templates")));
        }
        if let Some(archive) = archive::parse(name)? {
            return Ok(Self::Archive(archive));
        }
        let is_path = name.contains(['/', '\\']) || name.starts_with('.');
        Ok(if is_path { Self::Directory(name.into()) } else { Self::BuiltIn(name.to_owned()) })
    }

    /// As seen from a directory.
    fn below(self, root: &Path) -> Self {
        match self {
            Self::Directory(path) => Self::Directory(root.join(path)),
            Self::Archive(archive) => Self::Archive(archive.below(root)),
            other => other,
        }
    }
}

/// What stands before `:` and is longer than a drive, such as `ext` in `ext::sh`.
fn scheme_of(name: &str) -> Option<&str> {
    let (scheme, _) = name.split_once(':')?;
    let is_scheme = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
    (scheme.len() > 1 && scheme.chars().all(is_scheme)).then_some(scheme)
}

fn refused(name: &str, message: String) -> ScaffoldError {
    ScaffoldError::BadSource { name: git::without_secret(name), message }
}

/// Opens a template: a name without separators is one built in, `git+URL#REF` a repository, `FILE.tar.gz#sha256=…` and
/// `https://…#sha256=…` an archive, anything else a directory.
///
/// # Errors
/// When there is none, it breaks a rule of the format, or its source is not taken.
pub fn open(name: &str) -> Result<Template, ScaffoldError> {
    layers::open(Source::parse(name)?, None)
}

/// Opens the template a project remembers, paths as seen from `root`.
///
/// # Errors
/// As [`open`].
pub fn open_remembered(remembered: &str, root: &Path) -> Result<Template, ScaffoldError> {
    let template = layers::open(Source::parse(&told_as_path(remembered))?.below(root), None)?;
    Ok(Template { remembered_as: remembered.to_owned(), ..template })
}

/// Opens the template of a project exactly as it was, where its source keeps earlier states.
///
/// # Errors
/// As [`open`].
pub fn open_pinned(locked: &LockedTemplate, root: &Path) -> Result<Template, ScaffoldError> {
    let source = Source::parse(&told_as_path(&locked.source))?.below(root);
    let template = layers::open(source, locked.commit.as_deref())?;
    Ok(Template { remembered_as: locked.source.clone(), ..template })
}

/// A directory in a lock is a path even when it has no separator.
fn told_as_path(remembered: &str) -> String {
    let is_plain = scheme_of(remembered).is_none() && !remembered.contains(['/', '\\']);
    if is_plain && !remembered.starts_with('.') { format!("./{remembered}") } else { remembered.to_owned() }
}

/// Notes a template's place as a project remembers it: paths as `seen` from there, everything else as it is.
///
/// # Errors
/// When the name is no source.
pub fn remember(
    template: &mut Template,
    name: &str,
    seen: impl Fn(&Path) -> String,
) -> Result<(), ScaffoldError> {
    template.remembered_as = match Source::parse(name)? {
        Source::BuiltIn(name) => format!("{BUILT_IN_SOURCE}{name}"),
        Source::Directory(path) => seen(&path),
        Source::Git(git) => git.name(),
        Source::Archive(archive) => archive.name_with(seen),
    };
    Ok(())
}

/// Files of a template as they are gathered, within limits, from a source that is not trusted.
struct Collected {
    source: String,
    files: BTreeMap<String, Vec<u8>>,
    bytes: u64,
}

impl Collected {
    fn new(source: String) -> Self {
        Self { source, files: BTreeMap::new(), bytes: 0 }
    }

    /// Says how many bytes the next file has, before it is read.
    fn expect(&mut self, bytes: u64) -> Result<(), ScaffoldError> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > MAX_BYTES || self.files.len() >= MAX_FILES {
            return Err(self.refuse(format!("it has more than {MAX_FILES} files or {} MiB", MAX_BYTES >> 20)));
        }
        Ok(())
    }

    fn put(&mut self, path: &str, bytes: Vec<u8>) -> Result<(), ScaffoldError> {
        // Parts with `{{ }}` are looked at when they are rendered.
        let fault = path.split('/').filter(|part| !part.contains('{')).find_map(path_rules::fault_of_path);
        if let Some(fault) = fault {
            return Err(self.refuse(format!("`{}`: {fault}", path.escape_debug())));
        }
        match self.files.insert(path.to_owned(), bytes) {
            None => Ok(()),
            Some(_) => Err(self.refuse(format!("`{path}` is in it twice"))),
        }
    }

    fn refuse(&self, message: String) -> ScaffoldError {
        ScaffoldError::NotATemplate { template: self.source.clone(), message, help: None }
    }
}

fn built_in_names() -> Vec<String> {
    let mut names: Vec<String> =
        BUILT_IN.dirs().map(|dir| dir.path().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn open_built_in(name: &str) -> Result<Template, ScaffoldError> {
    layers::open(Source::BuiltIn(name.to_owned()), None)
}

fn built_in_files(name: &str) -> Result<BTreeMap<String, Vec<u8>>, ScaffoldError> {
    let unknown = || ScaffoldError::UnknownTemplate { name: name.to_owned(), known: built_in_names() };
    let root = BUILT_IN.get_dir(name).ok_or_else(unknown)?;
    let mut files = BTreeMap::new();
    collect_built_in(root, name, &mut files);
    Ok(files)
}

fn collect_built_in(dir: &Dir<'static>, root: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for file in dir.files() {
        let path = file.path().to_string_lossy().replace('\\', "/");
        let inside = path.strip_prefix(root).unwrap_or(&path).trim_start_matches('/').to_owned();
        files.insert(inside, file.contents().to_vec());
    }
    dir.dirs().for_each(|inner| collect_built_in(inner, root, files));
}

/// Makes a template of files in memory.
///
/// # Errors
/// When they have no manifest, or break a rule of the format.
pub fn assemble(source: String, files: BTreeMap<String, Vec<u8>>) -> Result<Template, ScaffoldError> {
    layers::assemble(source, files)
}

fn tree_hash(files: &BTreeMap<String, Vec<u8>>) -> String {
    let mut hasher = Sha256::new();
    for (path, bytes) in files {
        hasher.update((path.len() as u64).to_le_bytes());
        hasher.update(path);
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    }
    hex(&hasher.finalize())
}

/// SHA-256 of bytes, in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaffold::manifest::MANIFEST;

    const MANIFEST_TEXT: &str = "format: 1\nname: x\nversion: 1.0.0\ndescription: X\n";

    #[test]
    fn every_template_built_in_opens() {
        let names: Vec<String> = built_in().expect("all open").into_iter().map(|one| one.name).collect();
        assert_eq!(names, built_in_names());
        assert!(!names.is_empty());
    }

    #[test]
    fn a_directory_without_manifest_is_named() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let error = open(&dir.path().to_string_lossy()).expect_err("no manifest");
        assert!(error.to_string().ends_with("it has no manifest"), "{error}");
    }

    #[test]
    #[cfg(unix)]
    fn symbolic_links_are_refused() {
        let dir = tempfile::tempdir().expect("temporary directory");
        std::fs::write(dir.path().join(MANIFEST), MANIFEST_TEXT).expect("written");
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("secret")).expect("linked");
        let error = open(&dir.path().to_string_lossy()).expect_err("refused");
        assert!(error.to_string().contains("`secret` is a symbolic link"), "{error}");
    }

    #[test]
    fn names_say_what_they_are() {
        let parse = |name: &str| Source::parse(name).expect(name);
        assert_eq!(parse("rust-service"), Source::BuiltIn("rust-service".to_owned()));
        assert_eq!(parse("builtin:rust-service"), parse("rust-service"));
        assert_eq!(parse("./x"), Source::Directory("./x".into()));
        assert_eq!(parse("C:\\x"), Source::Directory("C:\\x".into()));
        for name in ["ext::sh -c id", "ext::x/y", "https://example.com/x", "file:///etc", "git@host:x/y"] {
            let is_refused = matches!(Source::parse(name), Err(ScaffoldError::BadSource { .. }));
            assert!(is_refused || name.starts_with("git@"), "{name}");
        }
    }

    #[test]
    fn the_hash_depends_on_every_path_and_byte() {
        let tree = |path: &str, text: &str| BTreeMap::from([(path.to_owned(), text.as_bytes().to_vec())]);
        assert_eq!(tree_hash(&tree("a", "b")), tree_hash(&tree("a", "b")));
        assert_ne!(tree_hash(&tree("a", "b")), tree_hash(&tree("ab", "")));
        assert_ne!(tree_hash(&tree("a", "b")), tree_hash(&tree("a", "c")));
    }
}
