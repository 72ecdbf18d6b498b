//! Where templates come from: those built in, or a directory. A template is read whole into memory, once.

use std::collections::BTreeMap;
use std::path::Path;

use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};

use super::error::ScaffoldError;
use super::manifest::{MANIFEST, Manifest};

static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// The directory of a template's cases.
pub const TESTS: &str = "_tests/";
/// Stands before the name of a template that is built in.
pub const BUILT_IN_SOURCE: &str = "builtin:";
/// Most files a template may have.
const MAX_FILES: usize = 5_000;
/// Most bytes a template may have.
const MAX_BYTES: u64 = 32 << 20;
/// Deepest directory a template may have.
const MAX_DEPTH: usize = 32;

/// A template in memory.
#[derive(Clone, Debug)]
pub struct Template {
    /// `builtin:NAME`, or the path of the directory.
    pub source: String,
    /// The source as a project remembers it; a directory as seen from the project.
    pub remembered_as: String,
    /// Its manifest.
    pub manifest: Manifest,
    /// Every other file by its path with `/`.
    pub files: BTreeMap<String, Vec<u8>>,
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

/// Opens a template: a name without separators is one built in, anything else a directory.
///
/// # Errors
/// When there is none, or it breaks a rule of the format.
pub fn open(name: &str) -> Result<Template, ScaffoldError> {
    let is_path = name.contains(['/', '\\']) || name.starts_with('.');
    if is_path { open_directory(Path::new(name)) } else { open_built_in(name) }
}

/// Opens the template a project remembers, a directory as seen from `root`.
///
/// # Errors
/// As [`open`].
pub fn open_remembered(remembered: &str, root: &Path) -> Result<Template, ScaffoldError> {
    let template = match remembered.strip_prefix(BUILT_IN_SOURCE) {
        Some(name) => open_built_in(name)?,
        None => open_directory(&root.join(remembered))?,
    };
    Ok(Template { remembered_as: remembered.to_owned(), ..template })
}

fn built_in_names() -> Vec<String> {
    let mut names: Vec<String> =
        BUILT_IN.dirs().map(|dir| dir.path().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn open_built_in(name: &str) -> Result<Template, ScaffoldError> {
    let unknown = || ScaffoldError::UnknownTemplate { name: name.to_owned(), known: built_in_names() };
    let root = BUILT_IN.get_dir(name).ok_or_else(unknown)?;
    let mut files = BTreeMap::new();
    collect_built_in(root, name, &mut files);
    assemble(format!("{BUILT_IN_SOURCE}{name}"), files)
}

fn collect_built_in(dir: &Dir<'static>, root: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for file in dir.files() {
        let path = file.path().to_string_lossy().replace('\\', "/");
        let inside = path.strip_prefix(root).unwrap_or(&path).trim_start_matches('/').to_owned();
        files.insert(inside, file.contents().to_vec());
    }
    dir.dirs().for_each(|inner| collect_built_in(inner, root, files));
}

/// Opens the template in a directory; symbolic links and special files in it are refused, not followed.
///
/// # Errors
/// When it cannot be read, has no manifest, or breaks a rule of the format.
pub fn open_directory(path: &Path) -> Result<Template, ScaffoldError> {
    let mut reader = DirectoryReader { root: path, files: BTreeMap::new(), bytes: 0 };
    reader.read(path, "", 0)?;
    assemble(path.display().to_string(), reader.files)
}

struct DirectoryReader<'a> {
    root: &'a Path,
    files: BTreeMap<String, Vec<u8>>,
    bytes: u64,
}

impl DirectoryReader<'_> {
    fn read(&mut self, directory: &Path, prefix: &str, depth: usize) -> Result<(), ScaffoldError> {
        let unreadable = |source| ScaffoldError::Unreadable { path: directory.to_owned(), source };
        if depth > MAX_DEPTH {
            return Err(self.refuse(format!("it is more than {MAX_DEPTH} directories deep")));
        }
        for entry in std::fs::read_dir(directory).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let kind = entry.file_type().map_err(unreadable)?;
            let name = entry.file_name().into_string().map_err(|name| {
                self.refuse(format!("the name of `{}` is not UTF-8", name.to_string_lossy()))
            })?;
            let inside = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            if kind.is_dir() {
                // A template kept under version control is read as it would be when exported.
                if name != ".git" {
                    self.read(&entry.path(), &inside, depth + 1)?;
                }
            } else if kind.is_file() {
                self.take(&entry.path(), inside)?;
            } else {
                return Err(self.refuse(format!("`{inside}` is a symbolic link or a special file")));
            }
        }
        Ok(())
    }

    fn take(&mut self, path: &Path, inside: String) -> Result<(), ScaffoldError> {
        let unreadable = |source| ScaffoldError::Unreadable { path: path.to_owned(), source };
        self.bytes += std::fs::symlink_metadata(path).map_err(unreadable)?.len();
        if self.bytes > MAX_BYTES || self.files.len() >= MAX_FILES {
            return Err(self.refuse(format!("it has more than {MAX_FILES} files or {} MiB", MAX_BYTES >> 20)));
        }
        self.files.insert(inside, std::fs::read(path).map_err(unreadable)?);
        Ok(())
    }

    fn refuse(&self, message: String) -> ScaffoldError {
        ScaffoldError::NotATemplate { template: self.root.display().to_string(), message, help: None }
    }
}

/// Makes a template of files in memory.
///
/// # Errors
/// When they have no manifest, or break a rule of the format.
pub fn assemble(source: String, mut files: BTreeMap<String, Vec<u8>>) -> Result<Template, ScaffoldError> {
    let refuse = |message: &str, help: Option<String>| ScaffoldError::NotATemplate {
        template: source.clone(),
        message: message.to_owned(),
        help,
    };
    let tests: BTreeMap<String, Vec<u8>> = files
        .iter()
        .filter(|(path, _)| path.starts_with(TESTS))
        .map(|(path, bytes)| (path.clone(), bytes.clone()))
        .collect();
    files.retain(|path, _| !path.starts_with(TESTS));
    let hash = tree_hash(&files);
    let help = format!("a template is a directory with a `{MANIFEST}`");
    let manifest = files.remove(MANIFEST).ok_or_else(|| refuse("it has no manifest", Some(help)))?;
    let text = String::from_utf8(manifest).map_err(|_| refuse("its manifest is not UTF-8", None))?;
    let manifest = Manifest::read(&source, &text)?;
    Ok(Template { remembered_as: source.clone(), source, manifest, files, tests, hash })
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
        let error = open_directory(dir.path()).expect_err("no manifest");
        assert!(error.to_string().ends_with("it has no manifest"), "{error}");
    }

    #[test]
    #[cfg(unix)]
    fn symbolic_links_are_refused() {
        let dir = tempfile::tempdir().expect("temporary directory");
        std::fs::write(dir.path().join(MANIFEST), MANIFEST_TEXT).expect("written");
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("secret")).expect("linked");
        let error = open_directory(dir.path()).expect_err("refused");
        assert!(error.to_string().contains("`secret` is a symbolic link"), "{error}");
    }

    #[test]
    fn the_hash_depends_on_every_path_and_byte() {
        let tree = |path: &str, text: &str| BTreeMap::from([(path.to_owned(), text.as_bytes().to_vec())]);
        assert_eq!(tree_hash(&tree("a", "b")), tree_hash(&tree("a", "b")));
        assert_ne!(tree_hash(&tree("a", "b")), tree_hash(&tree("ab", "")));
        assert_ne!(tree_hash(&tree("a", "b")), tree_hash(&tree("a", "c")));
    }
}
