//! Small moves within a layer that make links cross less: swaps of neighbours, and moves over longer distances.

use super::layers::{Layers, Neighbours};

/// Rounds of swapping in one layer.
const SWAPS: usize = 4;
/// Rounds of moving through all layers.
const ROUNDS: usize = 12;

/// Swaps neighbours wherever fewer links cross then.
pub(super) fn swap_all(layers: &mut Layers) {
    for layer in 0..layers.order.len() {
        layers.sort_neighbours(layer);
        for _ in 0..SWAPS {
            if !swap(layers, layer) {
                break;
            }
        }
    }
}

fn swap(layers: &mut Layers, layer: usize) -> bool {
    let mut order = std::mem::take(&mut layers.order[layer]);
    let mut swapped = false;
    for place in 1..order.len() {
        let (upper, lower) = (order[place - 1], order[place]);
        if layers.lane[upper] != layers.lane[lower] {
            continue;
        }
        let (now, then) = both_orders(layers, upper, lower);
        if then < now {
            order.swap(place - 1, place);
            swapped = true;
        }
    }
    layers.order[layer] = order;
    layers.note(layer);
    swapped
}

/// Crossings of the links of two vertices of a layer: as they stand, and the other way round.
fn both_orders(layers: &Layers, upper: usize, lower: usize) -> (u64, u64) {
    let sides = [&layers.left, &layers.right];
    let pair = |side: &&Neighbours| crossings(side.of(upper), side.of(lower), &layers.position);
    sides.iter().map(pair).fold((0, 0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1))
}

/// Both lists are sorted by position: how often their links cross when the first stands above, and when below.
fn crossings(upper: &[usize], lower: &[usize], position: &[usize]) -> (u64, u64) {
    let (mut before, mut until) = (0, 0);
    let (mut above, mut below) = (0, 0);
    for end in upper {
        let end = position[*end];
        while before < lower.len() && position[lower[before]] < end {
            before += 1;
        }
        until = until.max(before);
        while until < lower.len() && position[lower[until]] <= end {
            until += 1;
        }
        above += before as u64;
        below += (lower.len() - until) as u64;
    }
    (above, below)
}

/// Moves every vertex to the best place of its layer, until nothing gets better or `work` comparisons are done.
pub(super) fn settle(layers: &mut Layers, work: usize) {
    let mut left = work;
    for _ in 0..ROUNDS {
        let mut moved = false;
        for layer in 0..layers.order.len() {
            layers.sort_neighbours(layer);
            for vertex in layers.order[layer].clone() {
                moved |= sift(layers, layer, vertex, &mut left);
            }
            layers.note(layer);
        }
        if !moved || left == 0 {
            break;
        }
    }
    swap_all(layers);
}

fn sift(layers: &mut Layers, layer: usize, vertex: usize, work: &mut usize) -> bool {
    let here = layers.order[layer].iter().position(|other| *other == vertex).unwrap_or(0);
    let mut best = (0_i64, here);
    for downwards in [false, true] {
        let mut gain = 0_i64;
        let mut place = here;
        loop {
            let next = if downwards { Some(place + 1) } else { place.checked_sub(1) };
            let other = next.and_then(|next| layers.order[layer].get(next).copied());
            let (Some(next), Some(other)) = (next, other) else { break };
            if layers.lane[other] != layers.lane[vertex] || *work == 0 {
                break;
            }
            *work -= 1;
            let (above, below) = both_orders(layers, vertex, other);
            let step = i64::try_from(above).unwrap_or(i64::MAX) - i64::try_from(below).unwrap_or(i64::MAX);
            gain += if downwards { step } else { -step };
            place = next;
            if gain > best.0 {
                best = (gain, place);
            }
        }
    }
    if best.1 == here {
        return false;
    }
    let order = &mut layers.order[layer];
    order.remove(here);
    order.insert(best.1, vertex);
    true
}
