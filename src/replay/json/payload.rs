//! The JSON of a payload: plain, compressed, or behind the frame of a schema registry.

use bytes::Bytes;

use super::rewrite::{MalformedJson, Visitor, rewrite};
use crate::event::{Event, coding};
use crate::registry::frame;

/// What a payload holds once its wrappings are taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwrapped {
    /// Bytes that stand in front of the JSON.
    frame: Bytes,
    /// What is to be JSON.
    pub text: Bytes,
    compressed: bool,
}

/// Takes compression and frame away; `Err` says what cannot be unpacked. None when there is no payload.
///
/// # Errors
/// When the payload is compressed and cannot be unpacked.
pub fn unwrapped(event: &Event) -> Result<Option<Unwrapped>, String> {
    let Some(payload) = &event.payload else {
        return Ok(None);
    };
    let decoded = coding::decoded(event);
    let compressed = decoded.is_some();
    let content = match decoded {
        Some(decoded) => decoded.content.map_err(|reason| {
            format!("its payload cannot be unpacked ({}): {reason}", decoded.coding.name())
        })?,
        None => payload.clone(),
    };
    let length = frame::split(&content).map_or(0, |(_, length)| length);
    Ok(Some(Unwrapped { frame: content.slice(..length), text: content.slice(length..), compressed }))
}

impl Unwrapped {
    /// Puts another text in place of the one that is there. What was compressed goes on without compression.
    pub fn replace(self, event: &mut Event, text: &[u8]) {
        let mut payload = self.frame.to_vec();
        payload.extend_from_slice(text);
        event.payload = Some(payload.into());
        if self.compressed {
            event.headers.retain(|header| !header.name.eq_ignore_ascii_case("content-encoding"));
            event.attributes.remove("content_encoding");
        }
    }
}

/// Goes through the JSON of a payload; true when there was some.
///
/// # Errors
/// When the payload is JSON that cannot be gone through.
pub fn rewrite_payload<V: Visitor>(
    event: &mut Event,
    visitor: &mut V,
    root: &V::Place,
) -> Result<bool, MalformedJson> {
    let Ok(Some(unwrapped)) = unwrapped(event) else {
        return Ok(false);
    };
    if let Some(text) = rewrite(&unwrapped.text, visitor, root)? {
        unwrapped.replace(event, text.as_bytes());
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::unwrapped;
    use crate::event::{Event, Header};

    #[test]
    fn wrappings_are_taken_away_and_a_new_text_goes_without_compression() {
        let packed = zstd::encode_all(&b"\0\0\0\0\x07{\"a\":1}"[..], 1).expect("packed");
        let mut event = Event {
            headers: vec![Header::text("Content-Encoding", "zstd"), Header::text("a", "b")],
            ..Event::new("a", packed)
        };
        let found = unwrapped(&event).expect("readable").expect("a payload");
        assert_eq!(found.text, "{\"a\":1}");
        found.replace(&mut event, b"{}");
        assert_eq!(event.payload.as_deref(), Some(&b"\0\0\0\0\x07{}"[..]));
        assert_eq!(event.headers, [Header::text("a", "b")]);
        assert_eq!(unwrapped(&Event { payload: None, ..event }), Ok(None));
    }
}
