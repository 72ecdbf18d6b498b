//! A template in a tar archive, plain or gzip, in a file or at an address, that is known by its SHA-256 and read without
//! being unpacked.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::{Collected, MAX_BYTES, download, refused, sha256};
use crate::scaffold::error::ScaffoldError;
use crate::scaffold::manifest::MANIFEST;

/// Stands between the path and the hash.
const HASH: &str = "#sha256=";
/// Most entries that are looked at, directories among them.
const MAX_ENTRIES: usize = 20_000;

/// An archive and its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ArchiveSource {
    pub place: Place,
    /// SHA-256 of the archive, in small hexadecimal digits.
    pub sha256: String,
}

/// Where an archive is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    File(PathBuf),
    /// An `https://` address.
    Address(String),
}

impl ArchiveSource {
    /// As it is written, a file as it is seen from here.
    pub(super) fn name(&self) -> String {
        self.name_with(|path| path.display().to_string())
    }

    /// As it is written, a file as `seen`.
    pub(super) fn name_with(&self, seen: impl Fn(&Path) -> String) -> String {
        let place = match &self.place {
            Place::File(path) => seen(path),
            Place::Address(address) => address.clone(),
        };
        format!("{place}{HASH}{}", self.sha256)
    }

    /// A file as seen from a directory.
    pub(super) fn below(self, root: &Path) -> Self {
        match self.place {
            Place::File(path) => Self { place: Place::File(root.join(path)), ..self },
            Place::Address(_) => self,
        }
    }

    /// Whether it is of this machine.
    pub(super) fn is_local(&self) -> bool {
        matches!(self.place, Place::File(_))
    }
}

/// An archive, when a name ends like one, or is an address.
pub(super) fn parse(name: &str) -> Result<Option<ArchiveSource>, ScaffoldError> {
    let (path, hash) = name.split_once('#').map_or((name, ""), |(path, _)| (path, &name[path.len()..]));
    let is_address = path.starts_with("https://");
    let lower = path.to_ascii_lowercase();
    if !is_address && ![".tar", ".tar.gz", ".tgz"].iter().any(|end| lower.ends_with(end)) {
        return Ok(None);
    }
    if let Some(fault) = is_address.then(|| download::fault(path)).flatten() {
        return Err(refused(name, fault.to_owned()));
    }
    let hash = hash.strip_prefix(HASH).unwrap_or_default().to_ascii_lowercase();
    if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let message = format!(
            "an archive is named with its hash, `{path}{HASH}` and 64 digits (`sha256sum` prints it)"
        );
        return Err(refused(name, message));
    }
    let place = if is_address { Place::Address(path.to_owned()) } else { Place::File(path.into()) };
    Ok(Some(ArchiveSource { place, sha256: hash }))
}

/// Every file of an archive; when all lie in one directory, as seen from there.
pub(super) fn read(source: &ArchiveSource) -> Result<BTreeMap<String, Vec<u8>>, ScaffoldError> {
    let (name, bytes) = match &source.place {
        Place::File(path) => {
            let name = path.display().to_string();
            let bytes = whole(path, &name)?;
            (name, bytes)
        }
        Place::Address(address) => {
            let bytes = download::fetch(address, MAX_BYTES).map_err(|reason| refused(address, reason))?;
            (address.clone(), bytes)
        }
    };
    let found = sha256(&bytes);
    if found != source.sha256 {
        return Err(refused(&name, format!("its SHA-256 is {found}, not {}", source.sha256)));
    }
    let mut collected = Collected::new(name);
    // What is compressed may be a thousand times as long; twice the limit leaves room for headers.
    let limit = MAX_BYTES * 2;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        entries(MultiGzDecoder::new(bytes.as_slice()).take(limit), &mut collected)?;
    } else {
        entries(bytes.as_slice(), &mut collected)?;
    }
    Ok(from_the_one_directory(collected.files))
}

fn whole(path: &Path, name: &str) -> Result<Vec<u8>, ScaffoldError> {
    let unreadable = |source| ScaffoldError::Unreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(unreadable)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(refused(name, format!("it has more than {} MiB", MAX_BYTES >> 20)));
    }
    Ok(bytes)
}

fn entries(bytes: impl Read, collected: &mut Collected) -> Result<(), ScaffoldError> {
    let mut archive = tar::Archive::new(bytes);
    let broken = |collected: &Collected, error: std::io::Error| {
        collected.refuse(format!("it is no tar archive, or too large: {error}"))
    };
    let entries = archive.entries().map_err(|error| broken(collected, error))?;
    for (count, entry) in entries.enumerate() {
        let mut entry = entry.map_err(|error| broken(collected, error))?;
        if count >= MAX_ENTRIES {
            return Err(collected.refuse(format!("it has more than {MAX_ENTRIES} entries")));
        }
        let path = String::from_utf8(entry.path_bytes().into_owned())
            .map_err(|_| collected.refuse("a name in it is not UTF-8".to_owned()))?;
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() {
            continue;
        }
        if !kind.is_file() || entry.header().entry_type() == tar::EntryType::GNUSparse {
            let path = path.escape_debug();
            return Err(collected.refuse(format!("`{path}` is a symbolic link or a special file")));
        }
        collected.expect(entry.size())?;
        let mut content = Vec::new();
        let size = entry.size();
        entry.read_to_end(&mut content).map_err(|error| broken(collected, error))?;
        if content.len() as u64 != size {
            return Err(collected.refuse(format!("`{}` is cut off", path.escape_debug())));
        }
        let path = path.strip_prefix("./").unwrap_or(&path);
        collected.put(path, content)?;
    }
    Ok(())
}

fn from_the_one_directory(files: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    let first = files.keys().next().and_then(|path| path.split_once('/')).map(|(top, _)| format!("{top}/"));
    match first {
        Some(top) if !files.contains_key(MANIFEST) && files.keys().all(|path| path.starts_with(&top)) => {
            files.into_iter().map(|(path, bytes)| (path[top.len()..].to_owned(), bytes)).collect()
        }
        _ => files,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST_TEXT: &str = "format: 1\nname: x\nversion: 1.0.0\ndescription: X\n";

    /// An archive of one header with a name as it is, which builders of archives would refuse.
    fn raw(name: &str, kind: tar::EntryType, bytes: &[u8]) -> Vec<u8> {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_cksum();
        let mut text = header.as_bytes().to_vec();
        text.extend_from_slice(bytes);
        text.resize(text.len().next_multiple_of(512), 0);
        text
    }

    fn read_bytes(bytes: &[u8], name: &str) -> Result<BTreeMap<String, Vec<u8>>, ScaffoldError> {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join(name);
        fs::write(&path, bytes).expect("written");
        read(&ArchiveSource { place: Place::File(path), sha256: sha256(bytes) })
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).expect("written");
        encoder.finish().expect("finished")
    }

    #[test]
    fn files_are_read_from_the_one_directory_they_are_in() {
        let mut bytes = raw("x-1.0/", tar::EntryType::Directory, b"");
        bytes.extend(raw("x-1.0/template.yaml", tar::EntryType::Regular, MANIFEST_TEXT.as_bytes()));
        bytes.extend(raw("x-1.0/src/a", tar::EntryType::Regular, b"a"));
        bytes.extend([0; 1024]);
        for (bytes, name) in [(bytes.clone(), "x.tar"), (gzip(&bytes), "x.tar.gz")] {
            let files = read_bytes(&bytes, name).expect("reads");
            assert_eq!(files.keys().collect::<Vec<_>>(), ["src/a", "template.yaml"]);
        }
    }

    #[test]
    fn another_hash_and_none_are_refused() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("x.tar");
        fs::write(&path, raw("a", tar::EntryType::Regular, b"a")).expect("written");
        let error =
            read(&ArchiveSource { place: Place::File(path), sha256: "0".repeat(64) }).expect_err("refused");
        assert!(error.to_string().contains("its SHA-256 is"), "{error}");
        for name in ["x.tar.gz", "x.tgz#sha256=00", "x.tar#sha1=00"] {
            assert!(parse(name).expect_err(name).to_string().contains("with its hash"), "{name}");
        }
        assert_eq!(parse("./x").expect("no archive"), None);
    }

    #[test]
    fn addresses_are_taken_with_their_hash_and_without_secrets() {
        let pin = format!("{HASH}{}", "a".repeat(64));
        for address in ["https://example.com/x.tar.gz", "https://example.com:8443/x/tar.gz/v1?path=a"] {
            let source = parse(&format!("{address}{pin}")).expect(address).expect("an archive");
            assert_eq!(source.place, Place::Address(address.to_owned()));
            assert_eq!(source.name(), format!("{address}{pin}"));
            assert_eq!(source.clone().below(Path::new("/project")), source);
            let error = parse(address).expect_err("without its hash");
            assert!(error.to_string().contains("with its hash"), "{error}");
        }
        for address in ["https://me:hidden@example.com/x.tar", "https://hidden@example.com/x.tar", "https://"]
        {
            let error = parse(&format!("{address}{pin}")).expect_err(address).to_string();
            assert!(!error.contains("hidden"), "{error}");
        }
    }

    #[test]
    fn paths_out_of_the_archive_are_refused() {
        for name in ["../a", "/etc/a", "a/../../b", "C:\\a", "a\\..\\b", "\\\\host\\share", "aux"] {
            let bytes = raw(name, tar::EntryType::Regular, b"a");
            assert!(read_bytes(&bytes, "x.tar").is_err(), "{name}");
        }
    }

    #[test]
    fn links_and_devices_are_refused() {
        use tar::EntryType;
        for kind in [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Block, EntryType::Fifo]
        {
            let error = read_bytes(&raw("a", kind, b""), "x.tar").expect_err("refused");
            assert!(error.to_string().contains("symbolic link or a special file"), "{error}");
        }
    }

    #[test]
    fn a_bomb_is_given_up_at_the_limit() {
        let zeros = vec![0; usize::try_from(MAX_BYTES).expect("fits") + 1];
        let bytes = gzip(&raw("a", tar::EntryType::Regular, &zeros));
        assert!(bytes.len() < 1 << 20, "a bomb is small");
        let error = read_bytes(&bytes, "x.tar.gz").expect_err("refused");
        assert!(error.to_string().contains("MiB"), "{error}");
    }

    #[test]
    fn a_file_that_is_there_twice_is_refused() {
        let mut bytes = raw("a", tar::EntryType::Regular, b"1");
        bytes.extend(raw("a", tar::EntryType::Regular, b"2"));
        assert!(read_bytes(&bytes, "x.tar").expect_err("refused").to_string().contains("twice"));
    }
}
