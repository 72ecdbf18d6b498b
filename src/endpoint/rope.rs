//! Bytes that go out together, of which large pieces are written from where they lie.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// From here on a piece costs less as one of its own than as a copy.
const SHARED_FROM: usize = 4 * 1024;

/// Bytes in order. They are added to its end and, as a [`Buf`], written from its front.
#[derive(Debug, Default)]
pub(super) struct Rope {
    pieces: VecDeque<Bytes>,
    /// What was added since the last piece.
    end: Vec<u8>,
}

impl Rope {
    /// Where bytes are added that are not shared.
    pub(super) fn copies(&mut self) -> &mut Vec<u8> {
        &mut self.end
    }

    /// Adds these bytes, which stay where they are when they are many.
    pub(super) fn put_shared(&mut self, bytes: &Bytes) {
        if bytes.len() < SHARED_FROM {
            return self.end.extend_from_slice(bytes);
        }
        self.finish();
        self.pieces.push_back(bytes.clone());
    }

    /// Makes a piece of what was added since the last one; what comes will be added behind it.
    fn finish(&mut self) {
        if !self.end.is_empty() {
            if self.end.len() < SHARED_FROM {
                // The room goes on to be used.
                self.pieces.push_back(Bytes::copy_from_slice(&self.end));
                self.end.clear();
            } else {
                self.pieces.push_back(std::mem::take(&mut self.end).into());
            }
        }
    }
}

#[cfg(feature = "nats")]
impl Rope {
    /// An empty one with room for so many bytes that are copied.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { pieces: VecDeque::new(), end: Vec::with_capacity(bytes) }
    }

    /// Bytes that it copies when a piece of this length is added.
    pub(super) fn copied(length: usize) -> usize {
        if length < SHARED_FROM { length } else { 0 }
    }
}

#[cfg(feature = "nats")]
impl From<Vec<u8>> for Rope {
    fn from(bytes: Vec<u8>) -> Self {
        Self { pieces: VecDeque::new(), end: bytes }
    }
}

impl Buf for Rope {
    fn remaining(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum::<usize>() + self.end.len()
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map_or(&self.end, |piece| piece)
    }

    fn chunks_vectored<'a>(&'a self, out: &mut [IoSlice<'a>]) -> usize {
        let pieces = self.pieces.iter().map(|piece| &piece[..]);
        let all = pieces.chain(std::iter::once(&self.end[..])).filter(|piece| !piece.is_empty());
        let filled = out.iter_mut().zip(all).map(|(place, piece)| *place = IoSlice::new(piece));
        filled.count()
    }

    fn advance(&mut self, mut count: usize) {
        while count > 0 {
            self.pieces.is_empty().then(|| self.finish());
            let Some(first) = self.pieces.front_mut() else {
                debug_assert_eq!(count, 0, "advanced by more bytes than there are");
                return;
            };
            let step = count.min(first.len());
            first.advance(step);
            count -= step;
            if first.is_empty() {
                self.pieces.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;

    use bytes::{Buf, Bytes};
    use proptest::prelude::*;

    use super::{Rope, SHARED_FROM};

    #[test]
    fn large_pieces_stay_where_they_are() {
        let large = Bytes::from(vec![b'x'; SHARED_FROM]);
        let mut rope = Rope::default();
        rope.put_shared(&Bytes::from_static(b"small"));
        rope.put_shared(&large);
        rope.copies().extend_from_slice(b"end");
        let mut slices = [IoSlice::new(&[]); 8];
        let count = rope.chunks_vectored(&mut slices);
        let pieces: Vec<&[u8]> = slices[..count].iter().map(|slice| &**slice).collect();
        assert_eq!(pieces, [b"small", &large[..], b"end"]);
        assert_eq!(pieces[1].as_ptr(), large.as_ptr());
    }

    proptest! {
        #[test]
        fn everything_comes_out_in_order(
            pieces in prop::collection::vec((0..3 * SHARED_FROM, any::<bool>()), 0..9),
            steps in prop::collection::vec(1..2 * SHARED_FROM, 1..9),
        ) {
            let (mut rope, mut expected) = (Rope::default(), Vec::new());
            for (at, (length, shared)) in pieces.into_iter().enumerate() {
                let bytes = Bytes::from(vec![u8::try_from(at).unwrap_or_default(); length]);
                expected.extend_from_slice(&bytes);
                if shared { rope.put_shared(&bytes) } else { rope.copies().extend_from_slice(&bytes) }
            }
            let mut written = Vec::new();
            for step in steps.into_iter().cycle() {
                prop_assert_eq!(rope.remaining(), expected.len() - written.len());
                let chunk = rope.chunk();
                prop_assert_eq!(chunk.is_empty(), !rope.has_remaining());
                if chunk.is_empty() {
                    break;
                }
                let mut slices = [IoSlice::new(&[]); 4];
                let count = rope.chunks_vectored(&mut slices);
                let ahead: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
                let step = step.min(ahead.len());
                written.extend_from_slice(&ahead[..step]);
                rope.advance(step);
            }
            prop_assert_eq!(written, expected);
        }
    }
}
