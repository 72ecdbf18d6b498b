//! JSON text taken apart as it stands, without reading it into values: its tokens, and where each value begins and ends.

use std::ops::Range;

/// A string, a sign, or a bare word or number.
#[derive(Clone, Debug)]
pub(super) struct Token {
    /// Its bytes in the text.
    pub range: Range<usize>,
    /// Its first character.
    pub first: char,
    /// Whether it is the name of a member.
    pub is_key: bool,
}

/// The tokens of a text that is JSON, in order.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = Token> {
    let mut at = skipped(text, 0);
    std::iter::from_fn(move || {
        let first = text[at..].chars().next()?;
        let end = at + length(&text[at..]);
        let next = skipped(text, end);
        let token = Token { range: at..end, first, is_key: text[next..].starts_with(':') };
        at = next;
        Some(token)
    })
}

fn skipped(text: &str, at: usize) -> usize {
    text.len() - text[at..].trim_start().len()
}

/// Bytes of the token at the beginning.
fn length(text: &str) -> usize {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&b'"') {
        let is_end = |byte: &u8| b",:{}[]\" \t\r\n".contains(byte);
        return bytes.iter().position(is_end).unwrap_or(bytes.len()).max(1);
    }
    let mut escaped = false;
    for (index, byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    bytes.len()
}

/// An object or array that is not closed yet.
struct Open {
    begin: usize,
    /// Bytes of its own JSON Pointer.
    pointer: usize,
    /// Of an array the index of the item.
    item: Option<usize>,
}

/// Tells the JSON Pointer of each value of a text that is JSON, and its bytes there.
pub(super) fn each_value(text: &str, mut tell: impl FnMut(&str, Range<usize>)) {
    let mut pointer = String::new();
    let mut open: Vec<Open> = Vec::new();
    for Token { range, first, is_key } in tokens(text) {
        match first {
            '{' | '[' => {
                let item = (first == '[').then_some(0);
                open.push(Open { begin: range.start, pointer: pointer.len(), item });
                if item.is_some() {
                    pointer.push_str("/0");
                }
            }
            '}' | ']' => {
                if let Some(closed) = open.pop() {
                    pointer.truncate(closed.pointer);
                    tell(&pointer, closed.begin..range.end);
                }
            }
            ',' => {
                if let Some(Open { pointer: own, item: Some(item), .. }) = open.last_mut() {
                    *item += 1;
                    pointer.truncate(*own);
                    pointer.extend(["/", &item.to_string()]);
                }
            }
            ':' => {}
            _ if is_key => {
                let name: String = serde_json::from_str(&text[range]).unwrap_or_default();
                pointer.truncate(open.last().map_or(0, |object| object.pointer));
                pointer.push('/');
                pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
            }
            _ => tell(&pointer, range),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::each_value;

    #[test]
    fn every_value_has_its_pointer() {
        let text = r#" {"a":[1, {"b":"x,]"}, []],"c~/d":{},"e":true} "#;
        let mut found = Vec::new();
        each_value(text, |pointer, range| found.push((pointer.to_owned(), text[range].to_owned())));
        let read: serde_json::Value = serde_json::from_str(text).expect("JSON");
        for (pointer, part) in &found {
            let part: serde_json::Value = serde_json::from_str(part).expect("JSON");
            assert_eq!(read.pointer(pointer), Some(&part), "{pointer}");
        }
        let pointers: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(pointers, ["/a/0", "/a/1/b", "/a/1", "/a/2", "/a", "/c~0~1d", "/e", ""]);
    }
}
