//! Where the values of a JSON list, or of values written one after another, begin and end, in a text that comes in parts.

use std::ops::Range;

/// How values follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Between commas, inside brackets.
    List,
    /// One after another, over as many lines as they like.
    Sequence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the opening bracket of a list.
    Outside,
    /// Between values.
    Between,
    /// In a value that began here.
    Inside(usize),
    /// After the closing bracket of a list.
    After,
}

/// Goes through a text and marks its values. It matches brackets and strings, nothing else.
#[derive(Clone, Debug)]
pub(super) struct Splitter {
    form: Form,
    state: State,
    depth: usize,
    in_string: bool,
    /// Whether a comma has been passed since the last value.
    after_comma: bool,
    /// The next byte to look at.
    at: usize,
    /// The first byte that is not white space after the end of a list.
    pub stray: Option<usize>,
}

impl Splitter {
    pub(super) fn new(form: Form) -> Self {
        let state = if form == Form::List { State::Outside } else { State::Between };
        Self { form, state, depth: 0, in_string: false, after_comma: false, at: 0, stray: None }
    }

    /// Looks at what has come since; values that ended are added.
    pub(super) fn advance(&mut self, text: &[u8], values: &mut Vec<Range<usize>>) {
        while let Some(byte) = text.get(self.at).copied() {
            if self.in_string {
                if !self.string(text) {
                    return;
                }
                continue;
            }
            match self.state {
                State::Outside => {
                    if byte == b'[' {
                        self.state = State::Between;
                    }
                }
                State::Between => self.between(byte, values),
                State::Inside(from) => self.inside(byte, from, values),
                State::After => {
                    if !byte.is_ascii_whitespace() && self.stray.is_none() {
                        self.stray = Some(self.at);
                    }
                }
            }
            self.at += 1;
        }
    }

    /// Moves to the end of a string, or of what has come of it; whether there may be more to look at.
    fn string(&mut self, text: &[u8]) -> bool {
        match memchr::memchr2(b'"', b'\\', &text[self.at..]) {
            None => self.at = text.len(),
            Some(length) if text[self.at + length] == b'"' => {
                self.in_string = false;
                self.at += length + 1;
            }
            // The byte after a backslash is passed with it; when it has not come yet, both are looked at later.
            Some(length) if self.at + length + 1 < text.len() => self.at += length + 2,
            Some(length) => {
                self.at += length;
                return false;
            }
        }
        true
    }

    fn between(&mut self, byte: u8, values: &mut Vec<Range<usize>>) {
        match (byte, self.form) {
            _ if byte.is_ascii_whitespace() => {}
            (b']', Form::List) => {
                if self.after_comma {
                    values.push(self.at..self.at);
                }
                self.state = State::After;
            }
            (b',', Form::List) => {
                // A comma without a value before it: an empty value, which no parser takes.
                values.push(self.at..self.at);
                self.after_comma = true;
            }
            _ => {
                self.state = State::Inside(self.at);
                self.open(byte);
            }
        }
    }

    fn open(&mut self, byte: u8) {
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            _ => {}
        }
    }

    fn inside(&mut self, byte: u8, from: usize, values: &mut Vec<Range<usize>>) {
        match byte {
            b',' | b']' if self.depth == 0 && self.form == Form::List => {
                values.push(from..self.at);
                self.after_comma = byte == b',';
                self.state = if byte == b',' { State::Between } else { State::After };
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 && self.form == Form::Sequence {
                    values.push(from..self.at + 1);
                    self.state = State::Between;
                }
            }
            _ if self.depth == 0 && self.form == Form::Sequence && byte.is_ascii_whitespace() => {
                values.push(from..self.at);
                self.state = State::Between;
            }
            _ => self.open(byte),
        }
    }

    /// The value the text so far ends in, if it ends in one.
    pub(super) fn unfinished(&self) -> Option<usize> {
        match self.state {
            State::Inside(from) => Some(from),
            _ => None,
        }
    }

    /// Whether the text so far ends in a value that lacks nothing.
    pub(super) fn is_balanced(&self) -> bool {
        self.depth == 0 && !self.in_string
    }

    /// The byte up to which the text has been looked at.
    pub(super) fn place(&self) -> usize {
        self.at
    }

    /// Whether the text may end here.
    pub(super) fn may_end(&self) -> bool {
        self.form == Form::Sequence || self.state == State::After
    }

    /// The text before this place has been given away.
    pub(super) fn forget(&mut self, before: usize) {
        self.at -= before;
        if let State::Inside(from) = &mut self.state {
            *from -= before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(form: Form, text: &str, step: usize) -> (Vec<String>, Splitter) {
        let mut splitter = Splitter::new(form);
        let mut values = Vec::new();
        for end in (step..text.len() + step).step_by(step) {
            splitter.advance(&text.as_bytes()[..end.min(text.len())], &mut values);
        }
        let texts = values.into_iter().map(|range| text[range].trim().to_owned()).collect();
        (texts, splitter)
    }

    #[test]
    fn values_end_where_they_end_however_the_text_comes() {
        let list = " [ {\"a\": \"],\\\"\\\\\"} , [1,[2]],3 ,\"x,]\" ] ";
        let sequence = "{\n \"a\": [1,\n2]}\n{\"b\":\"}\\\"\"} 7 8\n";
        for step in 1..12 {
            let (values, splitter) = split(Form::List, list, step);
            assert_eq!(values, ["{\"a\": \"],\\\"\\\\\"}", "[1,[2]]", "3", "\"x,]\""], "{step}");
            assert!(splitter.may_end() && splitter.stray.is_none());
            let (values, splitter) = split(Form::Sequence, sequence, step);
            assert_eq!(values, ["{\n \"a\": [1,\n2]}", "{\"b\":\"}\\\"\"}", "7", "8"], "{step}");
            assert!(splitter.may_end());
        }
    }

    #[test]
    fn what_is_amiss_between_values_is_seen() {
        assert_eq!(split(Form::List, "[1,,2,]", 1).0, ["1", "", "2", ""]);
        assert_eq!(split(Form::List, "[]", 1).0, [""; 0]);
        let (values, splitter) = split(Form::List, "[1,{\"a\":", 3);
        assert_eq!((values.len(), splitter.may_end(), splitter.unfinished()), (1, false, Some(3)));
        assert_eq!(split(Form::List, "[1] x", 2).1.stray, Some(4));
    }
}
