//! What one schema asks of a value, in the form the walk reads.

use serde_json::Value;

use super::leaf::{Leaf, TextRule};
use super::names::{Names, Slots};
use super::scan::{Amount, Undecided};

/// The number of a schema in its program.
pub(super) type Id = u32;

/// The kinds of values a `type` allows, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kinds(pub u8);

impl Kinds {
    pub(super) const NULL: u8 = 1;
    pub(super) const BOOLEAN: u8 = 2;
    pub(super) const STRING: u8 = 4;
    pub(super) const ARRAY: u8 = 8;
    pub(super) const OBJECT: u8 = 16;
    pub(super) const INTEGER: u8 = 32;
    pub(super) const NUMBER: u8 = 64;
    pub(super) const ANY: Self = Self(0x7f);

    #[inline]
    pub(super) fn has(self, kind: u8) -> bool {
        self.0 & kind != 0
    }

    /// The bit of a word of `type`.
    pub(super) fn bit(word: &str) -> Option<u8> {
        Some(match word {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "string" => Self::STRING,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            "integer" => Self::INTEGER,
            "number" => Self::NUMBER | Self::INTEGER,
            _ => return None,
        })
    }
}

/// One schema.
#[derive(Debug)]
pub(super) struct Schema {
    pub kinds: Kinds,
    pub allowed: Option<Allowed>,
    pub strings: Option<Strings>,
    pub numbers: Option<Numbers>,
    pub arrays: Option<Arrays>,
    pub objects: Option<Objects>,
    /// Schemas over the same value, `None` for most.
    pub combined: Option<Box<Combined>>,
}

impl Default for Schema {
    fn default() -> Self {
        Self {
            kinds: Kinds::ANY,
            allowed: None,
            strings: None,
            numbers: None,
            arrays: None,
            objects: None,
            combined: None,
        }
    }
}

/// What other schemas say about the same value.
#[derive(Debug, Default)]
pub(super) struct Combined {
    pub all: Vec<Id>,
    pub any: Option<Vec<Id>>,
    pub one: Option<Vec<Id>>,
    pub not: Option<Id>,
    pub condition: Option<Condition>,
}

#[derive(Debug)]
pub(super) struct Condition {
    pub holds: Id,
    pub then: Option<Id>,
    pub otherwise: Option<Id>,
}

/// `enum` and `const`.
#[derive(Debug, Default)]
pub(super) struct Allowed {
    pub texts: Vec<String>,
    pub whole: Vec<i64>,
    pub null: bool,
    pub truths: [bool; 2],
    /// Whether a number that is not whole is among them.
    pub other_numbers: bool,
    /// Whether an array or an object is.
    pub compound: bool,
}

impl Allowed {
    pub(super) fn of(values: &[Value]) -> Self {
        let mut allowed = Self::default();
        for value in values {
            match value {
                Value::Null => allowed.null = true,
                Value::Bool(truth) => allowed.truths[usize::from(*truth)] = true,
                Value::String(text) => allowed.texts.push(text.clone()),
                Value::Number(number) => match number.as_i64() {
                    Some(whole) => allowed.whole.push(whole),
                    None => allowed.other_numbers = true,
                },
                Value::Array(_) | Value::Object(_) => allowed.compound = true,
            }
        }
        allowed
    }

    pub(super) fn has_amount(&self, amount: Amount) -> Result<bool, Undecided> {
        match amount {
            Amount::Whole(number) if self.whole.contains(&number) => Ok(true),
            // Whether 1 is 1.0 is asked of the validator.
            _ if self.other_numbers => Err(Undecided),
            Amount::Whole(_) => Ok(false),
            Amount::Fraction(_) if self.whole.is_empty() => Ok(false),
            Amount::Fraction(number) if number.fract() != 0.0 => Ok(false),
            Amount::Fraction(_) => Err(Undecided),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Strings {
    pub least: Option<u64>,
    pub most: Option<u64>,
    pub rules: Vec<TextRule>,
}

impl Strings {
    #[inline]
    pub(super) fn accept(&self, text: &str) -> bool {
        if self.least.is_some() || self.most.is_some() {
            let bytes = text.len() as u64;
            // A character has one to four bytes: often their number alone decides.
            let surely = self.least.is_none_or(|least| bytes >= least.saturating_mul(4))
                && self.most.is_none_or(|most| bytes <= most);
            if !surely {
                let length = text.chars().count() as u64;
                if self.least.is_some_and(|least| length < least)
                    || self.most.is_some_and(|most| length > most)
                {
                    return false;
                }
            }
        }
        self.rules.iter().all(|rule| rule.accepts(text))
    }
}

/// One end of a range.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    pub limit: Amount,
    pub is_excluded: bool,
}

#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub lower: Vec<Bound>,
    pub upper: Vec<Bound>,
    pub multiple_of: Option<Multiple>,
}

/// `multipleOf`: by whole numbers here, by any other by the validator.
#[derive(Debug)]
pub(super) struct Multiple {
    pub whole: Option<i64>,
    pub leaf: Leaf,
}

impl Numbers {
    pub(super) fn accept(&self, amount: Amount) -> Result<bool, Undecided> {
        for bound in &self.lower {
            let order = compare(amount, bound.limit)?;
            if order.is_lt() || (bound.is_excluded && order.is_eq()) {
                return Ok(false);
            }
        }
        for bound in &self.upper {
            let order = compare(amount, bound.limit)?;
            if order.is_gt() || (bound.is_excluded && order.is_eq()) {
                return Ok(false);
            }
        }
        let Some(multiple) = &self.multiple_of else {
            return Ok(true);
        };
        Ok(match (amount, multiple.whole) {
            (Amount::Whole(number), Some(divisor)) => number % divisor == 0,
            (Amount::Whole(number), None) => multiple.leaf.accepts(&number.into()),
            (Amount::Fraction(number), _) => multiple.leaf.accepts(&number.into()),
        })
    }
}

/// The largest whole number below which 64-bit fractions hold every one.
const EXACT: u64 = 1 << 53;

fn compare(left: Amount, right: Amount) -> Result<std::cmp::Ordering, Undecided> {
    if let (Amount::Whole(left), Amount::Whole(right)) = (left, right) {
        return Ok(left.cmp(&right));
    }
    fraction(left)?.partial_cmp(&fraction(right)?).ok_or(Undecided)
}

fn fraction(amount: Amount) -> Result<f64, Undecided> {
    match amount {
        Amount::Fraction(number) => Ok(number),
        #[expect(clippy::cast_precision_loss, reason = "smaller than the largest that is exact")]
        Amount::Whole(number) if number.unsigned_abs() < EXACT => Ok(number as f64),
        Amount::Whole(_) => Err(Undecided),
    }
}

#[derive(Debug, Default)]
pub(super) struct Arrays {
    pub first: Vec<Id>,
    pub items: Option<Id>,
    pub least: u64,
    pub most: Option<u64>,
    pub unique: bool,
    pub contains: Option<Id>,
}

/// What an object's members without a schema of their own must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    Any,
    None,
    Schema(Id),
}

#[derive(Debug)]
pub(super) struct Objects {
    pub names: Names,
    /// By slot: the schema of a property, none for names that are only asked for.
    pub properties: Vec<Option<Id>>,
    pub required: Slots,
    pub patterns: Vec<(TextRule, Id)>,
    pub others: Others,
    pub property_names: Option<Id>,
    pub least: u64,
    pub most: Option<u64>,
    /// When the first is there, all of the second must be.
    pub dependent: Vec<(usize, Slots)>,
}

impl Default for Objects {
    fn default() -> Self {
        Self {
            names: Names::default(),
            properties: Vec::new(),
            required: Slots::default(),
            patterns: Vec::new(),
            others: Others::Any,
            property_names: None,
            least: 0,
            most: None,
            dependent: Vec::new(),
        }
    }
}

impl Objects {
    /// The slot of a name; `None` when there are too many.
    pub(super) fn slot(&mut self, name: &str) -> Option<usize> {
        let slot = self.names.add(name)?;
        self.properties.resize(self.names.len(), None);
        Some(slot)
    }

    /// Whether a name no property declares needs to be looked at.
    pub(super) fn asks_of_others(&self) -> bool {
        self.others != Others::Any
            || !self.patterns.is_empty()
            || self.property_names.is_some()
            || self.least > 0
            || self.most.is_some()
    }
}
