//! The walk: one value of a text held against one schema, in one pass where the schema is plain.

use std::borrow::Cow;

use super::Program;
use super::rules::{Arrays, Combined, Id, Kinds, Objects, Others, Schema};
use super::scan::{Amount, DEPTH, Scanner, Start, Undecided};

/// Values looked at for one payload; combined schemas may look at the same one many times.
const STEPS: u32 = 100_000;
/// Undeclared names of one object that are looked through for repeats.
const MOST_OTHERS: usize = 64;
/// Items of an array that are compared with each other.
const MOST_COMPARED: usize = 64;

/// Whether a value fits. The scanner is past the value when it does, and anywhere when not.
type Fits = Result<bool, Undecided>;

pub(super) struct Walk<'p, 't> {
    pub program: &'p Program,
    pub scanner: Scanner<'t>,
    pub steps: u32,
}

impl<'p, 't> Walk<'p, 't> {
    pub(super) fn new(program: &'p Program, text: &'t str) -> Self {
        Self { program, scanner: Scanner::new(text), steps: 0 }
    }

    /// Holds the value that begins here against a schema.
    pub(super) fn value(&mut self, id: Id, depth: usize) -> Fits {
        let program = self.program;
        let Some(schema) = program.schemas.get(id as usize) else {
            return Err(Undecided);
        };
        self.steps += 1;
        if depth > DEPTH || self.steps > STEPS {
            return Err(Undecided);
        }
        let Some(combined) = &schema.combined else {
            return self.plain(schema, depth);
        };
        let from = self.scanner.place();
        if !self.plain(schema, depth)? {
            return Ok(false);
        }
        let end = self.scanner.place();
        let fits = self.combined(combined, from, depth + 1)?;
        self.scanner.go_to(end);
        Ok(fits)
    }

    fn again(&mut self, id: Id, from: usize, depth: usize) -> Fits {
        self.scanner.go_to(from);
        self.value(id, depth)
    }

    fn combined(&mut self, combined: &Combined, from: usize, depth: usize) -> Fits {
        for id in &combined.all {
            if !self.again(*id, from, depth)? {
                return Ok(false);
            }
        }
        if let Some(choices) = &combined.any
            && self.fitting(choices, from, depth, 1)? == 0
        {
            return Ok(false);
        }
        if let Some(choices) = &combined.one
            && self.fitting(choices, from, depth, 2)? != 1
        {
            return Ok(false);
        }
        if let Some(id) = combined.not
            && self.again(id, from, depth)?
        {
            return Ok(false);
        }
        let Some(condition) = &combined.condition else {
            return Ok(true);
        };
        let branch =
            if self.again(condition.holds, from, depth)? { condition.then } else { condition.otherwise };
        branch.map_or(Ok(true), |id| self.again(id, from, depth))
    }

    /// How many of these schemas fit, as far as `enough`.
    fn fitting(
        &mut self,
        choices: &[Id],
        from: usize,
        depth: usize,
        enough: usize,
    ) -> Result<usize, Undecided> {
        let mut count = 0;
        for id in choices {
            count += usize::from(self.again(*id, from, depth)?);
            if count == enough {
                break;
            }
        }
        Ok(count)
    }

    /// What the schema itself says, without those combined with it.
    #[inline]
    fn plain(&mut self, schema: &Schema, depth: usize) -> Fits {
        match self.scanner.start()? {
            Start::String => self.string(schema),
            Start::Number => self.number(schema),
            Start::Object => self.object(schema, depth),
            Start::Array => self.array(schema, depth),
            Start::Null => {
                self.scanner.word("null")?;
                Ok(schema.kinds.has(Kinds::NULL)
                    && schema.allowed.as_ref().is_none_or(|allowed| allowed.null))
            }
            Start::True => self.truth("true", schema),
            Start::False => self.truth("false", schema),
        }
    }

    fn truth(&mut self, word: &str, schema: &Schema) -> Fits {
        self.scanner.word(word)?;
        let allowed = schema.allowed.as_ref();
        Ok(schema.kinds.has(Kinds::BOOLEAN)
            && allowed.is_none_or(|allowed| allowed.truths[usize::from(word == "true")]))
    }

    fn string(&mut self, schema: &Schema) -> Fits {
        let text = self.scanner.string()?;
        if !schema.kinds.has(Kinds::STRING) {
            return Ok(false);
        }
        if schema.strings.is_none() && schema.allowed.is_none() {
            return Ok(true);
        }
        let text = text.decoded()?;
        let among = |allowed: &super::rules::Allowed| allowed.texts.iter().any(|known| *known == text);
        Ok(schema.allowed.as_ref().is_none_or(among)
            && schema.strings.as_ref().is_none_or(|rules| rules.accept(&text)))
    }

    fn number(&mut self, schema: &Schema) -> Fits {
        let number = self.scanner.number()?;
        let kinds = schema.kinds;
        if !kinds.has(Kinds::INTEGER) {
            // Every number that is no `number` is refused, but a parser may refuse this one first.
            return number.amount().map(|_| false);
        }
        if schema.allowed.is_none() && schema.numbers.is_none() {
            let surely = number.is_small() || (kinds.has(Kinds::NUMBER) && number.is_ordinary());
            if surely {
                return Ok(true);
            }
        }
        let amount = number.amount()?;
        if !kinds.has(Kinds::NUMBER)
            && let Amount::Fraction(fraction) = amount
        {
            // Whether 1.0 is an integer depends on the draft.
            return if fraction.fract() == 0.0 { Err(Undecided) } else { Ok(false) };
        }
        if let Some(allowed) = &schema.allowed
            && !allowed.has_amount(amount)?
        {
            return Ok(false);
        }
        schema.numbers.as_ref().map_or(Ok(true), |rules| rules.accept(amount))
    }

    fn array(&mut self, schema: &Schema, depth: usize) -> Fits {
        if !schema.kinds.has(Kinds::ARRAY) {
            return Ok(false);
        }
        match &schema.allowed {
            Some(allowed) if allowed.compound => return Err(Undecided),
            Some(_) => return Ok(false),
            None => {}
        }
        let Some(rules) = &schema.arrays else {
            return self.scanner.skip(depth).map(|()| true);
        };
        let mut count = 0;
        let mut fitting = 0;
        let mut seen = Vec::new();
        let mut more = self.scanner.open(b']');
        while more {
            self.scanner.start()?;
            let from = self.scanner.place();
            if !self.item(rules, count, depth + 1)? {
                return Ok(false);
            }
            let end = self.scanner.place();
            if rules.unique {
                seen.push(self.scanner.written(from, end));
            }
            if let Some(id) = rules.contains {
                fitting += usize::from(self.again(id, from, depth + 1)?);
                self.scanner.go_to(end);
            }
            count += 1;
            more = self.scanner.has_more(b']')?;
        }
        let count = count as u64;
        Ok(count >= rules.least
            && rules.most.is_none_or(|most| count <= most)
            && (rules.contains.is_none() || fitting > 0)
            && all_differ(&seen)?)
    }

    fn item(&mut self, rules: &Arrays, index: usize, depth: usize) -> Fits {
        match rules.first.get(index).or(rules.items.as_ref()) {
            Some(id) => self.value(*id, depth),
            None => self.scanner.skip(depth).map(|()| true),
        }
    }

    fn object(&mut self, schema: &Schema, depth: usize) -> Fits {
        if !schema.kinds.has(Kinds::OBJECT) {
            return Ok(false);
        }
        match &schema.allowed {
            Some(allowed) if allowed.compound => return Err(Undecided),
            Some(_) => return Ok(false),
            None => {}
        }
        match &schema.objects {
            Some(rules) => self.members(rules, depth + 1),
            None => self.scanner.skip(depth).map(|()| true),
        }
    }

    fn members(&mut self, rules: &Objects, depth: usize) -> Fits {
        let mut present = super::names::Slots::default();
        let (mut count, mut guess) = (0_u64, 0);
        let mut others = Vec::new();
        let mut more = self.scanner.open(b'}');
        while more {
            let name = self.scanner.name()?.decoded()?;
            count += 1;
            let slot = rules.names.find(&name, guess);
            guess = slot.map_or(guess, |slot| slot + 1);
            if let Some(slot) = slot
                && !present.insert(slot)
            {
                // Which of two members of one name counts is for the parser to say.
                return Err(Undecided);
            }
            let declared = slot.and_then(|slot| rules.properties[slot]);
            let is_plain = declared.is_some() && rules.patterns.is_empty() && rules.property_names.is_none();
            let fits = match declared {
                Some(id) if is_plain => self.value(id, depth)?,
                _ if !rules.asks_of_others() => self.scanner.skip(depth).map(|()| true)?,
                _ => {
                    if slot.is_none() {
                        note(&mut others, name.clone())?;
                    }
                    self.member(rules, &name, declared, depth)?
                }
            };
            if !fits {
                return Ok(false);
            }
            more = self.scanner.has_more(b'}')?;
        }
        let depends = |(slot, needed): &(usize, super::names::Slots)| {
            !present.contains(*slot) || present.contain(needed)
        };
        Ok(present.contain(&rules.required)
            && count >= rules.least
            && rules.most.is_none_or(|most| count <= most)
            && rules.dependent.iter().all(depends))
    }

    /// A member that more than its own schema may speak about.
    fn member(&mut self, rules: &Objects, name: &str, declared: Option<Id>, depth: usize) -> Fits {
        if let Some(id) = rules.property_names {
            let quoted = serde_json::Value::from(name).to_string();
            let mut names = Walk { program: self.program, scanner: Scanner::new(&quoted), steps: self.steps };
            if !names.value(id, depth)? {
                return Ok(false);
            }
        }
        self.scanner.start()?;
        let from = self.scanner.place();
        self.scanner.skip(depth)?;
        let end = self.scanner.place();
        let mut is_known = declared.is_some();
        if let Some(id) = declared
            && !self.again(id, from, depth)?
        {
            return Ok(false);
        }
        for (pattern, id) in &rules.patterns {
            if pattern.accepts(name) {
                is_known = true;
                if !self.again(*id, from, depth)? {
                    return Ok(false);
                }
            }
        }
        let fits = match rules.others {
            Others::Schema(id) if !is_known => self.again(id, from, depth)?,
            Others::None => is_known,
            Others::Any | Others::Schema(_) => true,
        };
        self.scanner.go_to(end);
        Ok(fits)
    }
}

/// Remembers a name; a repeated one is for the parser, many are for the validator.
fn note<'t>(names: &mut Vec<Cow<'t, str>>, name: Cow<'t, str>) -> Result<(), Undecided> {
    if names.len() == MOST_OTHERS || names.contains(&name) {
        return Err(Undecided);
    }
    names.push(name);
    Ok(())
}

/// Whether no two items are equal: told for plain strings and plain whole numbers.
fn all_differ(items: &[&str]) -> Fits {
    if items.len() < 2 {
        return Ok(true);
    }
    let is_text = |item: &&str| item.starts_with('"') && !item.contains('\\');
    let is_whole = |item: &&str| {
        item.len() <= 18 && *item != "-0" && item.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit())
    };
    if items.len() > MOST_COMPARED || !items.iter().all(|item| is_text(item) || is_whole(item)) {
        return Err(Undecided);
    }
    Ok(items.iter().enumerate().all(|(at, item)| !items[..at].contains(item)))
}
