//! Numbers within limits, plausible for the name of their property.

use serde_json::{Map, Value};

use super::names::Name;
use super::random::Random;

/// Numbers without limits of their own stay below this.
const ROOM: f64 = 1000.0;

/// The range a number must lie in, both ends included.
#[derive(Clone, Copy)]
struct Range {
    low: Option<f64>,
    high: Option<f64>,
}

/// An integer or a number by its keywords.
pub(super) fn number(
    keywords: &Map<String, Value>,
    is_integer: bool,
    name: &Name,
    random: &mut Random,
) -> Option<Value> {
    let step = keywords.get("multipleOf").and_then(Value::as_f64).filter(|step| *step > 0.0);
    let range = range(keywords, is_integer);
    if let Some(step) = step {
        return multiple(step, range, is_integer, random);
    }
    let (usual_low, usual_high) = name.usual_range();
    let (low, high) = match (range.low, range.high) {
        (None, None) => (usual_low, usual_high),
        (Some(low), None) if low <= usual_low => (usual_low, usual_high),
        (Some(low), None) => (low, low + (usual_high - usual_low).max(1.0)),
        (None, Some(high)) if high >= usual_high => (usual_low, usual_high),
        (None, Some(high)) => (high - (usual_high - usual_low).max(1.0), high),
        (Some(low), Some(high)) => {
            let narrowed = (low.max(usual_low), high.min(usual_high));
            if narrowed.0 <= narrowed.1 { narrowed } else { (low, high) }
        }
    };
    if is_integer {
        return integer_between(low.ceil(), high.floor(), random);
    }
    let value = low + random.fraction() * (high - low);
    let scale = 10f64.powi(name.decimals());
    let rounded = (value * scale).round() / scale;
    let value = if rounded < low || rounded > high { value } else { rounded };
    serde_json::Number::from_f64(value).map(Value::Number)
}

fn range(keywords: &Map<String, Value>, is_integer: bool) -> Range {
    let limit = |keyword: &str| keywords.get(keyword).and_then(Value::as_f64);
    let flagged = |keyword: &str| keywords.get(keyword) == Some(&Value::Bool(true));
    let tight = |value: f64, up: bool| match (is_integer, up) {
        (true, true) => value.floor() + 1.0,
        (true, false) => value.ceil() - 1.0,
        // A step far above the last bit and far below what limits are written in.
        (false, true) => value + (value.abs() * 1e-9).max(0.01),
        (false, false) => value - (value.abs() * 1e-9).max(0.01),
    };
    let lows = [
        limit("minimum").map(|low| if flagged("exclusiveMinimum") { tight(low, true) } else { low }),
        limit("exclusiveMinimum").map(|low| tight(low, true)),
    ];
    let highs = [
        limit("maximum").map(|high| if flagged("exclusiveMaximum") { tight(high, false) } else { high }),
        limit("exclusiveMaximum").map(|high| tight(high, false)),
    ];
    Range {
        low: lows.into_iter().flatten().reduce(f64::max),
        high: highs.into_iter().flatten().reduce(f64::min),
    }
}

fn multiple(step: f64, range: Range, is_integer: bool, random: &mut Random) -> Option<Value> {
    // An integer that is a multiple of 0.5 is any integer; of 2.5 every second one.
    let step = if is_integer && step.fract() != 0.0 { whole_step(step) } else { step };
    let low = range.low.unwrap_or_else(|| range.high.map_or(0.0, |high| (high - ROOM * step).min(0.0)));
    let high = range.high.unwrap_or(low + ROOM * step);
    // 0.3 / 0.1 is a bit less than 3; the slack is far below any step.
    let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
    let times = to_integer(first)?..=to_integer(last)?;
    if times.is_empty() {
        return None;
    }
    let factor = random.between(*times.start(), *times.end());
    if is_integer {
        return to_integer(step).and_then(|step| factor.checked_mul(step)).map(Value::from);
    }
    decimal_product(factor, step)
}

/// Multiplies in decimal, so that 3 × 0.1 is 0.3.
#[expect(clippy::cast_precision_loss, reason = "factors are small")]
fn decimal_product(factor: i64, step: f64) -> Option<Value> {
    let written = step.to_string();
    let decimals = written.split_once('.').map_or(0, |(_, digits)| digits.len());
    format!("{:.decimals$}", factor as f64 * step).parse::<f64>().ok().map(Value::from)
}

fn whole_step(step: f64) -> f64 {
    (1..=1000)
        .map(|times| f64::from(times) * step)
        .find(|multiple| (multiple - multiple.round()).abs() < 1e-9)
        .map_or(1.0, f64::round)
}

fn integer_between(low: f64, high: f64, random: &mut Random) -> Option<Value> {
    let (low, high) = (to_integer(low)?, to_integer(high)?);
    (low <= high).then(|| random.between(low, high).into())
}

#[expect(clippy::cast_possible_truncation, reason = "the range is asked first")]
fn to_integer(number: f64) -> Option<i64> {
    let fits = (-9.3e18..=9.3e18).contains(&number);
    fits.then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(keywords: &Value, is_integer: bool) -> Option<Value> {
        number(keywords.as_object().unwrap(), is_integer, &Name::new("x"), &mut Random::new(5))
    }

    #[test]
    fn limits_hold() {
        assert_eq!(one(&serde_json::json!({"minimum": 7, "maximum": 7}), true), Some(7.into()));
        assert_eq!(
            one(&serde_json::json!({"exclusiveMinimum": 1, "exclusiveMaximum": 3}), true),
            Some(2.into())
        );
        assert_eq!(one(&serde_json::json!({"minimum": 2.1, "maximum": 2.9}), true), None);
        assert_eq!(
            one(&serde_json::json!({"multipleOf": 7, "minimum": 8, "maximum": 20}), true),
            Some(14.into())
        );
        assert_eq!(
            one(&serde_json::json!({"multipleOf": 2.5, "minimum": 3, "maximum": 6}), true),
            Some(5.into())
        );
        let tenth = one(&serde_json::json!({"multipleOf": 0.1, "minimum": 0.3, "maximum": 0.3}), false);
        assert_eq!(tenth, Some(0.3.into()));
        let old = serde_json::json!({"minimum": 1, "exclusiveMinimum": true, "maximum": 2});
        assert_eq!(one(&old, true), Some(2.into()));
    }
}
