//! The bytes of a Parquet file or object in blocks, of which the latest are held: its columns lie far from each other and are read
//! side by side in small pieces.

use std::collections::VecDeque;
use std::io::{self, Read, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use crate::archive::storage::{self, Opened, Seekable};

/// Bytes of a block.
const BLOCK: u64 = 256 * 1024;
/// Blocks that are held: more than two for each column.
const HELD: usize = 32;

/// A file or object of a known length. Clones share what is held.
#[derive(Clone)]
pub(super) struct Blocks {
    length: u64,
    held: Arc<Mutex<Held>>,
}

struct Held {
    input: Box<dyn Seekable>,
    /// Number and content, the one used last at the end.
    blocks: VecDeque<(u64, Bytes)>,
}

impl Blocks {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let Opened { input, length } = storage::open(path)?;
        let length = length.ok_or_else(|| io::Error::other("Parquet is read from its end"))?;
        Ok(Self { length, held: Arc::new(Mutex::new(Held { input, blocks: VecDeque::new() })) })
    }

    /// What there is from a place on to the end of its block; nothing at the end of the file.
    fn piece(&self, at: u64) -> io::Result<Bytes> {
        if at >= self.length {
            return Ok(Bytes::new());
        }
        let number = at / BLOCK;
        let block = self.held.lock().unwrap_or_else(PoisonError::into_inner).block(number, self.length)?;
        let begin = usize::try_from(at - number * BLOCK).unwrap_or(usize::MAX);
        if begin >= block.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(block.slice(begin..))
    }
}

impl Held {
    fn block(&mut self, number: u64, length: u64) -> io::Result<Bytes> {
        let found = self.blocks.iter().position(|(held, _)| *held == number);
        let block = match found.and_then(|place| self.blocks.remove(place)) {
            Some((_, block)) => block,
            None => self.read(number * BLOCK, length)?,
        };
        self.blocks.push_back((number, block.clone()));
        if self.blocks.len() > HELD {
            self.blocks.pop_front();
        }
        Ok(block)
    }

    fn read(&mut self, from: u64, length: u64) -> io::Result<Bytes> {
        self.input.seek(SeekFrom::Start(from))?;
        let mut block = Vec::new();
        let wanted = BLOCK.min(length - from);
        self.input.as_mut().take(wanted).read_to_end(&mut block)?;
        Ok(block.into())
    }
}

impl Length for Blocks {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Blocks {
    type T = Piece;

    fn get_read(&self, start: u64) -> Result<Piece, ParquetError> {
        Ok(Piece { blocks: self.clone(), at: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let first = self.piece(start)?;
        if first.len() >= length {
            return Ok(first.slice(..length));
        }
        if start.saturating_add(length as u64) > self.length {
            return Err(ParquetError::EOF(format!("{length} bytes at byte {start} reach behind the end")));
        }
        let mut bytes = BytesMut::with_capacity(length);
        bytes.extend_from_slice(&first);
        while bytes.len() < length {
            let more = self.piece(start + bytes.len() as u64)?;
            let count = more.len().min(length - bytes.len());
            bytes.extend_from_slice(&more[..count]);
        }
        Ok(bytes.freeze())
    }
}

/// Reads on from a place.
pub(super) struct Piece {
    blocks: Blocks,
    at: u64,
}

impl Read for Piece {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let piece = self.blocks.piece(self.at)?;
        let count = piece.len().min(room.len());
        room[..count].copy_from_slice(&piece[..count]);
        self.at += count as u64;
        Ok(count)
    }
}
