//! Few sets of answers in which every two answers meet: the greedy form of pairwise testing.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::scaffold::manifest::{Manifest, Variable, VariableKind};

/// A question with a closed list of answers.
pub type Axis = (String, Vec<Value>);

/// The questions of a template whose answers can be listed, in the order they are asked.
#[must_use]
pub fn axes(manifest: &Manifest) -> Vec<Axis> {
    let asked = manifest.variables.iter().filter(|(_, variable)| variable.compute.is_none());
    asked
        .map(|(name, variable)| (name.clone(), listed(variable)))
        .filter(|(_, values)| values.len() > 1)
        .collect()
}

fn listed(variable: &Variable) -> Vec<Value> {
    match variable.kind {
        VariableKind::Bool => vec![Value::Bool(false), Value::Bool(true)],
        VariableKind::Choice => variable.choices.iter().map(|choice| Value::from(choice.as_str())).collect(),
        VariableKind::String | VariableKind::Int => {
            variable.check.as_ref().and_then(|check| check.one_of.clone()).unwrap_or_default()
        }
    }
}

/// Two answers to two questions, each as the number of the question and that of the answer.
type Pair = ((usize, usize), (usize, usize));

/// Sets of answers such that each two answers to different questions are together in one of them.
///
/// Without questions there is one empty set; with one question, a set for each answer. The result is always the same.
#[must_use]
pub fn pairwise(axes: &[Axis]) -> Vec<Map<String, Value>> {
    let rows = match axes {
        [] => vec![Vec::new()],
        [(_, values)] => (0..values.len()).map(|value| vec![value]).collect(),
        _ => rows(axes),
    };
    let answers = |row: Vec<usize>| {
        axes.iter().zip(row).map(|((name, values), at)| (name.clone(), values[at].clone())).collect()
    };
    rows.into_iter().map(answers).collect()
}

fn rows(axes: &[Axis]) -> Vec<Vec<usize>> {
    let mut open = all_pairs(axes);
    let mut rows = Vec::new();
    while let Some(first) = open.first().copied() {
        let row = row_for(axes, first, &open);
        for left in 0..row.len() {
            for right in left + 1..row.len() {
                open.remove(&((left, row[left]), (right, row[right])));
            }
        }
        rows.push(row);
    }
    rows
}

fn all_pairs(axes: &[Axis]) -> BTreeSet<Pair> {
    let mut pairs = BTreeSet::new();
    for left in 0..axes.len() {
        for right in left + 1..axes.len() {
            for a in 0..axes[left].1.len() {
                pairs.extend((0..axes[right].1.len()).map(|b| ((left, a), (right, b))));
            }
        }
    }
    pairs
}

/// A row with this pair and, question by question, the answer that brings most pairs nobody has yet.
fn row_for(axes: &[Axis], pair: Pair, open: &BTreeSet<Pair>) -> Vec<usize> {
    let mut chosen: Vec<Option<usize>> = vec![None; axes.len()];
    chosen[pair.0.0] = Some(pair.0.1);
    chosen[pair.1.0] = Some(pair.1.1);
    for axis in 0..axes.len() {
        if chosen[axis].is_some() {
            continue;
        }
        let gain = |value: usize| {
            let others = chosen.iter().enumerate().filter_map(|(other, at)| Some((other, (*at)?)));
            others
                .filter(|&(other, at)| {
                    let pair = ((other, at), (axis, value));
                    open.contains(&if other < axis { pair } else { (pair.1, pair.0) })
                })
                .count()
        };
        // Of equals the first, so that the result does not depend on anything else.
        let best = (0..axes[axis].1.len()).max_by_key(|value| (gain(*value), usize::MAX - value));
        chosen[axis] = best;
    }
    chosen.into_iter().map(Option::unwrap_or_default).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(name: &str, count: usize) -> Axis {
        (name.to_owned(), (0..count).map(Value::from).collect())
    }

    fn meets(rows: &[Map<String, Value>], left: (&str, usize), right: (&str, usize)) -> bool {
        let is =
            |row: &Map<String, Value>, (name, value): (&str, usize)| row[name].as_u64() == Some(value as u64);
        rows.iter().any(|row| is(row, left) && is(row, right))
    }

    #[test]
    fn every_two_answers_meet_in_few_rows() {
        let axes = [axis("broker", 5), axis("tls", 2), axis("outbox", 2), axis("k8s", 2), axis("licence", 3)];
        let rows = pairwise(&axes);
        for (at, (left, values)) in axes.iter().enumerate() {
            for (right, others) in &axes[at + 1..] {
                for a in 0..values.len() {
                    for b in 0..others.len() {
                        assert!(meets(&rows, (left, a), (right, b)), "{left}={a} {right}={b}");
                    }
                }
            }
        }
        // 120 sets answer everything; no fewer than 15 can do for the two longest lists.
        assert!((15..=18).contains(&rows.len()), "{}", rows.len());
        assert_eq!(rows, pairwise(&axes));
    }

    #[test]
    fn none_and_one_question_need_no_pairs() {
        assert_eq!(pairwise(&[]), [Map::new()]);
        assert_eq!(pairwise(&[axis("broker", 3)]).len(), 3);
    }
}
