//! What a filter may do: definitions and functions without environment or exit, and a meter on every way to go on for ever.
//!
//! The tree of each definition is changed before it is compiled: bodies of definitions and folds, elements of arrays and
//! numbers of `range` each take a step of the meter, and what `+` and `*` make is measured. A spent meter ends the run with
//! an exception that `try` cannot catch.

use std::cell::Cell;
use std::time::{Duration, Instant};

use jaq_core::box_iter::box_once;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::native::{Fun, bome, v};
use jaq_core::ops::Math;
use jaq_core::path::{Part, Path};
use jaq_core::{Ctx, Error, Exn, Native, ValX, Vars};
use jaq_json::{Num, Val, read};
use jaq_std::ValT as _;

use super::compile::{Data, Filter};
use super::view;
use super::{JqFailure, JqLimit};

/// Steps of one event.
pub(super) const STEPS: u32 = 1_000_000;
/// Time of one event.
pub(super) const TIME: Duration = Duration::from_secs(2);
/// Bytes of a text, bits of a whole number.
pub(super) const BYTES: usize = 64 << 20;
/// Members of an array or object.
pub(super) const MEMBERS: usize = 1_000_000;
/// Bits of a whole number.
const BITS: u64 = 1 << 20;
/// Bytes of stack that recursion may take.
const DEPTH: usize = 192 << 20;
/// Steps between two looks at the clock.
const LOOK_EVERY: u32 = 64;

// No jq text can name these: a name has no `!`.
const STEP: &str = "step!";
const MEASURED: &str = "measured!";
const PRODUCT: &str = "product!";
const OPERAND: &str = "$operand!";

#[derive(Clone, Copy)]
struct Meter {
    steps: u32,
    until: Option<Instant>,
    stack: usize,
    spent: Option<JqLimit>,
}

thread_local! {
    static METER: Cell<Meter> = const { Cell::new(Meter { steps: 0, until: None, stack: 0, spent: None }) };
}

/// Runs a filter on a value; ends after the first failure.
pub(super) fn run(filter: &Filter, value: Val) -> impl Iterator<Item = Result<Val, JqFailure>> {
    let here = 0_u8;
    let stack = std::ptr::from_ref(&here) as usize;
    METER.set(Meter { steps: STEPS, until: Some(Instant::now() + TIME), stack, spent: None });
    let context = Ctx::<Data>::new(&filter.lut, Vars::new([]));
    let mut failed = false;
    filter.id.run((context, value)).map_while(move |output| {
        if failed {
            return None;
        }
        let output = output.map_err(failure);
        failed = output.is_err();
        Some(output)
    })
}

fn failure(exception: Exn<'_, Val>) -> JqFailure {
    match (exception.get_err(), METER.get().spent) {
        (_, Some(limit)) => JqFailure::Limit(limit),
        (Ok(error), None) => JqFailure::Event(shortened(error.to_string())),
        (Err(_), None) => JqFailure::Event("it broke off".to_owned()),
    }
}

/// A failure repeats the whole value that did not fit, which may be a payload.
fn shortened(words: String) -> String {
    const BEGINNING: usize = 120;
    const END: usize = 60;
    let length = words.chars().count();
    if length <= BEGINNING + END {
        return words;
    }
    let beginning: String = words.chars().take(BEGINNING).collect();
    let end: String = words.chars().skip(length - END).collect();
    format!("{beginning}…{end}")
}

/// Takes a step; an exception once the meter is spent.
fn step(value: Val) -> ValX<'static, Val> {
    let mut meter = METER.get();
    if meter.spent.is_none() {
        let here = 0_u8;
        let used = meter.stack.abs_diff(std::ptr::from_ref(&here) as usize);
        let late = || meter.until.is_some_and(|until| Instant::now() > until);
        meter.spent = match meter.steps {
            0 => Some(JqLimit::Steps),
            _ if used > DEPTH => Some(JqLimit::Depth),
            steps if steps % LOOK_EVERY == 0 && late() => Some(JqLimit::Time),
            _ => None,
        };
        meter.steps = meter.steps.saturating_sub(1);
        METER.set(meter);
    }
    if meter.spent.is_some() { Err(Exn::halt(0)) } else { Ok(value) }
}

fn spend(limit: JqLimit) -> Exn<'static, Val> {
    METER.set(Meter { spent: Some(limit), ..METER.get() });
    Exn::halt(0)
}

fn measured(value: Val) -> ValX<'static, Val> {
    let large = match &value {
        Val::TStr(text) | Val::BStr(text) => text.len() > BYTES,
        Val::Arr(array) => array.len() > MEMBERS,
        Val::Obj(object) => object.len() > MEMBERS,
        Val::Num(Num::BigInt(number)) => number.bits() > BITS,
        _ => false,
    };
    if large { Err(spend(JqLimit::Size)) } else { Ok(value) }
}

/// A product, unless it would be a text beyond the limit.
fn product(left: Val, right: Val) -> ValX<'static, Val> {
    let repeated = match (&left, &right) {
        (Val::TStr(text) | Val::BStr(text), number @ Val::Num(_))
        | (number @ Val::Num(_), Val::TStr(text) | Val::BStr(text)) => {
            number.as_f64().unwrap_or(0.0) * text_len(text.len())
        }
        _ => 0.0,
    };
    if repeated > text_len(BYTES) {
        return Err(spend(JqLimit::Size));
    }
    (left * right).map_err(Exn::from).and_then(measured)
}

#[allow(clippy::cast_precision_loss, reason = "a limit need not be exact to the byte")]
fn text_len(bytes: usize) -> f64 {
    bytes as f64
}

/// Definitions of the language, without those that end the process.
pub(super) fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    let all = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    all.filter(|definition| !matches!(definition.name, "halt" | "halt_error"))
}

/// Functions of the language, without the environment, and those of the meter.
pub(super) fn functions() -> impl Iterator<Item = Fun<Data>> {
    let known = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let allowed = known.filter(|(name, ..)| !matches!(*name, "env" | "halt" | "fromjson"));
    let step: Fun<Data> = (
        STEP,
        v(0),
        Native::new(|cv| box_once(step(cv.1)))
            .with_paths(|cv| {
                let (value, path) = cv.1;
                box_once(step(value).map(|value| (value, path)))
            })
            .with_update(|cv, update| match step(cv.1) {
                Ok(value) => update(value),
                Err(exception) => box_once(Err(exception)),
            }),
    );
    let measured: Fun<Data> = (MEASURED, v(0), Native::new(|cv| box_once(measured(cv.1))));
    let product: Fun<Data> = (
        PRODUCT,
        v(2),
        Native::new(|mut cv| {
            let right = cv.0.pop_var();
            let left = cv.0.pop_var();
            box_once(product(left, right))
        }),
    );
    let from_json: Fun<Data> = ("fromjson", v(0), Native::new(|cv| bome(from_json(&cv.1))));
    allowed.chain([step, measured, product, from_json])
}

/// One JSON value out of a text that is not nested beyond measure.
fn from_json(value: &Val) -> Result<Val, Error<Val>> {
    let (Val::TStr(text) | Val::BStr(text)) = value else {
        return Err(Error::typ(value.clone(), "string"));
    };
    if !view::is_shallow(text) {
        return Err(Error::str("cannot parse JSON nested so deeply"));
    }
    read::parse_single(text)
        .map_err(|error| Error::str(format_args!("cannot parse {value} as JSON: {error}")))
}

/// Names that a filter may call.
pub(super) fn names() -> Vec<String> {
    let functions = functions().map(|(name, ..)| name.to_owned());
    let mut names: Vec<String> = definitions().map(|each| each.name.to_owned()).chain(functions).collect();
    names.retain(|name| !name.contains(['!', '_', '@']));
    names
}

/// Puts the meter into a definition.
pub(super) fn meter(definition: &mut Def<&str>) {
    term(&mut definition.body);
    let body = std::mem::take(&mut definition.body);
    definition.body = pipe(call(STEP, Vec::new()), body);
}

fn call<'s>(name: &'s str, arguments: Vec<Term<&'s str>>) -> Term<&'s str> {
    Term::Call(name, arguments)
}

fn pipe<'s>(left: Term<&'s str>, right: Term<&'s str>) -> Term<&'s str> {
    Term::BinOp(Box::new(left), BinaryOp::Pipe(None), Box::new(right))
}

fn stepped(inner: &mut Term<&str>) {
    *inner = pipe(call(STEP, Vec::new()), std::mem::take(inner));
}

fn term(each: &mut Term<&str>) {
    match each {
        Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Var(_) | Term::Arr(None) => {}
        Term::Str(_, parts) => {
            for part in parts {
                if let StrPart::Term(inner) = part {
                    term(inner);
                }
            }
        }
        Term::Arr(Some(inner)) => {
            term(inner);
            **inner = pipe(std::mem::take(inner), call(STEP, Vec::new()));
        }
        Term::Obj(members) => {
            for (key, value) in members.iter_mut() {
                term(key);
                if let Some(value) = value {
                    term(value);
                }
            }
        }
        Term::Neg(inner) | Term::Label(_, inner) => term(inner),
        Term::BinOp(left, operator, right) => {
            term(left);
            term(right);
            if let BinaryOp::Pipe(Some(bound)) = operator {
                pattern(bound);
            }
            arithmetic(each);
        }
        Term::Fold(..) | Term::TryCatch(..) | Term::IfThenElse(..) => control(each),
        Term::Def(definitions, inner) => {
            definitions.iter_mut().for_each(meter);
            term(inner);
        }
        Term::Call(name, arguments) => {
            arguments.iter_mut().for_each(term);
            if *name == "range" && arguments.len() == 3 {
                *each = pipe(std::mem::take(each), call(STEP, Vec::new()));
            }
        }
        Term::Path(inner, path) => {
            term(inner);
            parts(path);
        }
    }
}

/// Folds, `try` and `if`.
fn control(each: &mut Term<&str>) {
    match each {
        Term::Fold(_, source, bound, bodies) => {
            term(source);
            pattern(bound);
            for (index, body) in bodies.iter_mut().enumerate() {
                term(body);
                if index > 0 {
                    stepped(body);
                }
            }
        }
        Term::TryCatch(inner, caught) => {
            term(inner);
            if let Some(caught) = caught {
                term(caught);
            }
        }
        Term::IfThenElse(branches, otherwise) => {
            for (condition, branch) in branches.iter_mut() {
                term(condition);
                term(branch);
            }
            if let Some(otherwise) = otherwise {
                term(otherwise);
            }
        }
        _ => {}
    }
}

fn parts(path: &mut Path<Term<&str>>) {
    for (part, _) in &mut path.0 {
        match part {
            Part::Index(index) => term(index),
            Part::Range(from, to) => from.iter_mut().chain(to).for_each(term),
        }
    }
}

fn pattern(bound: &mut Pattern<&str>) {
    match bound {
        Pattern::Var(_) => {}
        Pattern::Arr(parts) => parts.iter_mut().for_each(pattern),
        Pattern::Obj(parts) => parts.iter_mut().for_each(|(key, part)| {
            term(key);
            pattern(part);
        }),
    }
}

/// Measures what `+` and `*` make; `l += r` is `r as $x | l |= . + $x`.
fn arithmetic(each: &mut Term<&str>) {
    let Term::BinOp(left, operator, right) = each else {
        return;
    };
    let (left, right) = (std::mem::take(&mut **left), std::mem::take(&mut **right));
    let operator = std::mem::replace(operator, BinaryOp::Comma);
    *each = match operator {
        BinaryOp::Math(Math::Add) => {
            let sum = Term::BinOp(Box::new(left), BinaryOp::Math(Math::Add), Box::new(right));
            pipe(sum, call(MEASURED, Vec::new()))
        }
        BinaryOp::Math(Math::Mul) => call(PRODUCT, vec![left, right]),
        BinaryOp::UpdateMath(math @ (Math::Add | Math::Mul)) => {
            let mut changed =
                Term::BinOp(Box::new(Term::Id), BinaryOp::Math(math), Box::new(Term::Var(OPERAND)));
            arithmetic(&mut changed);
            let update = Term::BinOp(Box::new(left), BinaryOp::Update, Box::new(changed));
            Term::BinOp(Box::new(right), BinaryOp::Pipe(Some(Pattern::Var(OPERAND))), Box::new(update))
        }
        operator => Term::BinOp(Box::new(left), operator, Box::new(right)),
    };
}
