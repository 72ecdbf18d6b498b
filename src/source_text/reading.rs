//! Reads files into text within limits. It names what went wrong and knows no document kind.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// How much a document may ask of the reader; past a limit reading stops with a named problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Size of one file in bytes; never above 4 GiB, because places are 32 bits wide.
    pub bytes: u64,
    /// Nested sequences and mappings, aliases followed.
    pub depth: usize,
    /// Nodes written in one file, keys not counted.
    pub nodes: u64,
    /// Nodes that aliases and merge keys add to one file when expanded.
    pub alias_nodes: u64,
    /// Problems reported for one file; further ones are dropped.
    pub problems: usize,
    /// Files one run may read by following references.
    pub files: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 * 1024 * 1024,
            depth: 128,
            nodes: 2_000_000,
            alias_nodes: 1_000_000,
            problems: 1_000,
            files: 10_000,
        }
    }
}

/// Why a file gave no text.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It does not exist.
    #[error("there is no file `{0}`")]
    Missing(PathBuf),
    /// It is a directory.
    #[error("`{0}` is a directory")]
    Directory(PathBuf),
    /// The system refused to open or read it.
    #[error("cannot read `{path}`: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// It is larger than the limit; at most one byte more than the limit was read.
    #[error("`{path}` is larger than {limit} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// It is text in two or four bytes per character.
    #[error("`{0}` is UTF-16 or UTF-32, not UTF-8")]
    WideText(PathBuf),
    /// Its bytes are not UTF-8.
    #[error("`{path}` is not UTF-8: the byte at offset {offset} starts no character")]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Offset of the first bad byte, from 0.
        offset: usize,
    },
}

/// Reads a whole file as UTF-8.
///
/// # Errors
/// [`ReadError`], naming the file.
pub fn read_file(path: &Path, limits: &Limits) -> Result<String, ReadError> {
    let unreadable = |source| ReadError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => ReadError::Missing(path.to_owned()),
        _ => unreadable(source),
    })?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(ReadError::Directory(path.to_owned()));
    }
    if metadata.len() > limits.bytes {
        return Err(ReadError::TooLarge { path: path.to_owned(), limit: limits.bytes });
    }
    read_text(file, path, limits)
}

/// Reads UTF-8 text from anything, such as standard input; `name` stands for it in messages.
///
/// # Errors
/// [`ReadError`], naming the input.
pub fn read_text(input: impl Read, name: &Path, limits: &Limits) -> Result<String, ReadError> {
    let mut bytes = Vec::new();
    let limit = limits.bytes.min(u64::from(u32::MAX) - 1);
    input
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| ReadError::Unreadable { path: name.to_owned(), source })?;
    if bytes.len() as u64 > limit {
        return Err(ReadError::TooLarge { path: name.to_owned(), limit });
    }
    if is_wide(&bytes) {
        return Err(ReadError::WideText(name.to_owned()));
    }
    String::from_utf8(bytes).map_err(|error| ReadError::NotUtf8 {
        path: name.to_owned(),
        offset: error.utf8_error().valid_up_to(),
    })
}

/// Whether the first bytes are those of text with more than one byte per character: a mark, or a null beside a letter.
fn is_wide(bytes: &[u8]) -> bool {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 0, 0xfe, 0xff, ..] => true,
        [first, 0, ..] | [0, first, ..] => first.is_ascii_graphic(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn wide_text_is_known_by_its_first_bytes() {
        for bytes in [&b"\xff\xfea\0"[..], b"\xfe\xff\0a", b"a\0b\0", b"\0a\0b", b"\0\0\xfe\xff\0\0\0a"] {
            let error = read_text(bytes, Path::new("a.yaml"), &Limits::default()).unwrap_err();
            assert!(matches!(error, ReadError::WideText(_)), "{bytes:?}: {error}");
        }
        for bytes in [&b""[..], b"a", b"ab\0", b"\xef\xbb\xbfa"] {
            assert!(read_text(bytes, Path::new("a.yaml"), &Limits::default()).is_ok(), "{bytes:?}");
        }
    }

    use super::*;

    fn small() -> Limits {
        Limits { bytes: 8, ..Limits::default() }
    }

    #[test]
    fn bad_files_have_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        assert!(matches!(read_file(&path, &small()), Err(ReadError::Missing(_))));
        assert!(matches!(read_file(folder.path(), &small()), Err(ReadError::Directory(_))));
        std::fs::write(&path, b"ab\xffc").unwrap();
        assert!(matches!(read_file(&path, &small()), Err(ReadError::NotUtf8 { offset: 2, .. })));
        std::fs::write(&path, "123456789").unwrap();
        assert!(matches!(read_file(&path, &small()), Err(ReadError::TooLarge { limit: 8, .. })));
        std::fs::write(&path, "a: 1").unwrap();
        assert_eq!(read_file(&path, &small()).unwrap(), "a: 1");
    }

    #[test]
    fn a_huge_file_is_refused_by_its_size_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("huge.yaml");
        File::create(&path).unwrap().set_len(1 << 30).unwrap();
        assert!(matches!(read_file(&path, &Limits::default()), Err(ReadError::TooLarge { .. })));
    }

    #[test]
    fn an_endless_input_is_cut_at_the_limit() {
        let endless = std::io::repeat(b'[');
        assert!(matches!(
            read_text(endless, Path::new("-"), &small()),
            Err(ReadError::TooLarge { limit: 8, .. })
        ));
    }
}
