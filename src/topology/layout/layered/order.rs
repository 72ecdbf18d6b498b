//! The order within layers: sweeps by the middle of neighbours, swaps, and moves, as many as the size allows.

use super::as_float;
use super::layers::Layers;
use super::sift;

/// Vertices and joints looked at in all sweeps together; it bounds the time, so that equal input has equal results.
const WORK: usize = 6_000_000;
/// Sweeps at least and at most.
const SWEEPS: (usize, usize) = (4, 48);
/// Sweeps without a better order before stopping.
const STALE: usize = 8;

/// Orders the layers so that few links cross.
pub(super) fn improve(layers: &mut Layers) {
    let size = layers.rank.len() + layers.right.len();
    let sweeps = (WORK / size.max(1)).clamp(SWEEPS.0, SWEEPS.1);
    let mut best = (u64::MAX, layers.order.clone());
    for start in 0..2 {
        restart(layers, start == 1);
        sweep(layers, sweeps, &mut best);
        if best.0 == 0 || sweeps < SWEEPS.1 / 2 {
            break;
        }
    }
    adopt(layers, best.1);
    sift::settle(layers, WORK / 2);
}

/// Orders the layers in passing: enough to tell which of many ways to break cycles leaves few crossings.
pub(super) fn glance(layers: &mut Layers) {
    let mut best = (u64::MAX, layers.order.clone());
    restart(layers, false);
    sweep(layers, SWEEPS.0, &mut best);
    adopt(layers, best.1);
}

fn adopt(layers: &mut Layers, order: Vec<Vec<usize>>) {
    layers.order = order;
    for layer in 0..layers.order.len() {
        layers.note(layer);
    }
}

fn sweep(layers: &mut Layers, sweeps: usize, best: &mut (u64, Vec<Vec<usize>>)) {
    let count = layers.order.len();
    let mut stale = 0;
    let mut room = Room::default();
    for number in 0..sweeps {
        let by_median = number % 4 >= 2;
        let turn_ties = number % 8 >= 4;
        for step in 1..count {
            let (layer, from_left) =
                if number.is_multiple_of(2) { (step, true) } else { (count - 1 - step, false) };
            arrange(layers, layer, (from_left, by_median, turn_ties), &mut room);
        }
        sift::swap_all(layers);
        let crossings = layers.crossings();
        if crossings < best.0 {
            *best = (crossings, layers.order.clone());
            stale = 0;
        } else {
            stale += 1;
        }
        if best.0 == 0 || stale == STALE {
            break;
        }
    }
}

/// An order to begin with: depth first along the links, from the left or from the right.
fn restart(layers: &mut Layers, from_right: bool) {
    let mut seen = vec![false; layers.rank.len()];
    let mut fresh: Vec<Vec<usize>> = vec![Vec::new(); layers.order.len()];
    let count = layers.order.len();
    for step in 0..count {
        let layer = if from_right { count - 1 - step } else { step };
        for start in layers.order[layer].clone() {
            let mut stack = vec![start];
            while let Some(vertex) = stack.pop() {
                if std::mem::replace(&mut seen[vertex], true) {
                    continue;
                }
                fresh[layers.rank[vertex]].push(vertex);
                let (ahead, behind) = if from_right {
                    (layers.left.of(vertex), layers.right.of(vertex))
                } else {
                    (layers.right.of(vertex), layers.left.of(vertex))
                };
                stack.extend(behind.iter().chain(ahead).rev());
            }
        }
    }
    let lane = &layers.lane;
    for layer in &mut fresh {
        layer.sort_by_key(|vertex| lane[*vertex]);
    }
    adopt(layers, fresh);
}

/// Lists that one layer after the other is arranged in, so that none is made anew.
#[derive(Default)]
struct Room {
    places: Vec<usize>,
    keyed: Vec<(usize, Option<f64>)>,
    moving: Vec<(usize, f64)>,
}

/// Orders one layer by the middle of the neighbours on one side; vertices without any stay where they are.
fn arrange(
    layers: &mut Layers,
    layer: usize,
    (from_left, by_median, turn_ties): (bool, bool, bool),
    Room { places, keyed, moving }: &mut Room,
) {
    keyed.clear();
    keyed.extend(layers.order[layer].iter().map(|vertex| {
        let others = if from_left { layers.left.of(*vertex) } else { layers.right.of(*vertex) };
        places.clear();
        places.extend(others.iter().map(|other| layers.position[*other]));
        (*vertex, middle(places, by_median))
    }));
    let lane = &layers.lane;
    moving.clear();
    moving.extend(keyed.iter().filter_map(|(vertex, key)| key.map(|key| (*vertex, key))));
    if turn_ties {
        moving.reverse();
    }
    moving.sort_by(|left, right| lane[left.0].cmp(&lane[right.0]).then_with(|| left.1.total_cmp(&right.1)));
    // Within a lane the places of those without neighbours are kept; the others fill what is left.
    let mut next = moving.iter();
    let order = &mut layers.order[layer];
    order.clear();
    order.extend(keyed.iter().filter_map(|(vertex, key)| {
        if key.is_none() { Some(*vertex) } else { next.next().map(|(moved, _)| *moved) }
    }));
    order.sort_by_key(|vertex| lane[*vertex]);
    layers.note(layer);
}

fn middle(places: &mut [usize], by_median: bool) -> Option<f64> {
    if places.is_empty() {
        return None;
    }
    if !by_median {
        return Some(as_float(places.iter().sum::<usize>()) / as_float(places.len()));
    }
    places.sort_unstable();
    let half = places.len() / 2;
    if places.len() % 2 == 1 {
        return Some(as_float(places[half]));
    }
    if places.len() == 2 {
        return Some(f64::midpoint(as_float(places[0]), as_float(places[1])));
    }
    // Weighted towards the side where neighbours lie closer together.
    let left = as_float(places[half - 1] - places[0]);
    let right = as_float(places[places.len() - 1] - places[half]);
    let (low, high) = (as_float(places[half - 1]), as_float(places[half]));
    Some(if left + right == 0.0 {
        f64::midpoint(low, high)
    } else {
        (low * right + high * left) / (left + right)
    })
}
